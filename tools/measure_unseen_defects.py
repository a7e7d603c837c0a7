#!/usr/bin/env python
"""Measures how a detector does on kinds of damage that no training here has ever planted.

    python tools/measure_unseen_defects.py --model=anomaly --pairs=pairs.csv --output=unseen.json

The table has the columns image, content and style: stylised pictures that came out well, and their references. Each is
scored clean and damaged by the kinds below at three severities; printed is the AUROC with its 95% bootstrap interval
over pictures. Below 0.5 a kind looks better to the detector than clean pictures do.
"""

import csv
import json
import pathlib

import cv2
import numpy as np
from absl import flags

from stylegan_tf import commands, files, images
from stylegan_tf.data import defects
from stylegan_tf.metrics import detection

_MODEL = flags.DEFINE_string('model', 'anomaly', 'Name, folder of an export, or run folder.')
_PAIRS = flags.DEFINE_string('pairs', None, 'CSV table with the columns image, content, style.')
_OUTPUT = flags.DEFINE_string('output', None, 'JSON file to write.')
_COUNT = flags.DEFINE_integer('count', 40, 'Pictures.', lower_bound=2)
_SIZE = flags.DEFINE_integer('size', 256, 'Side of the pictures in pixels.', lower_bound=32)
_SEED = flags.DEFINE_integer('seed', 0, 'Decides the pictures and all chance.')

SEVERITIES = (0.25, 0.5, 1.0)


def salt_and_pepper(image, amount, rng):
    """Single pixels black or white; amount is their share."""
    chosen = rng.random(image.shape[:2]) < amount
    return np.where(chosen[..., None], rng.integers(0, 2, image.shape[:2])[..., None], image)


def pixelation(image, amount, rng):
    """Blocks of one colour; amount is their side in pixels."""
    height, width = image.shape[:2]
    small = cv2.resize(image, (width // amount, height // amount), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def posterisation(image, amount, rng):
    """Few values a channel; amount is their number."""
    return np.round(image * (amount - 1)) / (amount - 1)


def shifted_rows(image, amount, rng):
    """Bands of rows displaced sideways; amount is the largest displacement in pixels."""
    changed, row = image.copy(), 0
    while row < len(image):
        height = int(rng.integers(4, 24))
        if rng.random() < 0.5:
            changed[row:row + height] = np.roll(image[row:row + height], int(rng.integers(-amount, amount + 1)), axis=1)
        row += height
    return changed


def colour_fringes(image, amount, rng):
    """Red and blue displaced to opposite sides; amount in pixels."""
    return np.stack([np.roll(image[..., 0], amount, axis=1), image[..., 1], np.roll(image[..., 2], -amount, axis=1)],
                    axis=-1)


def solarisation(image, amount, rng):
    """Values above a threshold turned into their negative; amount is the threshold."""
    return np.where(image > amount, 1 - image, image)


def vignette(image, amount, rng):
    """Corners darkened; amount is the share of light that they lose."""
    rows, columns = (np.linspace(-1, 1, side) for side in image.shape[:2])
    return image * (1 - amount * np.clip((rows[:, None] ** 2 + columns ** 2) / 2, 0, 1))[..., None]


def interlacing(image, amount, rng):
    """Every second row displaced; amount in pixels."""
    changed = image.copy()
    changed[1::2] = np.roll(image[1::2], amount, axis=1)
    return changed


KINDS = {'salt_and_pepper': (salt_and_pepper, (0.01, 0.03, 0.08)), 'pixelation': (pixelation, (2, 4, 8)),
         'posterisation': (posterisation, (10, 6, 4)), 'shifted_rows': (shifted_rows, (3, 6, 12)),
         'colour_fringes': (colour_fringes, (1, 2, 4)), 'solarisation': (solarisation, (0.9, 0.75, 0.6)),
         'vignette': (vignette, (0.25, 0.5, 0.8)), 'interlacing': (interlacing, (2, 4, 8))}


def main():
    """Reads the flags, scores and prints the table."""
    for flag in (_PAIRS, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    rows = _rows()
    commands.import_tensorflow()
    import tqdm

    from stylegan_tf import api

    model = api.load(_MODEL.value)
    scores = {}
    for number, row in enumerate(tqdm.tqdm(rows, unit='picture', mininterval=5)):
        size = (_SIZE.value, _SIZE.value)
        image, content, style = (images.cover_crop(images.read(row[role]), size)
                                 for role in ('image', 'content', 'style'))
        clean = defects.recapture(image, seed=(_SEED.value, number))
        for kind, severity, picture in _pictures(clean, number):
            scores.setdefault((kind, severity), []).append(model.score(picture, content, style).score)
    table = _table(scores)
    files.write_whole(pathlib.Path(_OUTPUT.value), (json.dumps({
        'model': model.name, 'hash': model.hash, 'pictures': len(rows), 'seed': _SEED.value, 'size': _SIZE.value,
        'references': 'content, style', 'auroc': table}, indent=1) + '\n').encode())
    _print(table, len(rows))


def _rows():
    folder = pathlib.Path(_PAIRS.value).parent
    with open(_PAIRS.value, newline='', encoding='utf-8') as file:
        rows = [{role: folder / row[role] for role in ('image', 'content', 'style')} for row in csv.DictReader(file)
                if row.get('content') and row.get('style')]
    if len(rows) < 2:
        raise commands.UsageError(f'{_PAIRS.value} has {len(rows)} rows with content and style; expected two at least.')
    chosen = np.random.default_rng(_SEED.value).permutation(len(rows))[:_COUNT.value]
    return [rows[index] for index in chosen]


def _pictures(clean, number):
    yield 'clean', 0.0, clean
    for index, (kind, (damage, amounts)) in enumerate(KINDS.items()):
        for severity, amount in zip(SEVERITIES, amounts, strict=True):
            rng = np.random.default_rng((_SEED.value, number, index))
            yield kind, severity, defects.to_levels(damage(clean.astype(np.float32) / 255, amount, rng))


def _table(scores):
    """{kind: {severity: [AUROC, low, high]}}, and the same over all kinds under 'mean'."""
    clean = np.array(scores['clean', 0.0])
    damaged = {key: np.array(values) for key, values in scores.items() if key[0] != 'clean'}
    rng = np.random.default_rng(_SEED.value)
    drawn = [rng.integers(len(clean), size=len(clean)) for _ in range(500)]

    def row(keys):
        def mean(index):
            return float(np.mean([detection.auroc(clean[index], damaged[key][index]) for key in keys]))
        low, high = np.quantile([mean(index) for index in drawn], (0.025, 0.975))
        return [round(value, 4) for value in (mean(np.arange(len(clean))), float(low), float(high))]

    table = {kind: {f'{severity:g}': row([(kind, severity)]) for severity in SEVERITIES} for kind in KINDS}
    table['mean'] = {f'{severity:g}': row([(kind, severity) for kind in KINDS]) for severity in SEVERITIES}
    table['mean']['0.5 and 1'] = row([(kind, severity) for kind in KINDS for severity in SEVERITIES[1:]])
    return table


def _print(table, count):
    print(f'AUROC on kinds never planted in training, n = {count} pictures, with content and style, 95% intervals')
    for kind, row in table.items():
        print(f'  {kind:16s}' + '   '.join(f'{severity}: {value:.3f} [{low:.3f}, {high:.3f}]'
                                          for severity, (value, low, high) in row.items()))


def _errors():
    from stylegan_tf.loaded_models import ModelError
    return ModelError, images.ImageError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
