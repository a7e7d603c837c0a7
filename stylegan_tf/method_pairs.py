"""Which pair of content and style each result of a method belongs to, for one method or several beside each other."""

import csv
import dataclasses
import pathlib

from stylegan_tf import images, pairings

SEPARATOR = '__'  # between the names of content and style in the name of a result


@dataclasses.dataclass(frozen=True)
class MethodPair:
    """A pair, and what its result may be called.

    Attributes:
        name: Of the pair.
        content, style: Paths of the pictures.
        results: Names of the result below a method's folder, without suffix, the likeliest first.
    """

    name: str
    content: pathlib.Path
    style: pathlib.Path
    results: tuple[str, ...]


def methods(texts):
    """The folders of --results by the names of their methods.

    Args:
        texts: Each 'FOLDER' or 'NAME=FOLDER'; a folder's own name is the method's.
    Returns:
        Dict name -> path.
    Raises:
        PairingError: A folder does not exist, or two methods have one name.
    """
    found = {}
    for text in texts:
        name, equals, folder = text.partition('=')
        if not equals or pathlib.Path(text).is_dir():
            name, folder = pathlib.Path(text).resolve().name, text
        if not pathlib.Path(folder).is_dir():
            raise pairings.PairingError(f'--results: {folder} is no folder. Expected FOLDER or NAME=FOLDER.')
        if name in found:
            raise pairings.PairingError(f'--results: two methods are called {name}. Name them: NAME=FOLDER.')
        found[name] = pathlib.Path(folder)
    if not found:
        raise pairings.PairingError('--results: expected at least one folder.')
    return found


def plan(folder, content, style):
    """The pairs that a folder of results was made of, told by their names.

    Args:
        folder: Of results at any depth, called CONTENT__STYLE or as their content, as `stylize` calls them.
        content: Picture, or folder of pictures.
        style: Likewise.
    Returns:
        List of MethodPair, in order of the results' names.
    Raises:
        PairingError: No results, or a result whose pictures cannot be told.
    """
    content, style = pathlib.Path(content), pathlib.Path(style)
    by_stem = {role: {_stem(path, given): path for path in images.find_images(given)} if given.is_dir() else {}
               for role, given in (('content', content), ('style', style))}
    found, others = [], set()
    for path in images.find_images(folder):
        name = _stem(path, folder)
        first, separator, second = name.partition(SEPARATOR)
        given = by_stem['content'].get(first), by_stem['style'].get(second)
        if separator and all(given):
            found.append(MethodPair(name, *given, (name,)))
        else:
            others.add(path)
    if others or not found:
        matched = {pairing.image: pairing for pairing in pairings.plan(folder, content=content, style=style)
                   if not found or pairing.image in others}
        found += [MethodPair(_stem(path, folder), pairing.content, pairing.style, (_stem(path, folder),))
                  for path, pairing in matched.items()]
    return sorted(found, key=lambda pair: pair.name)


def read(table, content=None, style=None):
    """The pairs of a CSV table with the columns content and style, and maybe image.

    Results are called as 'image' says, or CONTENT__STYLE, or by the number of the row from 000 on.

    Args:
        table: Path; lines that begin with # are left out.
        content: Folder that the contents' names start from; that of the table if None.
        style: Likewise.
    Returns:
        List of MethodPair, in the table's order.
    Raises:
        PairingError: The table cannot be read, lacks columns or rows, or names a file that is not there.
    """
    table = pathlib.Path(table)
    try:
        with open(table, newline='', encoding='utf-8') as file:
            lines = [(number, line) for number, line in enumerate(file, 1) if line.strip() and line[0] != '#']
            rows = list(csv.DictReader(line for _, line in lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise pairings.PairingError(f'{table}: cannot be read: {getattr(error, "strerror", None) or error}.') from error
    if not rows or not {'content', 'style'} <= set(rows[0]):
        raise pairings.PairingError(f'{table}: expected rows with the columns content, style. Received: '
                                    f'{", ".join(map(str, rows[0])) if rows else "no rows"}.')
    folders = {'content': pathlib.Path(content or table.parent), 'style': pathlib.Path(style or table.parent)}
    found = []
    for index, (row, (line, _)) in enumerate(zip(rows, lines[1:], strict=False)):
        paths = {}
        for role, folder in folders.items():
            paths[role] = folder / (row[role] or '')
            if not paths[role].is_file():
                raise pairings.PairingError(f'{table}, line {line}: {paths[role]} is no file.')
        joined = f'{paths["content"].stem}{SEPARATOR}{paths["style"].stem}'
        image = row.get('image')
        given = (pathlib.PurePath(image).with_suffix('').as_posix(),) if image else ()
        found.append(MethodPair(f'{index:03d}', paths['content'], paths['style'], (*given, f'{index:03d}', joined)))
    return found


def results(folder, pairs):
    """The result of each pair below a method's folder: list of path, None where it is missing.

    Raises:
        PairingError: Two pictures are called the same but for the suffix.
    """
    by_stem = {}
    for path in images.find_images(folder):
        stem = _stem(path, folder)
        if stem in by_stem:
            raise pairings.PairingError(f'{path} and {by_stem[stem]} are called the same. Leave one of them away.')
        by_stem[stem] = path
    return [next((by_stem[name] for name in pair.results if name in by_stem), None) for pair in pairs]


def _stem(path, folder):
    return path.relative_to(folder).with_suffix('').as_posix()
