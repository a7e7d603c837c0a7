"""Judges a restoration model beside classical methods on pictures that it was not trained on.

    python tools/judge_restoration.py --model=runs/denoise --data=photos/ --names=holdout.txt --output=judged/denoise

Each picture is cut to its middle at its own resolution, degraded as in training at fixed severities, and mended by the
model and by OpenCV's methods for the task, each at whichever of its settings is best over these very pictures. Written
are table.md, report.json (per-picture numbers, conditions) and sheet.png. Intervals are 95% bootstraps over pictures.
"""

import json
import pathlib

import cv2
import numpy as np
from absl import flags

from stylegan_tf import commands

_MODEL = flags.DEFINE_string('model', None, 'Name or folder of a restoration model.')
_DATA = flags.DEFINE_string('data', None, 'SPEC of the pictures.')
_NAMES = flags.DEFINE_string('names', None, 'File of names, one a line: only these pictures.')
_COUNT = flags.DEFINE_integer('count', 60, 'At most so many pictures, spread over all.')
_SIZE = flags.DEFINE_integer('size', 256, 'Side of the crops, pixels.')
_SEVERITIES = flags.DEFINE_list('severities', ['0.25', '0.5', '1'], 'Of the degradation, in [0, 1].')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for results.')
_SHEET_ROWS = 8


def main():
    """Degrades, mends, measures, draws."""
    for flag in (_MODEL, _DATA, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    severities = commands.numbers(_SEVERITIES.value, 'severities')
    commands.import_tensorflow()
    from stylegan_tf import api

    model = api.load(_MODEL.value)
    task = model.card['task']
    if task in ('colorize', 'super_resolution'):
        severities = (1.0,)  # of no effect
    pictures = _crops()
    lines, report, rows = [], {'model': model.name, 'hash': model.hash, 'task': task, 'n': len(pictures), 'seed': 0,
                               'size': _SIZE.value, 'interval': '95% bootstrap'}, []
    for severity in severities:
        methods = _mended(model, task, severity, pictures)
        scores = {name: _measured(results, pictures) for name, results in methods.items()}
        report[f'severity {severity:g}'] = {name: {key: list(values) for key, values in row.items()}
                                            for name, row in scores.items()}
        lines += [*_table(task, severity, scores), '']
        rows += _sheet_rows(methods, pictures, _SHEET_ROWS // len(severities) or 1)
    output = pathlib.Path(_OUTPUT.value)
    output.mkdir(parents=True, exist_ok=True)
    text = '\n'.join([*lines, f'n = {len(pictures)} pictures of {_SIZE.value} px; {model.name} {model.hash}; seed 0; '
                              '95% bootstrap intervals over pictures'])
    (output / 'table.md').write_text(text + '\n', encoding='utf-8')
    (output / 'report.json').write_text(json.dumps(report, indent=1), encoding='utf-8')
    from stylegan_tf import images
    images.save(output / 'sheet.png', images.grid(rows, column_labels=[*methods, 'clean']))
    print(text)


def _crops():
    """Middles of the chosen pictures, uint8 [size, size, 3] each; those that are too small are left out."""
    from stylegan_tf import data

    source, size = data.load(_DATA.value), _SIZE.value
    wanted = None
    if _NAMES.value:
        lines = pathlib.Path(_NAMES.value).read_text(encoding='utf-8').splitlines()
        wanted = {line.strip().rsplit('/', 1)[-1] for line in lines if line.strip() and not line.startswith('#')}
    chosen = [index for index, name in enumerate(source.names)
              if wanted is None or name.rsplit('/', 1)[-1] in wanted]
    crops = []
    for index in chosen:
        image = source.read(index).image
        top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
        if min(top, left) >= 0:
            crops.append(image[top:top + size, left:left + size])
    if not crops:
        raise commands.UsageError(f'No picture of {_DATA.value} that is asked for has {size} pixels a side.')
    places = np.linspace(0, len(crops) - 1, min(_COUNT.value, len(crops))).round().astype(int)
    return [np.ascontiguousarray(crops[place]) for place in places]


def _mended(model, task, severity, pictures):
    """Dict method -> its results: what came, the best setting of each classical method, the model."""
    from stylegan_tf.data import degradations

    factor = model.card.get('scale', 1)
    degraded = [degradations.degrade(picture, task, severity, seed=[index], factor=max(factor, 2))
                for index, picture in enumerate(pictures)]
    methods = {} if factor > 1 else {'degraded': [item.image for item in degraded]}
    for name, settings in BASELINES[task].items():
        tried = [[mend(item.image, item.mask, factor) for item in degraded] for mend in settings]
        methods[name] = max(tried, key=lambda results: np.mean(_measured(results, pictures)['psnr']))
    options = [{'mask': np.uint8(item.mask * 255)} if task == 'inpaint' else {} for item in degraded]
    methods['model'] = [model.stylize(item.image, **chosen) for item, chosen in zip(degraded, options)]
    return methods


def _measured(results, pictures):
    from stylegan_tf.metrics import similarity

    return {'psnr': [min(similarity.psnr(result, picture), 60.0) for result, picture in zip(results, pictures)],
            'ssim': [similarity.ssim(result, picture) for result, picture in zip(results, pictures)]}


def _table(task, severity, scores):
    from stylegan_tf.metrics.bootstrap import bootstrap_interval

    def cell(values):
        low, high = bootstrap_interval(values)
        return f'{np.mean(values):.3f} [{low:.3f}, {high:.3f}]'

    rows = [f'| {task}, severity {severity:g} | PSNR, dB | SSIM | PSNR, model ahead by |', '|---|---|---|---|']
    for name, row in scores.items():
        ahead = np.subtract(scores['model']['psnr'], row['psnr'])
        rows.append(f'| {name} | {cell(row["psnr"])} | {cell(row["ssim"])} | '
                    f'{"" if name == "model" else cell(ahead)} |')
    return rows


def _sheet_rows(methods, pictures, count):
    places = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)
    return [[*(results[place] for results in methods.values()), pictures[place]] for place in places]


def _means(strength):
    def mend(image, mask, factor):
        return cv2.fastNlMeansDenoisingColored(image, None, strength, strength, 7, 21)
    return mend


def _bilateral(color):
    return lambda image, mask, factor: cv2.bilateralFilter(image, 7, color, 3)


def _unsharp(sigma, amount):
    def mend(image, mask, factor):
        return cv2.addWeighted(image, 1 + amount, cv2.GaussianBlur(image, (0, 0), sigma), -amount, 0)
    return mend


def _wiener(sigma, noise):
    """Wiener filter against a Gaussian blur of a guessed width."""
    def mend(image, mask, factor):
        height, width = image.shape[:2]
        frequencies = np.hypot(np.fft.fftfreq(2 * height)[:, None], np.fft.fftfreq(2 * width)[None])
        kernel = np.exp(-2 * (np.pi * sigma * frequencies) ** 2)
        mirrored = np.pad(image.astype(np.float32), ((0, height), (0, width), (0, 0)), mode='symmetric')
        spectrum = np.fft.fft2(mirrored, axes=(0, 1)) * (kernel / (kernel ** 2 + noise))[..., None]
        mended = np.fft.ifft2(spectrum, axes=(0, 1)).real[:height, :width]
        return np.rint(np.clip(mended, 0, 255)).astype(np.uint8)
    return mend


def _filled(method, radius):
    return lambda image, mask, factor: cv2.inpaint(image, np.uint8(mask > 0), radius, method)


def _enlarged(interpolation):
    return lambda image, mask, factor: cv2.resize(image, None, fx=factor, fy=factor, interpolation=interpolation)


_DENOISERS = {'non-local means': [_means(strength) for strength in (3, 6, 10, 15, 22)],
              'bilateral': [_bilateral(color) for color in (15, 30, 60)]}
BASELINES = {
    'denoise': _DENOISERS,
    'deblur': {'unsharp mask': [_unsharp(sigma, amount) for sigma in (1, 2, 3) for amount in (0.5, 1, 2)],
               'Wiener': [_wiener(sigma, noise) for sigma in (0.8, 1.2, 2) for noise in (0.01, 0.03, 0.1)]},
    'inpaint': {'Telea': [_filled(cv2.INPAINT_TELEA, radius) for radius in (3, 7)],
                'Navier-Stokes': [_filled(cv2.INPAINT_NS, radius) for radius in (3, 7)]},
    'restore': {**_DENOISERS, 'median': [lambda image, mask, factor, side=side: cv2.medianBlur(image, side)
                                         for side in (3, 5)]},
    'colorize': {},
    'super_resolution': {'bicubic': [_enlarged(cv2.INTER_CUBIC)], 'Lanczos': [_enlarged(cv2.INTER_LANCZOS4)]},
}


def _errors():
    from stylegan_tf.data import DataError
    from stylegan_tf.loaded_models import ModelError

    return DataError, ModelError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
