"""Paints photographs of growing size by the real command: are time and memory linear in the pixels?

    python tools/benchmark.py large --megapixels=1,4,12,24,48 --engine=litert --output=runs/large

Each size is painted once, by a process whose CPU time and peak of memory are taken; the table shows them beside the
line a + b * megapixels that fits all sizes best.
"""

import tempfile

from absl import flags

from stylegan_tf import commands

_MEGAPIXELS = flags.DEFINE_list('megapixels', ['1', '4', '12', '24', '48'], 'Sizes of the photographs.')
_ENGINE = flags.DEFINE_enum('engine', 'litert', ['auto', 'tensorflow', 'litert', 'litert_int8'], 'As of `stylize`.')
_TILE = flags.DEFINE_integer('tile', None, 'As of `stylize`.', 1)
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for large.json and large.png.')


def main():
    """Prints the table."""
    from benchmarks import checks, large_pictures, records

    from stylegan_tf import images

    sizes, largest = commands.numbers(_MEGAPIXELS.value, 'megapixels'), images.MAX_PIXELS / 1e6
    if not sizes or not all(0.01 <= size <= largest for size in sizes):
        raise commands.UsageError(f'--megapixels expects numbers from 0.01 to {largest:g}, such as 1,12. '
                                  f'Received: {",".join(_MEGAPIXELS.value) or "none"}.')
    checks.output_folder(_OUTPUT.value)
    options = [f'--tile={_TILE.value}'] if _TILE.value else []
    with tempfile.TemporaryDirectory() as folder:
        measured = {size: large_pictures.paint(folder, size, _ENGINE.value, options) for size in sizes}
    rows = large_pictures.rows(measured, _ENGINE.value)
    print(records.table(rows))
    if _OUTPUT.value:
        records.save(_OUTPUT.value, 'large', rows, engine=_ENGINE.value, tile=_TILE.value)


if __name__ == '__main__':
    commands.run(main)
