"""Makes a valid archive for this contest: one picture a pair, packed as results.zip.

    python make_submission.py --method=colors
    python make_submission.py --method=model --model=arbitrary_style
    python make_submission.py --method=pack --results=my_results

Methods: `unchanged` and `pasted` are the two that must lose; `colors` moves the content's colours to the style's;
`model` asks a model of the package stylegan_tf, and is the only one that needs it; `pack` checks and packs pictures
that you made yourself, named 000.png, 001.png and so on. Replace `colors` by your own method: a function from content
and style, uint8 [H, W, 3] each, to a picture of the content's size. Needs NumPy and Pillow.
"""

import argparse
import csv
import io
import pathlib
import sys
import zipfile

import numpy as np
from PIL import Image, ImageOps

SIZE = 192  # longer side of a result, pixels; the contest's


def unchanged(content, style):
    """The content itself: keeps everything, has no style."""
    return content


def pasted(content, style):
    """The style picture, stretched: has all the style, keeps nothing."""
    height, width = content.shape[:2]
    return np.asarray(Image.fromarray(style).resize((width, height), Image.Resampling.BICUBIC))


def colors(content, style):
    """The content with mean and covariance of the style's colours (Hertzmann's linear transfer); no strokes."""
    source, target = (pixels.reshape(-1, 3).astype(np.float64) for pixels in (content, style))
    moved = (source - source.mean(0)) @ _root(source, -0.5) @ _root(target, 0.5) + target.mean(0)
    return moved.reshape(content.shape).clip(0, 255).round().astype(np.uint8)


def _root(pixels, power):
    values, vectors = np.linalg.eigh(np.cov(pixels.T) + np.eye(3))
    return (vectors * values ** power) @ vectors.T


def model(name):
    """A method that asks a model of stylegan_tf, by name, folder or style pack."""
    import stylegan_tf as sg

    loaded = sg.load(name)
    return loaded.stylize


METHODS = {'unchanged': unchanged, 'pasted': pasted, 'colors': colors}


def read_pairs(folder):
    """The contest's pairs: list of (content path, style path), in the order of their numbers."""
    folder = pathlib.Path(folder)
    with open(folder / 'pairs.csv', encoding='utf-8', newline='') as file:
        return [(folder / 'content' / row['content'], folder / 'style' / row['style']) for row in csv.DictReader(file)]


def read_picture(path, size=None):
    """A picture, upright and RGB, its longer side at most `size`: uint8 [H, W, 3]."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image).convert('RGB')
        if size and max(image.size) > size:
            scale = size / max(image.size)
            image = image.resize(tuple(max(1, round(side * scale)) for side in image.size), Image.Resampling.LANCZOS)
        return np.asarray(image)


def make_results(pairs, method, size=SIZE):
    """Runs a method on every pair; yields (file name, bytes of a PNG)."""
    for number, (content, style) in enumerate(pairs):
        content = read_picture(content, size)
        picture = np.asarray(method(content, read_picture(style)))
        if picture.shape != content.shape or picture.dtype != np.uint8:
            sys.exit(f'Pair {number}: expected uint8 {content.shape}, received {picture.dtype} {picture.shape}.')
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, 'PNG')
        yield f'{number:03d}.png', buffer.getvalue()


def check_results(pairs, folder, size=SIZE):
    """Reads pictures made elsewhere and checks number and sizes; yields as `make_results`."""
    for number, (content, _) in enumerate(pairs):
        path = next((path for suffix in ('png', 'jpg') if (path := folder / f'{number:03d}.{suffix}').exists()), None)
        if path is None:
            sys.exit(f'{folder}/{number:03d}.png is missing.')
        expected, found = read_picture(content, size).shape, read_picture(path).shape
        if expected != found:
            sys.exit(f'{path} has {found[1]}x{found[0]} pixels; expected {expected[1]}x{expected[0]}.')
        yield path.name, path.read_bytes()


def pack(members, file, description=''):
    """Writes the archive; the same pictures make the same file."""
    with zipfile.ZipFile(file, 'w') as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
        if description:
            archive.writestr(zipfile.ZipInfo('method.md', (1980, 1, 1, 0, 0, 0)), description)


def main():
    """Reads the flags, makes the archive, says what to do with it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--method', choices=[*METHODS, 'model', 'pack'], required=True)
    parser.add_argument('--model', default='arbitrary_style', help='with --method=model: name, folder or style pack')
    parser.add_argument('--results', default='results', help='folder of the pictures; read by --method=pack')
    parser.add_argument('--output', default='results.zip')
    given = parser.parse_args()
    pairs = read_pairs(pathlib.Path(__file__).parent)
    folder = pathlib.Path(given.results)
    if given.method == 'pack':
        members = list(check_results(pairs, folder))
    else:
        members = list(make_results(pairs, model(given.model) if given.method == 'model' else METHODS[given.method]))
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in members:
            (folder / name).write_bytes(data)
    pack(members, given.output, f'Made by make_submission.py --method={given.method}.\n')
    print(f'{given.output}: {len(members)} pictures. See README.md for how to score it here and how to send it.')


if __name__ == '__main__':
    main()
