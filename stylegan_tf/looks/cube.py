"""The .cube files of Adobe, DaVinci Resolve and others: 3D tables as text. NumPy only.

Source: Adobe, Cube LUT Specification 1.0 (2013): red runs fastest, values are display-referred, lines that begin with
# are comments.
"""

import pathlib

import numpy as np

from stylegan_tf import files
from stylegan_tf.looks import tables

_LARGEST = 256  # of the specification


class CubeError(ValueError):
    """A file is no 3D .cube table; the message names the file and says what it should be."""


def write_cube(path, table, *, title='look'):
    """Writes a table.

    Args:
        path: The file, NAME.cube.
        table: float [S, S, S, 3], indexed [red, green, blue].
        title: Shown by programs; no quotes or line breaks.
    Raises:
        ValueError: `table` is none, or `title` would end its line.
        OSError: The file cannot be written.
    """
    tables.require_table(table)
    if any(character in title for character in '"\r\n'):
        raise ValueError(f'Expected a title of one line without quotes. Received: {title!r}.')
    rows = np.asarray(table, np.float32).transpose(2, 1, 0, 3).reshape(-1, 3)
    # Nine significant digits bring every float32 back to the bit.
    lines = [f'TITLE "{title}"', f'LUT_3D_SIZE {table.shape[0]}', 'DOMAIN_MIN 0.0 0.0 0.0', 'DOMAIN_MAX 1.0 1.0 1.0',
             *(' '.join(f'{value:.9g}' for value in row) for row in rows.tolist())]
    files.write_whole(path, ('\n'.join(lines) + '\n').encode('utf-8'))


def read_cube(path):
    """Reads a 3D table.

    Args:
        path: The file.
    Returns:
        float32 [S, S, S, 3], indexed [red, green, blue].
    Raises:
        CubeError: It is no 3D table from [0, 1], or incomplete.
        OSError: It cannot be read.
    """
    size, rows = None, []
    for number, line in enumerate(pathlib.Path(path).read_text(encoding='utf-8', errors='replace').splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith('#') or words[0] == 'TITLE':
            continue
        try:
            if words[0] == 'LUT_3D_SIZE':
                size = int(words[1])
            elif words[0] in ('DOMAIN_MIN', 'DOMAIN_MAX'):
                if [float(word) for word in words[1:4]] != [float(words[0] == 'DOMAIN_MAX')] * 3:
                    raise CubeError(f'{path}: expected a table from 0 to 1. Received: {line.strip()}.')
            elif words[0] == 'LUT_1D_SIZE':
                raise CubeError(f'{path}: expected a 3D table. Received a 1D one; export it as 3D.')
            elif words[0] == 'LUT_3D_INPUT_RANGE':  # Resolve's form of the domain
                if [float(word) for word in words[1:3]] != [0.0, 1.0]:
                    raise CubeError(f'{path}: expected a table from 0 to 1. Received: {line.strip()}.')
            else:
                rows.append([float(word) for word in words])
        except (IndexError, ValueError) as error:
            if isinstance(error, CubeError):
                raise
            raise CubeError(f'{path}: line {number} is not of a .cube table: {line.strip()[:60]!r}.') from error
    return _table(path, size, rows)


def _table(path, size, rows):
    if size is None or not 2 <= size <= _LARGEST:
        raise CubeError(f'{path}: expected a line LUT_3D_SIZE 2..{_LARGEST}. Received: {size}.')
    if len(rows) != size ** 3 or any(len(row) != 3 for row in rows):
        raise CubeError(f'{path}: expected {size ** 3} lines of three numbers. Received: {len(rows)}.')
    values = np.array(rows, np.float32)
    if not np.isfinite(values).all():
        raise CubeError(f'{path}: expected finite numbers. Received some that are not.')
    return values.reshape(size, size, size, 3).transpose(2, 1, 0, 3).copy()
