"""`competition.yaml` and the files beside it -> `bundle.Bundle`; every problem is told with its file and line."""

import csv
import datetime
import hashlib
import io
import pathlib
import re

from stylegan_serving.competition import bundle as bundles
from stylegan_serving.competition import yaml_tree
from stylegan_serving.competition.bundle_files import BundleError
from stylegan_tf import images

YAML = 'competition.yaml'
LANGUAGES = ('en', 'zh')
_TEXT_BYTES = 1 << 20
_PICTURE_BYTES = 64 << 20
_PICTURE_PIXELS = 50_000_000
_PICTURES = ('.png', '.jpg', '.jpeg', '.webp')
SLUG = re.compile(r'[a-z0-9]+(-[a-z0-9]+)*')
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9 _.-]*')
_FAR_FUTURE = 4_102_444_800.0  # 2100


def read(files, describe=None):
    """Reads and checks a whole bundle.

    Args:
        files: Of `bundle_files.open_files`.
        describe: Function from a metric's name to {'better': 'lower'|'higher', ...} that raises ValueError for an
            unknown one, such as `evaluator.describe`; None takes every name.
    Returns:
        `bundle.Bundle`.
    Raises:
        BundleError: With every problem that was found.
    """
    problems = []
    root = _root(files, problems)
    if root is None:
        raise BundleError(problems)
    values = _top(root, files, describe)
    pairs = _pairs(values, root, files)
    problems += root.problems
    if not problems:
        problems += _picture_problems(files, values, pairs)
    if problems:
        raise BundleError(problems)
    del values['pairs_file']
    return bundles.Bundle(pairs=tuple(pairs), **values)


def hash_of(bundle, files):
    """SHA-256 over a bundle and the bytes of its pictures: what installations share that give equal scores."""
    return hashlib.sha256(f'{pictures_hash(bundle, files)}\n{bundles.to_json(bundle)}'.encode()).hexdigest()


def pictures_hash(bundle, files):
    """SHA-256 over the bytes of all content and style pictures, in the order of the pairs."""
    digest, known = hashlib.sha256(), {}
    for name in (name for pair in bundle.pairs for name in bundles.picture_names(bundle, pair)):
        if name not in known:
            known[name] = hashlib.sha256(files.read(name)).hexdigest()
        digest.update(known[name].encode())
    return digest.hexdigest()


def pictures(bundle):
    """The names of the pictures that a contest needs, sorted: list of str."""
    return sorted({name for pair in bundle.pairs for name in bundles.picture_names(bundle, pair)})


def _root(files, problems):
    try:
        text = files.read(YAML, _TEXT_BYTES).decode('utf-8-sig')
    except FileNotFoundError:
        problems.append(f'{YAML}: is missing. A bundle is a folder, or a zip, with a {YAML} at its top.')
    except UnicodeDecodeError as error:
        problems.append(f'{YAML}: expected UTF-8. Received byte {error.object[error.start]:#x} at {error.start}.')
    else:
        try:
            return yaml_tree.parse(text, YAML)
        except yaml_tree.YamlProblem as error:
            problems.append(str(error))
    return None


def _top(root, files, describe):
    fields = root.mapping({'version', 'slug', 'title', 'description', 'rules', 'images', 'pairs', 'private_share',
                           'split_seed', 'size', 'submission', 'phases', 'metrics', 'ranking', 'teams', 'voting'},
                          required={'slug', 'title', 'phases', 'metrics', 'pairs'})
    version = fields.integer('version', 1, 1, 1)
    pictures = fields.child('images', {'content', 'style'})
    submission = fields.child('submission', {'kind', 'maximum_megabytes', 'models'})
    teams = fields.child('teams', {'maximum_members'})
    voting = fields.child('voting', {'enabled', 'per_user_per_hour'})
    return {
        'version': version,
        'slug': fields.text('slug', '', 60, SLUG, 'lower-case letters, digits and single hyphens, such as my-contest'),
        'title': fields.text('title', '', 200),
        'description': _texts(fields, 'description', files),
        'rules': _texts(fields, 'rules', files),
        'content_folder': _folder(pictures, 'content'),
        'style_folder': _folder(pictures, 'style'),
        'pairs_file': fields.text('pairs', 'pairs.csv', 200),
        'private_share': fields.number('private_share', 0.5, 0, 1),
        'split_seed': fields.integer('split_seed', 0, 0, 2 ** 31),
        'size': fields.integer('size', 192, 32, 1024),
        'kind': submission.choice('kind', 'results', ('results', 'model')),
        'models': submission.choice('models', 'off', ('off', 'on')),
        'maximum_megabytes': submission.integer('maximum_megabytes', 200, 1, 10_000),
        'phases': _phases(fields),
        'metrics': _metrics(fields, describe),
        'ranking': fields.choice('ranking', 'weighted', ('weighted', 'mean_rank')),
        'maximum_members': teams.integer('maximum_members', 5, 1, 100),
        'voting': voting.boolean('enabled', True),
        'votes_per_hour': voting.integer('per_user_per_hour', 200, 1, 100_000)}


def _texts(fields, key, files):
    """The Markdown of a file in all languages it is there for: NAME.md, NAME.zh.md."""
    name = fields.text(key, '', 200)
    if not name:
        return {}
    stem, found = name.removesuffix('.md'), {}
    for language in LANGUAGES:
        own = name if language == 'en' else f'{stem}.{language}.md'
        try:
            found[language] = files.read(own, _TEXT_BYTES).decode('utf-8-sig')
        except FileNotFoundError:
            if language == 'en':
                fields.complain(key, f'there is no file {own} in the bundle.')
        except (UnicodeDecodeError, BundleError) as error:
            fields.complain(key, f'{own} is not UTF-8 text of at most 1 MiB ({error}).')
    return found


def _folder(fields, key):
    name = fields.text(key, key, 100).rstrip('/')
    if not name or any(not _NAME.fullmatch(part) for part in name.split('/')):
        fields.complain(key, f'expected a folder of the bundle, such as {key}/. Received: {name!r}.')
    return name


def _phases(fields):
    rows, names, made = fields.items('phases'), set(), []
    for row in rows:
        row = row.mapping({'name', 'title', 'start', 'end', 'quota', 'board', 'final_selection', 'chosen_limit'},
                          required={'name', 'start', 'end'})
        name = row.text('name', '', 60, _NAME, 'letters, digits, spaces, points, hyphens, such as development')
        if name in names:
            row.complain('name', f'another phase is named {name!r}.')
        names.add(name)
        start, end = row.time('start', 0.0), row.time('end', _FAR_FUTURE)
        if start is not None and end is not None and end <= start:
            row.complain('end', f'expected a time after the start. Received: {_shown(end)}, start {_shown(start)}.')
        quota = row.child('quota', {'per_day', 'total', 'concurrent'})
        default = bundles.Quota()
        made.append(bundles.Phase(
            name, start, end, row.text('title', '', 200),
            bundles.Quota(*(quota.integer(key, getattr(default, key), 1, 1_000_000, may_be_none=True)
                            for key in ('per_day', 'total', 'concurrent'))),
            row.choice('board', 'public', ('public', 'hidden')),
            row.choice('final_selection', 'best', ('best', 'last', 'chosen')),
            row.integer('chosen_limit', 1, 1, 100)))
    return tuple(made)


def _metrics(fields, describe):
    made, names = [], set()
    for row in fields.items('metrics'):
        row = row.mapping({'name', 'weight', 'better'}, required={'name'})
        name, known = row.text('name', '', 100), {}
        if describe and name:
            try:
                known = describe(name)
            except ValueError as error:
                row.complain('name', str(error))
        if name in names:
            row.complain('name', f'the metric {name!r} is named twice.')
        names.add(name)
        better = row.choice('better', known.get('better', 'lower'), ('lower', 'higher'))
        if known and better != known['better']:
            row.complain('better', f'of {name} the {known["better"]} value is better. Received: {better}.')
        made.append(bundles.Metric(name, row.number('weight', 1.0, 0, 1e6), better))
    if made and not any(metric.weight for metric in made):
        fields.complain('metrics', 'expected a weight above 0 of at least one metric; those of 0 are shown '
                        'and do not rank.')
    return tuple(made)


def _pairs(values, root, files):
    """The pairs of the CSV, each in its split: list of `bundle.Pair`."""
    name, rows = values['pairs_file'], []
    try:
        text = files.read(name, _TEXT_BYTES * 8).decode('utf-8-sig')
    except FileNotFoundError:
        root.problems.append(f'{name}: is missing. It has the columns content,style and may have split.')
        return rows
    except UnicodeDecodeError:
        root.problems.append(f'{name}: expected UTF-8.')
        return rows
    table = csv.DictReader(io.StringIO(text, newline=''))
    columns = [column.strip() for column in table.fieldnames or ()]
    if not {'content', 'style'} <= set(columns) or set(columns) - {'content', 'style', 'split'}:
        root.problems.append(f'{name}:1: expected the columns content,style[,split]. Received: {",".join(columns)}.')
        return rows
    table.fieldnames, seen = columns, {}
    for row in table:
        line = table.line_num
        content, style = ((row[column] or '').strip() for column in ('content', 'style'))
        split = (row.get('split') or '').strip()
        root.problems += _row_problems(f'{name}:{line}', row, content, style, split, seen)
        seen.setdefault(_result_name(content, style), line)
        rows.append((content, style, split))
    if not rows:
        root.problems.append(f'{name}: expected at least one pair below the line of column names.')
    if len(rows) > 10_000:
        root.problems.append(f'{name}: expected at most 10,000 pairs. Received {len(rows)}.')
    return _with_splits(rows, values['private_share'] or 0, values['split_seed'])


def _row_problems(place, row, content, style, split, seen):
    if None in row or None in row.values():
        yield f'{place}: expected as many values as there are columns.'
    for column, value in (('content', content), ('style', style)):
        if not value or '/' in value or not value.lower().endswith(_PICTURES):
            yield (f'{place}: {column}: expected the name of a picture ({", ".join(_PICTURES)}) in its folder. '
                   f'Received: {value!r}.')
    if split not in ('', 'public', 'private'):
        yield f'{place}: split: expected public or private. Received: {split!r}.'
    if first := seen.get(_result_name(content, style)):
        yield f'{place}: line {first} has the same content and style, up to the endings of their names.'


def _result_name(content, style):
    return f'{pathlib.PurePath(content).stem}__{pathlib.PurePath(style).stem}'


def _with_splits(rows, share, seed):
    """Pairs whose split is not said are shared out by a hash of the seed and their names, as near `share` as can be."""
    def order(index):
        return hashlib.sha256(f'{seed}/{rows[index][0]}/{rows[index][1]}'.encode()).digest()
    free = sorted((index for index, row in enumerate(rows) if not row[2]), key=order)
    count = round(share * len(free))
    if 0 < share < 1 and len(free) > 1:
        count = min(max(count, 1), len(free) - 1)
    private = set(free[:count])
    return [bundles.Pair(index, content, style, split or ('private' if index in private else 'public'))
            for index, (content, style, split) in enumerate(rows)]


def _picture_problems(files, values, pairs):
    there = set(files.names())
    problems = []
    if not any(pair.split == 'public' for pair in pairs):
        problems.append('pairs: expected at least one public pair, so that there is a board before the end.')
    for folder, role in ((values['content_folder'], 'content'), (values['style_folder'], 'style')):
        for name in sorted({getattr(pair, role) for pair in pairs}):
            path = f'{folder}/{name}'
            if path not in there:
                problems.append(f'{path}: is missing; {values["pairs_file"]} names it.')
                continue
            try:
                height, width = images.read(files.read(path, _PICTURE_BYTES), max_pixels=_PICTURE_PIXELS).shape[:2]
            except (images.ImageError, BundleError) as error:
                problems.append(f'{path}: {str(error).removeprefix("<bytes>: ")}')
                continue
            if min(height, width) < 16:
                problems.append(f'{path}: expected at least 16 pixels a side. Received {width} x {height}.')
    return problems


def _shown(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec='minutes')
