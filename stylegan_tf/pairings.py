"""Which photograph and which style picture belong to a stylised picture: by name, one for all, or by a table."""

import csv
import dataclasses
import pathlib

from stylegan_tf import images

REFERENCES = ('content', 'style')


class PairingError(ValueError):
    """Pictures whose references cannot be told; the message says what was looked for."""


@dataclasses.dataclass(frozen=True)
class Pairing:
    """A picture and its references, where they are known."""

    name: str  # of the picture, below the folder that was asked for
    image: pathlib.Path
    content: pathlib.Path | None = None
    style: pathlib.Path | None = None


def plan(source, *, content=None, style=None, left_out=()):
    """The pictures of a folder, or the one, with their references.

    Args:
        source: Picture file, or folder of pictures at any depth.
        content, style: None; a file for all pictures; or a folder with a picture of the same name below it for each.
            The name is that which `stylize` gives its results; another suffix will do where only one fits.
        left_out: Folders whose pictures are passed over, such as results of an earlier run.
    Returns:
        List of Pairing, in order of their names.
    Raises:
        PairingError: No pictures, or one lacks its reference.
    """
    source, left_out = pathlib.Path(source), [pathlib.Path(folder).resolve() for folder in left_out]
    if source.is_file():
        paths, root = [source], source.parent
    elif source.is_dir():
        root = source
        paths = [path for path in images.find_images(source)
                 if not any(folder in path.resolve().parents for folder in left_out)]
    else:
        raise PairingError(f'{source} is neither a file nor a folder.')
    if not paths:
        raise PairingError(f'No pictures below {source} ({", ".join(images.IMAGE_SUFFIXES)}).')
    find = {role: _finder(role, given) for role, given in zip(REFERENCES, (content, style)) if given is not None}
    names = {path: path.relative_to(root) for path in paths}
    return [Pairing(names[path].as_posix(), path, **{role: found(names[path]) for role, found in find.items()})
            for path in paths]


def read(table, folder=None):
    """The rows of a CSV table with the columns image, content and style; the last two may be absent or empty.

    Args:
        table: Path of the table; the index.csv of a benchmark of defects, whose images stand under 'path', too.
        folder: Folder that the paths of images are relative to; the table's own if None. Those of references are
            relative to the table.
    Returns:
        List of Pairing, in the table's order.
    Raises:
        PairingError: The table cannot be read, lacks its columns or rows, or names a file that is not there.
    """
    table = pathlib.Path(table)
    folder = table.parent if folder is None else pathlib.Path(folder)
    try:
        with open(table, newline='', encoding='utf-8') as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PairingError(f'{table}: cannot be read: {getattr(error, "strerror", None) or error}.') from error
    if rows and 'image' not in rows[0] and 'path' in rows[0]:
        rows = [{**row, 'image': row['path']} for row in rows]
    if not rows or 'image' not in rows[0]:
        columns = ', '.join(map(str, rows[0])) if rows else 'no rows'
        raise PairingError(f'{table}: expected rows with the columns image, content, style. Received: {columns}.')
    return [_of_row(row, f'{table}, line {line}', {'image': folder, **dict.fromkeys(REFERENCES, table.parent)})
            for line, row in enumerate(rows, start=2)]


def _of_row(row, where, folders):
    found = {}
    for column, folder in folders.items():
        if row.get(column):
            found[column] = folder / row[column]
            if not found[column].is_file():
                raise PairingError(f'{where}: {found[column]} is no file.')
    if 'image' not in found:
        raise PairingError(f'{where}: the column image is empty.')
    # Results are named after pictures, below a folder of theirs: no way out of it.
    path = pathlib.PurePath(row['image'])
    return Pairing('/'.join(part for part in path.parts if part not in (path.anchor, '..')), **found)


def _finder(role, given):
    """A function from a picture's name to its reference."""
    given = pathlib.Path(given)
    if given.is_file():
        return lambda name: given
    if not given.is_dir():
        raise PairingError(f'--{role}: {given} is neither a file nor a folder.')
    by_name, by_stem = {}, {}
    for path in images.find_images(given):
        name = path.relative_to(given)
        by_name[name] = path
        by_stem.setdefault(name.with_suffix(''), []).append(path)

    def find(name):
        stem = name.with_suffix('')  # results of a.gif are called a.gif.png
        path = by_name.get(name) or by_name.get(stem)
        if path is None and len(by_stem.get(stem, ())) == 1:
            path, = by_stem[stem]
        if path is None:
            raise PairingError(f'--{role}: {given / name} is missing, which {name} was made from. Give one file for '
                               'all, a folder of the same names, or a table by --pairs.')
        return path

    return find
