"""The basics of a Codabench bundle -> a bundle folder of ours: texts, phases, quotas, and pictures if it has any.

What a Codabench bundle does by programs (scoring, ingestion, Docker images) is not taken over: scores are ours.
"""

import dataclasses
import datetime
import io
import pathlib
import re
import zipfile

import yaml

from stylegan_serving.competition import bundle as bundles
from stylegan_serving.competition import bundle_yaml
from stylegan_serving.competition.bundle_files import BundleError, ZipFiles

# How a team's counting submission is chosen there and here.
_RULES = {'force_last': 'last', 'force_latest_multiple': 'last', 'force_best': 'best', 'add': 'chosen',
          'add_and_delete': 'chosen', 'add_and_delete_multiple': 'chosen'}
_PICTURES = ('.png', '.jpg', '.jpeg', '.webp')
_TEXT_BYTES = 1 << 20
_FAR_FUTURE = 4_102_444_800.0


@dataclasses.dataclass(frozen=True)
class Imported:
    """What became of a Codabench bundle.

    Attributes:
        bundle: `bundle.Bundle`.
        files: dict relative path -> bytes: the whole folder.
        notes: What was not taken over, or must still be done; a sentence each.
    """

    bundle: bundles.Bundle
    files: dict
    notes: list


def convert(source, *, metrics, pictures=None):
    """Reads a Codabench bundle.

    Args:
        source: Files of `bundle_files.open_files`.
        metrics: tuple of `bundle.Metric`: what ranks here.
        pictures: Files with content/ and style/ and perhaps pairs.csv; None looks for such in the bundle's data.
    Returns:
        `Imported`.
    Raises:
        BundleError: It is no Codabench bundle.
    """
    top = _yaml(source)
    notes = []
    phases = _phases(top, notes)
    found, pairs = _pictures(pictures, None) if pictures else _pictures_inside(source, top)
    if not pairs:
        notes.append('No pictures were found: put them into content/ and style/ and name the pairs in pairs.csv, '
                     'columns content,style.')
    bundle = bundles.Bundle(
        slug=_slug(top['title']), title=str(top['title'])[:200], phases=phases, metrics=tuple(metrics), pairs=pairs,
        description=_description(source, top, notes), rules=_rules(source, top, notes))
    notes += _left_out(top)
    files = {name: text.encode() for name, text in bundle_yaml.files_of(bundle).items()}
    return Imported(bundle, files | found, notes)


def _yaml(source):
    try:
        top = yaml.safe_load(source.read('competition.yaml', _TEXT_BYTES))
    except FileNotFoundError:
        raise BundleError(['competition.yaml: is missing.']) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BundleError([f'competition.yaml: is no YAML: {" ".join(str(error).split())}.']) from None
    if not isinstance(top, dict) or not top.get('title') or not isinstance(top.get('phases'), list):
        raise BundleError(['competition.yaml: expected a Codabench bundle with title and phases.'])
    if 'pairs' in top and 'slug' in top:
        raise BundleError(['competition.yaml: this is a bundle of ours already; give it to `create`.'])
    return top


def _phases(top, notes):
    selection = _selection(top, notes)
    made, names = [], set()
    for index, row in enumerate(row for row in top['phases'] if isinstance(row, dict)):
        title = str(row.get('name') or f'Phase {index + 1}')
        name = re.sub(r'[^A-Za-z0-9 _.-]', '', title).strip(' _.-')[:50] or f'phase {index + 1}'
        while name in names:
            name += f' {index + 1}'
        names.add(name)
        start, end = _time(row.get('start'), 0.0), _time(row.get('end'), None)
        if end is None:
            following = [_time(other.get('start'), None) for other in top['phases'][index + 1:]
                         if isinstance(other, dict)]
            end = next((time for time in following if time), _FAR_FUTURE)
        if end <= start:
            notes.append(f'Phase {title!r} ended before it began; its end was left open.')
            end = _FAR_FUTURE
        default = bundles.Quota()
        made.append(bundles.Phase(
            name, start, end, title[:200],
            bundles.Quota(_count(row.get('max_submissions_per_day'), default.per_day),
                          _count(row.get('max_submissions'), None), default.concurrent),
            'hidden' if row.get('hide_output') is True else 'public', selection))
    if not made:
        raise BundleError(['competition.yaml: expected at least one phase.'])
    return tuple(made)


def _selection(top, notes):
    boards = top.get('leaderboards') or top.get('leaderboard') or []
    boards = [board for board in (boards if isinstance(boards, list) else [boards]) if isinstance(board, dict)]
    if not boards:
        return 'best'
    columns = [str(column.get('title') or column.get('key')) for column in boards[0].get('columns') or ()
               if isinstance(column, dict)]
    if columns:
        notes.append(f'The columns {", ".join(columns)} came of a scoring program; the metrics of this bundle rank '
                     'instead.')
    if len(boards) > 1:
        notes.append(f'Of {len(boards)} leaderboards the first was taken: here each phase and metric has a board.')
    rule = str(boards[0].get('submission_rule') or 'Force_Best').lower()
    if rule not in _RULES:
        notes.append(f'The submission rule {rule!r} is unknown here; the best submission counts.')
    return _RULES.get(rule, 'best')


def _description(source, top, notes):
    parts = [str(top['description']).strip()] if top.get('description') else []
    for page in top.get('pages') or ():
        if isinstance(page, dict) and page.get('file'):
            text = _text(source, str(page['file']), notes)
            if text:
                parts.append(f'## {page.get("title") or "Page"}\n\n{text.strip()}')
    return {'en': '\n\n'.join(parts) + '\n'} if parts else {}


def _rules(source, top, notes):
    terms = top.get('terms')
    text = _text(source, str(terms), notes) if terms else ''
    return {'en': text} if text else {}


def _text(source, name, notes):
    try:
        text = source.read(name, _TEXT_BYTES).decode('utf-8-sig')
    except (FileNotFoundError, UnicodeDecodeError, BundleError):
        notes.append(f'The page {name} could not be read and was left out.')
        return ''
    if name.lower().endswith(('.html', '.htm')):
        notes.append(f'The page {name} is HTML, of which pages here show the text only; turn it into Markdown.')
    return text


def _pictures_inside(source, top):
    """Pictures in content/ and style/ of the bundle itself, or of a zip that a task names as its data."""
    found, pairs = _pictures(source, None)
    names = [str(row[key]) for row in top.get('tasks') or () if isinstance(row, dict)
             for key in ('input_data', 'reference_data', 'public_data') if row.get(key)]
    for name in dict.fromkeys(names):
        if pairs:
            break
        if name.rstrip('/').lower().endswith('.zip'):
            try:
                with zipfile.ZipFile(io.BytesIO(source.read(name, 512 << 20))) as archive:
                    found, pairs = _pictures(ZipFiles(archive), None)
            except (FileNotFoundError, zipfile.BadZipFile):
                continue
        else:
            found, pairs = _pictures(source, name.rstrip('/'))
    return found, pairs


def _pictures(files, folder):
    """(dict name -> bytes, tuple of pairs) of content/, style/ and pairs.csv below a folder; the last may lack."""
    start = f'{folder}/' if folder else ''
    names = {role: sorted(name.removeprefix(start) for name in files.names()
                          if name.startswith(f'{start}{role}/') and name.lower().endswith(_PICTURES)
                          and name.removeprefix(start).count('/') == 1)
             for role in ('content', 'style')}
    if not names['content'] or not names['style']:
        return {}, ()
    found = {name: files.read(start + name) for role in names.values() for name in role}
    try:
        text = files.read(f'{start}pairs.csv', _TEXT_BYTES).decode('utf-8-sig')
        rows = [tuple(part.strip() for part in line.split(',')[:2]) for line in text.splitlines()[1:] if line.strip()]
    except (FileNotFoundError, UnicodeDecodeError):
        contents, styles = ([pathlib.PurePath(name).name for name in names[role]] for role in ('content', 'style'))
        rows = [(content, styles[index % len(styles)]) for index, content in enumerate(contents)]
    return found, tuple(bundles.Pair(index, *row, 'private' if index % 2 else 'public')
                        for index, row in enumerate(row for row in rows if len(row) == 2))


def _left_out(top):
    parts = [('docker_image', 'the Docker image'), ('image', 'the logo'), ('queue', 'the queue'),
             ('solutions', 'example solutions')]
    tasks = [row for row in top.get('tasks') or () if isinstance(row, dict)]
    names = [words for key, words in parts if top.get(key)]
    if any(row.get('scoring_program') for row in tasks):
        names.append('scoring programs')
    if any(row.get('ingestion_program') for row in tasks):
        names.append('ingestion programs')
    return [f'Not taken over: {", ".join(names)}.'] if names else []


def _time(value, default):
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            return default
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=datetime.UTC)).timestamp()
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC).timestamp()
    return default


def _count(value, default):
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _slug(title):
    return re.sub(r'[^a-z0-9]+', '-', str(title).lower()).strip('-')[:60].strip('-') or 'contest'
