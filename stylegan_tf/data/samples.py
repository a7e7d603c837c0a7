"""Small real data sets that work offline: `sample:photos`, `sample:textures`, `sample:styles`, `sample:digits`.

Photographs, textures and digits are cut from files inside installed packages (scikit-image and
scikit-learn); style pictures are painted by `painter`, some of them after the same photographs. A set is
written once to the cache folder, with a SOURCES.tsv that names source and licence of every picture.
"""

import csv
import dataclasses
import gzip
import shutil
import tempfile
from pathlib import Path

import numpy as np

from stylegan_tf import files, images
from stylegan_tf.data import sources

# Raised whenever the pictures change, so that an older cache is not taken for the new one.
EDITION = 1
DIGITS_PER_CLASS = 60
LONG_SIDE = 640  # pixels; larger photographs are reduced

CC0, PUBLIC_DOMAIN = 'CC0-1.0', 'public domain'
CC_BY = 'CC-BY-2.0'


class SampleError(sources.DataError):
    """There is no such sample set, or it cannot be written."""


@dataclasses.dataclass(frozen=True)
class Original:
    """A picture inside an installed package.

    Attributes:
        path: As for `subjects.packaged_file`.
        licence: SPDX name where there is one.
        credit: Author and origin.
        views: Boxes (left, top, right, bottom), in shares of the sides, that do not overlap.
    """

    path: str
    licence: str
    credit: str
    views: tuple[tuple[float, float, float, float], ...] = ((0, 0, 1, 1),)


_QUARTERS = tuple((x, y, x + 0.5, y + 0.5) for y in (0, 0.5) for x in (0, 0.5))
_HALVES = ((0, 0, 0.5, 1), (0.5, 0, 1, 1))
PHOTOS = (
    Original('skimage/data/astronaut.png', PUBLIC_DOMAIN, 'NASA, portrait of Eileen Collins'),
    Original('skimage/data/camera.png', CC0, 'Lav Varshney'),
    Original('skimage/data/chelsea.png', CC0, 'Stefan van der Walt'),
    Original('skimage/data/coffee.png', CC0, 'Rachel Michetti, Pikolo Espresso Bar'),
    Original('skimage/data/coins.png', 'no known restrictions', 'Brooklyn Museum Collection'),
    Original('skimage/data/hubble_deep_field.jpg', PUBLIC_DOMAIN, 'NASA, HubbleSite', _HALVES),
    Original('skimage/data/ihc.png', 'no known restrictions', 'CMMI, stained tissue'),
    Original('skimage/data/moon.png', PUBLIC_DOMAIN, 'scikit-image, surface of the moon'),
    Original('skimage/data/retina.jpg', CC0, 'Mikael Häggström'),
    Original('skimage/data/rocket.jpg', PUBLIC_DOMAIN, 'SpaceX, launch of DSCOVR'),
    Original('sklearn/datasets/images/china.jpg', CC_BY, 'flickr.com/photos/danielbuechele',
             ((0, 0, 0.56, 1), (0.56, 0.02, 1, 1))),
    Original('sklearn/datasets/images/flower.jpg', CC_BY, 'flickr.com/photos/vultilion'),
)
TEXTURES = (
    Original('skimage/data/brick.png', CC0, 'cc0textures.com, Bricks25', _QUARTERS),
    Original('skimage/data/grass.png', CC0, 'linolafett, deviantart.com', _QUARTERS),
    Original('skimage/data/gravel.png', CC0, 'cc0textures.com, Gravel04', _QUARTERS),
)
_NAMES = (
    'photos',  # real photographs inside scikit-image and scikit-learn
    'textures',  # brick, grass and gravel inside scikit-image
    'styles',  # painted by stylegan_tf.data.painter
    'digits',  # handwritten ones inside scikit-learn, one class a folder
)


def cache_root():
    """Folder of all sample sets: $STYLEGAN_TF_CACHE/samples, else below the user's cache folder."""
    return files.cache_folder('samples')


def sample_folder(name):
    """Folder of a sample set; writes it on first use.

    Safe when several processes ask at once: each writes a folder of its own under a temporary name,
    and the first to finish renames it into place.

    Args:
        name: 'photos', 'textures', 'styles' or 'digits'.
    Returns:
        Path of a folder of PNG files (in one folder a class for 'digits') and SOURCES.tsv.
    Raises:
        SampleError: If the name is unknown or the cache folder cannot be written.
    """
    if name not in _NAMES:
        known = ', '.join(_NAMES)
        raise SampleError(f"Unknown sample set 'sample:{name}'. Expected one of: {known}.")
    folder = cache_root() / str(EDITION) / name
    if (folder / 'SOURCES.tsv').is_file():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f'.{name}.', dir=folder.parent))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        _write(name, temporary)
        temporary.chmod(0o755)
        # Renaming onto a folder that another process has completed fails; then theirs is as good.
        try:
            temporary.rename(folder)
        except OSError:
            if not (folder / 'SOURCES.tsv').is_file():
                raise
    except (OSError, images.ImageError) as error:
        if isinstance(error, FileNotFoundError):
            raise SampleError(str(error)) from error
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def sample_source(name):
    """The folder that the SPEC 'sample:NAME' stands for; as `sample_folder`."""
    return sample_folder(name)


def _unwritable(folder, error):
    return SampleError(
        f'Sample set {folder.name!r} could not be written to {folder.parent}: {error}. '
        'Choose a folder that can be written: STYLEGAN_TF_CACHE=FOLDER.'
    )


def _write(name, folder):
    if name == 'styles':
        rows = list(_paint_styles(folder))
    elif name == 'digits':
        rows = list(_draw_digits(folder))
    else:
        rows = list(_cut_views(PHOTOS if name == 'photos' else TEXTURES, folder))
    with open(folder / 'SOURCES.tsv', 'w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, delimiter='\t', lineterminator='\n')
        writer.writerow(('path', 'title', 'source', 'licence', 'credit'))
        writer.writerows(rows)


def _cut_views(originals, folder):
    from stylegan_tf.data.paintbox.subjects import packaged_file

    for original in originals:
        pixels = images.read(packaged_file(original.path))
        height, width = pixels.shape[:2]
        stem = Path(original.path).stem
        for number, box in enumerate(original.views, start=1):
            left, top, right, bottom = (round(share * side) for share, side in zip(box, (width, height) * 2))
            path = f'{stem}_{number}.png' if len(original.views) > 1 else f'{stem}.png'
            images.save(folder / path, images.fit_within(pixels[top:bottom, left:right], LONG_SIDE))
            yield path, stem.replace('_', ' '), original.path, original.licence, original.credit


def _paint_styles(folder):
    from stylegan_tf.data import painter

    licences = {original.path: (original.licence, original.credit) for original in PHOTOS}
    for name, style in painter.STYLES.items():
        images.save(folder / f'{name}.png', painter.paint(name))
        licence, credit = licences.get(style.origin, ('Apache-2.0', 'stylegan_tf'))
        yield f'{name}.png', style.title, f'painted by stylegan_tf after {style.origin}', licence, credit


def _draw_digits(folder):
    from stylegan_tf.data.paintbox.subjects import packaged_file

    path = 'sklearn/datasets/data/digits.csv.gz'
    with gzip.open(packaged_file(path), 'rt') as file:
        table = np.loadtxt(file, delimiter=',', dtype=np.float32)
    for digit in range(10):
        # Read from the CSV itself, because importing scikit-learn takes over a second.
        for number, row in enumerate(table[table[:, 64] == digit][:DIGITS_PER_CLASS]):
            small = np.pad(row[:64].reshape(8, 8) * (255 / 16), 1)
            pixels = np.clip(images.resize(small, (28, 28)), 0, 255).round().astype(np.uint8)
            name = f'{digit}/{number:03d}.png'
            images.save(folder / name, np.repeat(pixels[..., None], 3, -1))
            credit = 'E. Alpaydin, C. Kaynak, UCI optical recognition of handwritten digits'
            yield name, str(digit), path, 'CC-BY-4.0', credit
