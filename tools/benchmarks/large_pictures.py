"""Time and memory of the real `stylize` command as pictures grow, and how far both are from a line."""

import os
import pathlib
import subprocess
import sys
import time

import numpy as np
from benchmarks import records, turns

SIDES = (4, 3)  # width to height


def paint(folder, megapixels, engine, options=()):
    """Dict of wall_seconds, cpu_seconds and peak_bytes of `stylize` for a JPEG photograph of that size.

    The peak is at least the memory of the calling process: Linux counts it in what is started from there.

    Args:
        folder: For the pictures; the photograph and the style are made where they are missing.
        megapixels: Size of the photograph, of 4 to 3.
        engine: As of `stylize`.
        options: Further flags.
    Raises:
        UsageError: The command failed; says what it printed last.
    """
    folder = pathlib.Path(folder)
    content, style, output = (folder / name for name in (f'{megapixels:g}.jpg', 'style.png', f'{megapixels:g}.png'))
    if not content.exists():
        _make(content, megapixels * 1e6)
    if not style.exists():
        _make(style, 200_000)
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, '-m', 'stylegan_tf', 'stylize', f'--engine={engine}', f'--content={content}',
         f'--style={style}', f'--output={output}', '--overwrite', *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with process.stderr:
        said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise turns.failure('`stylize`', process.returncode, said)
    for path in (output, output.with_name(f'{output.name}.json')):
        path.unlink()
    return {'wall_seconds': time.perf_counter() - start, 'cpu_seconds': usage.ru_utime + usage.ru_stime,
            'peak_bytes': usage.ru_maxrss * 1024}


def _make(path, pixels):
    """A photograph-like picture: smooth colours with fine grain."""
    from stylegan_tf import images

    generator = np.random.default_rng(0)
    unit = (pixels / (SIDES[0] * SIDES[1])) ** 0.5
    size = round(SIDES[1] * unit), round(SIDES[0] * unit)
    picture = images.resize(generator.integers(0, 256, (30, 40, 3), np.uint8), size)
    for top in range(0, size[0], 512):  # a strip at a time: noise takes eight bytes a number
        strip = picture[top:top + 512]
        strip[:] = np.clip(strip + generator.normal(0, 6, strip.shape), 0, 255).astype(np.uint8)
    images.save(path, picture)


def line(sizes, values):
    """Least squares of the relative errors of a + b * size with a >= 0: dict a, b and the largest relative deviation.

    Args:
        sizes, values: Lists of positive numbers.
    """
    sizes, values = np.asarray(sizes, float), np.asarray(values, float)
    matrix = np.stack([1 / values, sizes / values], axis=1)
    a, b = np.linalg.lstsq(matrix, np.ones(len(values)), rcond=None)[0]
    if a < 0:
        a, b = 0.0, float(np.sum(sizes / values) / np.sum((sizes / values) ** 2))
    deviations = (a + b * sizes) / values - 1
    return {'a': float(a), 'b': float(b), 'largest_deviation': float(np.abs(deviations).max())}


def rows(measured, engine):
    """List of Row, one a size and number: what was measured beside the line through all sizes.

    Args:
        measured: Dict megapixels -> what `paint` told.
        engine: Its name.
    """
    found = []
    for name, unit, factor in (('cpu_seconds', 'CPU s', 1.0), ('peak_bytes', 'GB', 1e-9)):
        values = [numbers[name] * factor for numbers in measured.values()]
        fitted = line(list(measured), values)
        for megapixels, value in zip(measured, values, strict=True):
            wanted = fitted['a'] + fitted['b'] * megapixels
            ratio = dict.fromkeys(('median', 'smallest', 'largest'), value / wanted)
            line_text = f'{fitted["a"]:.2g} + {fitted["b"]:.2g} MP'
            found.append(records.Row(f'{engine}, {megapixels:g} megapixels', line_text, unit, value, wanted, ratio,
                                     more={**fitted, **measured[megapixels]}))
    return found
