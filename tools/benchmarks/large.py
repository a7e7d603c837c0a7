"""Paints photographs of growing size by the real command: are time and memory linear in the pixels?

    python tools/benchmark.py large --megapixels=1,4,12,24,48 --engine=litert --output=runs/large

Each size is painted once, by a process whose CPU time and peak of memory are taken; the table shows them beside the
line a + b * megapixels that fits all sizes best.
"""

import subprocess
import tempfile

from absl import flags

from stylegan_tf import commands

_MEGAPIXELS = flags.DEFINE_list('megapixels', ['1', '4', '12', '24', '48'], 'Sizes of the photographs.')
_ENGINE = flags.DEFINE_string('engine', 'litert', 'As of `stylize`.')
_TILE = flags.DEFINE_integer('tile', None, 'As of `stylize`.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for large.json and large.png.')


def main():
    """Prints the table."""
    from benchmarks import large_pictures, records

    sizes = commands.numbers(_MEGAPIXELS.value, 'megapixels')
    if not sizes or min(sizes) < 0.01:
        raise commands.UsageError('--megapixels expects numbers from 0.01 on.')
    options = [f'--tile={_TILE.value}'] if _TILE.value else []
    with tempfile.TemporaryDirectory() as folder:
        measured = {size: large_pictures.paint(folder, size, _ENGINE.value, options) for size in sizes}
    rows = large_pictures.rows(measured, _ENGINE.value)
    print(records.table(rows))
    if _OUTPUT.value:
        records.save(_OUTPUT.value, 'large', rows, engine=_ENGINE.value, tile=_TILE.value)


if __name__ == '__main__':
    commands.run(main, errors=(subprocess.CalledProcessError,))
