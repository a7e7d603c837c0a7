"""The reproduction bundle: one zip with all that a board rests on, which can be verified without this database."""

import dataclasses
import importlib.metadata
import json
import platform
import zipfile

from stylegan_serving.competition import bundle as bundles
from stylegan_serving.competition import bundle_yaml, records, score_log, sealed_zip

LOG, STANDINGS, SUBMISSIONS = 'score_log.jsonl', 'standings.json', 'submissions.jsonl'
ARCHIVES = ('none', 'counting', 'all')
_PACKAGES = ('stylegan-tf', 'tensorflow', 'keras', 'numpy', 'opencv-python-headless', 'pillow', 'scipy')
_SHOWN = ('id', 'number', 'phase', 'team_id', 'kind', 'title', 'state', 'archive_sha256', 'archive_bytes', 'created_at',
          'started_at', 'finished_at', 'attempts', 'error', 'evaluator_hash', 'is_final', 'is_hidden', 'flags')
_README = """\
# {title}: what its boards rest on

- `bundle/`: the contest; `python -m stylegan_serving.competition create --bundle=bundle` makes it anew.
- `{log}`: the score log, each line hashed over the one before it, private scores with it.
- `{standings}`: per phase, split and team the submission that counts, as the server had it.
- `{submissions}`, `scores.jsonl`, `pair_scores.jsonl`: every submission and its numbers.
- `votes.jsonl`: blind votes; voters are numbered.
- `archives/`: what participants handed in ({archives}).
- `environment.json`: versions of the server that wrote this. `SHA256SUMS`: of every file.

Check the log and make the boards anew from it:

    python -m stylegan_serving.competition verify --export=FILE.zip
"""


def write(store, storage, contest, target, *, archives='counting'):
    """Writes the reproduction bundle of a contest. It holds private scores: it is for organisers.

    Args:
        contest: `records.Contest`.
        target: Path or binary file to write the zip to.
        archives: Whose archives go along: 'none', 'counting' (those on a board) or 'all'.
    Returns:
        Number of files in it.
    Raises:
        score_log.BrokenLog: The log does not verify; nothing that rests on it is written.
    """
    store.scores.verify_log(contest.id)
    return sealed_zip.write(target, _files(store, storage, contest, archives))


def read_log(path):
    """The log and the standings of a reproduction bundle.

    Returns:
        (bundle as dict, list of `records.LogEntry`, standings as `score_log.standings` gives them, dict team id ->
        name).
    Raises:
        score_log.BrokenLog: The file is no such bundle, or a sum of SHA256SUMS does not fit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sealed_zip.check(archive)
            bundle = json.loads(archive.read('bundle.json'))
            entries = [records.LogEntry(**json.loads(line)) for line in archive.read(LOG).splitlines()]
            rows = json.loads(archive.read(STANDINGS))
    except sealed_zip.BrokenSeal as error:
        raise score_log.BrokenLog(str(error)) from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise score_log.BrokenLog(f'{path}: is no reproduction bundle ({error}).') from error
    standings = {(row['phase'], row['split'], row['team_id']): (row['submission_id'], row['entries'], row['scores'])
                 for row in rows}
    return bundle, entries, standings, {row['team_id']: row['team'] for row in rows}


def _files(store, storage, contest, archives):
    """(name, blocks of bytes) of every file but the sums."""
    bundle = bundles.from_dict(contest.bundle)
    for name, text in bundle_yaml.files_of(bundle).items():
        yield f'bundle/{name}', [text.encode()]
    for name in sorted({name for pair in bundle.pairs for name in bundles.picture_names(bundle, pair)}):
        yield f'bundle/{name}', storage.blocks(f'{contest.bundle_files}/{name}')
    yield 'bundle.json', [_json(contest.bundle)]
    teams = {team.id: team.name for team in store.teams.teams(contest.id)}
    standings, log = at_one_moment(store, contest.id)
    yield STANDINGS, [_json([
        {'phase': phase, 'split': split, 'team_id': team, 'team': teams[team], 'submission_id': submission,
         'entries': entries, 'scores': scores}
        for (phase, split, team), (submission, entries, scores) in sorted(standings.items())])]
    yield LOG, (_line(dataclasses.asdict(entry)) for entry in log)
    yield SUBMISSIONS, (_line({name: getattr(row, name) for name in _SHOWN} | {'team': teams[row.team_id]})
                        for row in _all(store, contest.id))
    yield 'scores.jsonl', (_line(dataclasses.asdict(score)) for row in _all(store, contest.id, 'scored')
                           for score in store.scores.of(row.id))
    yield 'pair_scores.jsonl', (
        _line({name: getattr(score, name) for name in ('submission_id', 'pair', 'split', 'metrics')})
        for row in _all(store, contest.id, 'scored') for score in store.scores.pair_scores(row.id))
    yield 'votes.jsonl', _votes(store, contest.id)
    yield 'environment.json', [_json(_environment(contest))]
    yield 'README.md', [_README.format(title=contest.title, log=LOG, standings=STANDINGS, submissions=SUBMISSIONS,
                                       archives=archives).encode()]
    counting = {submission for submission, _, _ in standings.values()}
    for row in _all(store, contest.id):
        wanted = archives == 'all' or (archives == 'counting' and row.id in counting)
        if wanted and storage.exists(row.archive_key):
            ending = row.archive_key.rsplit('/', 1)[-1].partition('.')[2] or 'zip'
            yield f'archives/{row.number:05d}.{ending}', storage.blocks(row.archive_key)


def _all(store, contest_id, state=None):
    """Every submission of a contest, newest first, page by page."""
    after = None
    while page := store.submissions.list(contest_id, state=state, limit=500, after=after):
        yield from page
        after = page[-1].number


def at_one_moment(store, contest_id):
    """(standings, log entries) between which no submission ended."""
    while True:
        version = store.scores.version(contest_id)
        standings, log = store.scores.standings(contest_id), list(store.scores.whole_log(contest_id))
        if store.scores.version(contest_id) == version:
            return standings, log


def _votes(store, contest_id):
    voters = {}
    for vote in store.votes.list(contest_id):
        row = dataclasses.asdict(vote)
        del row['session_key'], row['contest_id']
        yield _line(row | {'voter_id': voters.setdefault(vote.voter_id, len(voters) + 1)})


def _environment(contest):
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {'contest': contest.slug, 'bundle_hash': contest.bundle_hash, 'state': contest.state,
            'python': platform.python_version(), 'machine': platform.machine(), 'system': platform.system(),
            'packages': versions}


def _json(value):
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _line(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode() + b'\n'
