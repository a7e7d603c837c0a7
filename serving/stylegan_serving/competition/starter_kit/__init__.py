"""What a participant starts with: the contest's pictures, the list of pairs and a script that makes a valid archive."""

import csv
import io
import pathlib
import re
import shutil
import zipfile

_FOLDER = pathlib.Path(__file__).parent
_TIME = (1980, 1, 1, 0, 0, 0)


def write(bundle, open_file, target):
    """Writes the kit as a zip; the same contest makes the same file.

    Which pairs are private is not told.

    Args:
        bundle: `bundle.Bundle` as dict.
        open_file: Function path in the bundle, such as 'content/cat.jpg', -> context manager of a binary file.
        target: Path or binary file.
    """
    with zipfile.ZipFile(target, 'w') as archive:
        for name, text in (('README.md', _readme(bundle)), ('make_submission.py', _script(bundle)),
                           ('pairs.csv', _pairs(bundle))):
            archive.writestr(_member(name), text)
        for role in ('content', 'style'):
            for name in dict.fromkeys(pair[role] for pair in bundle['pairs']):
                with (open_file(f'{bundle[f"{role}_folder"]}/{name}') as source,
                      archive.open(_member(f'{role}/{name}'), 'w') as member):
                    shutil.copyfileobj(source, member)


def contest_file_opener(contest, storage):
    """The function `open_file` of `write` for a contest whose bundle lies in a storage."""
    return lambda path: storage.open(f'{contest.bundle_files}/{path}')


def _member(name):
    member = zipfile.ZipInfo(name, _TIME)
    member.external_attr = 0o100644 << 16
    return member


def _readme(bundle):
    ranked = ', '.join(f'`{metric["name"]}` ({metric["better"]} is better, weight {metric["weight"]:g})'
                       for metric in bundle['metrics'])
    return (_FOLDER / 'README.md').read_text('utf-8').format(
        title=bundle['title'], last=len(bundle['pairs']) - 1, size=bundle['size'], slug=bundle['slug'],
        megabytes=bundle['maximum_megabytes'], ranked=ranked,
        metrics=','.join(metric['name'] for metric in bundle['metrics']))


def _script(bundle):
    text = (_FOLDER / 'make_submission.py').read_text('utf-8')
    return re.sub(r'^SIZE = \d+', f'SIZE = {bundle["size"]}', text, count=1, flags=re.MULTILINE)


def _pairs(bundle):
    table = io.StringIO()
    writer = csv.writer(table, lineterminator='\n')
    writer.writerow(('content', 'style'))
    pairs = sorted(bundle['pairs'], key=lambda pair: pair['index'])
    writer.writerows((pair['content'], pair['style']) for pair in pairs)
    return table.getvalue()
