"""What the command `generate` makes of a `GeneratorModel`: folders, grids, films, sweeps and matrices."""

import dataclasses
import json
import pathlib

import numpy as np

from stylegan_tf import files, images
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.version import __version__

RECORD_FILE = 'generated.json'
AT_ONCE = 64  # pictures drawn and written before the next
SWEEP = (0.0, 0.25, 0.5, 0.75, 1.0)  # truncations


class DrawingError(ValueError):
    """Pictures that cannot be drawn or written as asked; the message is one line that says what can."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to draw.

    Attributes:
        count: Pictures; of each class for `write_classes`; key pictures of a film; columns of sweeps and matrices.
        seed: Decides the noise.
        label: Class by name, or None.
        truncation: From 0 to 1.
        enlarge: Whole factor that grids, films, sweeps and matrices are enlarged by, pixel by pixel; 0 = by size.
        has_provenance: Pictures name the model in their metadata.
    """

    count: int = 16
    seed: int = 0
    label: str | None = None
    truncation: float = 1.0
    enlarge: int = 0
    has_provenance: bool = True


def write_folder(model, folder, settings, *, overwrite=False, progress=iter):
    """Writes FOLDER/00000.png and so on; pictures of the same record that are there already are kept.

    Args:
        model: `GeneratorModel`.
        folder: Path; made when absent.
        settings: `Settings`.
        overwrite: Replaces pictures that were made otherwise.
        progress: Callable that wraps the iterable of groups of pictures, such as tqdm.
    Returns:
        Number of pictures written.
    Raises:
        DrawingError: The folder holds pictures that were made otherwise, or cannot be written.
        ModelError: From the model.
    """
    plan = [(f'{index:05d}.png', index, settings.label) for index in range(settings.count)]
    return _write(model, folder, settings, plan, overwrite, progress)


def write_classes(model, folder, settings, *, overwrite=False, progress=iter):
    """Writes FOLDER/CLASS/00000.png and so on, `settings.count` of each class: a folder to train on, as --data.

    Arguments, result and errors as `write_folder`; a model without classes is refused.
    """
    names = model.label_names
    if not names:
        raise ModelError(f'The model {model.name} knows no classes: draw pictures without them.')
    if settings.label is not None:
        names = (names[model.label_index(settings.label)],)
    # Each class has noise of its own, so that a class is the same whichever others are drawn.
    plan = [(f'{name}/{index:05d}.png', model.label_index(name) * settings.count + index, name)
            for name in names for index in range(settings.count)]
    return _write(model, folder, settings, plan, overwrite, progress)


def _write(model, folder, settings, plan, overwrite, progress):
    folder = pathlib.Path(folder)
    record = {'model': model.name, 'hash': model.hash, 'package': f'stylegan_tf {__version__}', 'seed': settings.seed,
              'truncation': settings.truncation, 'label': settings.label,
              # Where classes share the noise out, its places depend on the count.
              **({'count': settings.count} if any('/' in name for name, _, _ in plan) else {})}
    try:
        _check_record(folder, record, overwrite)
        missing = [row for row in plan if overwrite or not (folder / row[0]).is_file()]
        files.write_whole(folder / RECORD_FILE, (json.dumps(record, indent=2) + '\n').encode())
        latent = model.noise(max((place for _, place, _ in plan), default=0) + 1, settings.seed)
        groups = [missing[start:start + AT_ONCE] for start in range(0, len(missing), AT_ONCE)]
        for group in progress(groups):
            pictures = model.generate(latent=latent[[place for _, place, _ in group]],
                                      label=[label for _, _, label in group], truncation=settings.truncation)
            for (name, _, label), picture in zip(group, pictures, strict=True):
                metadata = _provenance(model, settings, label)
                files.write_whole(folder / name, images.encode(picture, 'png', metadata=metadata))
    except OSError as error:
        raise DrawingError(f'{folder} cannot be written: {error.strerror}.') from error
    return len(missing)


def _check_record(folder, record, overwrite):
    path = folder / RECORD_FILE
    if overwrite or not path.is_file():
        if not overwrite and folder.is_dir() and any(folder.rglob('*.png')):
            raise DrawingError(f'{folder} holds pictures of another origin. Choose another folder, or --overwrite.')
        return
    try:
        there = json.loads(path.read_text(encoding='utf-8'))
    except ValueError:
        there = {}
    changed = [name for name in record if there.get(name) != record[name] and name != 'package']
    if changed:
        raise DrawingError(f'{folder} holds pictures that were made otherwise (another {", ".join(changed)}). Choose '
                           'another folder, or --overwrite.')


def _provenance(model, settings, label):
    if not settings.has_provenance:
        return None
    return {'Software': f'stylegan_tf {__version__}', 'Description': f'Drawn by the model {model.name}',
            'Model': model.name, 'ModelHash': model.hash, 'Seed': str(settings.seed),
            'Truncation': f'{settings.truncation:g}', **({} if label is None else {'Label': str(label)})}


def save_sheet(path, pixels, model, settings):
    """Writes a sheet whose metadata names the model; raises ImageError."""
    images.save(path, pixels, metadata=_provenance(model, settings, settings.label))


def grid(model, settings):
    """A sheet of `count` pictures, uint8: by class in rows where no label is asked for and the model has classes."""
    if model.label_names and settings.label is None:
        columns = max(1, settings.count // len(model.label_names))
        latent = model.noise(columns, settings.seed)
        rows = [model.generate(latent=latent, label=name, truncation=settings.truncation) for name in model.label_names]
        return _sheet(rows, settings, row_labels=list(model.label_names))
    pictures = model.generate(settings.count, seed=settings.seed, label=settings.label, truncation=settings.truncation)
    columns = int(np.ceil(np.sqrt(len(pictures))))
    return _sheet([pictures[start:start + columns] for start in range(0, len(pictures), columns)], settings)


def truncation_sweep(model, settings, values=SWEEP):
    """A sheet: the same noise down, truncation from the mean picture to all there is across."""
    latent = model.noise(settings.count, settings.seed)
    columns = [model.generate(latent=latent, label=settings.label, truncation=value) for value in values]
    return _sheet(list(zip(*columns)), settings, column_labels=[f'{value:g}' for value in values])


def mixing_matrix(model, settings, layers=None):
    """A sheet: the pictures of the first row with the styles of the first column in some layers.

    Args:
        model: `GeneratorModel` with codes.
        settings: `Settings`; `count` rows and columns.
        layers: (first, last) of the layers whose style comes from the column, counted from 0, last included; None: the
            coarser half, which decides form and pose.
    Raises:
        ModelError: The model has no codes, or no such layers.
    """
    codes = model.codes(2 * settings.count, seed=settings.seed, label=settings.label, truncation=settings.truncation)
    across, down = codes[:settings.count], codes[settings.count:]
    count = codes.shape[1]
    first, last = (0, max(0, count // 2 - 1)) if layers is None else layers
    if not 0 <= first <= last < count:
        raise ModelError(f'Layers of the model {model.name} are 0 to {count - 1}, first and last. '
                         f'Received: {first} and {last}.')
    rows = [[None, *model.draw(across)]]
    for code, picture in zip(down, model.draw(down), strict=True):
        mixed = across.copy()
        mixed[:, first:last + 1] = code[first:last + 1]
        rows.append([picture, *model.draw(mixed)])
    return _sheet(rows, settings, caption=f'layers {first} to {last} from the left, the others from above')


def interpolation(model, settings, frames=24):
    """Frames of a film from one picture to the next and back to the first, uint8 [H, W, 3] each.

    Through the codes in straight lines; through the noise on great circles where the model has no codes.

    Args:
        model: `GeneratorModel`.
        settings: `Settings`; `count` pictures to pass. Without a label a model with classes goes through them in turn.
        frames: From each picture to the next.
    """
    label = settings.label
    if label is None and model.label_names:
        label = [model.label_names[index % len(model.label_names)] for index in range(settings.count)]
    latent = model.noise(settings.count, settings.seed)
    if model.has_codes:
        points = model.codes(latent=latent, label=label, truncation=settings.truncation)
    else:
        points = latent
    enlarge = None
    for index, point in enumerate(points):
        after, shares = points[(index + 1) % len(points)], np.arange(frames)[:, None] / frames
        if model.has_codes:
            steps = point[None] + shares[:, :, None] * (after - point)[None]
            drawn = model.draw(steps)
        else:
            name = None if label is None else label if isinstance(label, str) else label[index]
            path = great_circle(point, after, shares)
            drawn = model.generate(latent=path, label=name, truncation=settings.truncation)
        for picture in drawn:
            enlarge = enlarge or _factor(settings, picture)
            yield _enlarged(picture, enlarge)


def great_circle(start, end, shares):
    """Points between two vectors that keep the length of noise: spherical interpolation.

    Args:
        start: [Z].
        end: [Z].
        shares: [N, 1], 0 at the start and 1 at the end.
    Returns:
        Float [N, Z].
    Source: Shoemake 1985, equation 5; for noise White 2016, "Sampling Generative Networks".
    """
    cosine = np.dot(start, end) / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if np.sin(angle) < 1e-4:
        return start + shares * (end - start)
    return (np.sin((1 - shares) * angle) * start + np.sin(shares * angle) * end) / np.sin(angle)


LEGIBLE_SIDE = 56  # pixels


def _factor(settings, picture):
    return settings.enlarge or -(-LEGIBLE_SIDE // min(picture.shape[:2]))


def _enlarged(picture, factor):
    return np.repeat(np.repeat(picture, factor, axis=0), factor, axis=1)


def _sheet(rows, settings, **labels):
    factor = _factor(settings, next(cell for cell in rows[-1] if cell is not None))
    return images.grid([[None if cell is None else _enlarged(cell, factor) for cell in row] for row in rows], **labels)
