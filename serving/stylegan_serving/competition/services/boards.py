"""Leaderboards, their history, the gallery and the score log, as the caller may see them now."""

import csv
import dataclasses
import io
import json

from stylegan_serving.competition import ranking, rules, score_log
from stylegan_serving.competition.services import errors

SPLITS = ('public', 'private')
_KEPT_BOARDS = 128


@dataclasses.dataclass(frozen=True)
class Board:
    """A leaderboard.

    Attributes:
        phase: Name of the phase.
        split: 'public' or 'private'.
        metric: 'score' or one of the contest's metrics.
        better: 'lower' or 'higher': which value wins.
        version: Changes whenever the board may have.
        places: tuple of `ranking.Place`, best first.
        teams: dict team id -> name, of the teams on it.
    """

    phase: str
    split: str
    metric: str
    better: str
    version: int
    places: tuple
    teams: dict


def may_see(scene, phase, split):
    """Whether the caller may see scores of a split on the board of a phase now."""
    return rules.may_see_split(scene.contest, phase, split, scene.platform.now(), role=scene.contest_role,
                               is_admin=scene.caller.is_admin)


def board(scene, *, phase=None, metric=ranking.SCORE, split=None):
    """A leaderboard of the scene's contest. Ranked once for all who ask until it changes.

    Args:
        scene: `Scene` with a contest.
        phase: Name of a phase; the open or last one if None.
        metric: 'score' or one of the contest's metrics.
        split: 'public' or 'private'; the one that ranks now if None.
    Returns:
        `Board`.
    Raises:
        Invalid: There is no such phase, metric or split.
        Forbidden: The caller may not see it (yet).
    """
    phase, split = _checked(scene, phase, metric, split)
    contest, platform = scene.contest, scene.platform
    version = platform.store.scores.version(contest.id)

    def rank():
        rows = platform.store.scores.board_rows(contest.id, phase, split)
        return Board(phase, split, metric, _better(contest.bundle, metric), version,
                     tuple(ranking.places([row for row, _ in rows], contest.bundle, metric)),
                     {row.team_id: name for row, name in rows})

    return _kept(platform, ('board', contest.id, phase, metric, split), version, rank)


def board_json(found, first=0, count=None):
    """A board as dict; with `first` and `count` a part of its places."""
    places = found.places[first:None if count is None else first + count]
    return {'phase': found.phase, 'split': found.split, 'metric': found.metric, 'better': found.better,
            'version': found.version, 'teams': len(found.places),
            'places': [{**dataclasses.asdict(place), 'team': found.teams[place.team_id]} for place in places]}


def board_csv(found):
    """A board as CSV text with a head line; names that a spreadsheet would take for formulas are quoted for it."""
    metrics = sorted({name for place in found.places for name in place.scores} - {ranking.SCORE})
    file = io.StringIO()
    writer = csv.writer(file, lineterminator='\r\n')
    writer.writerow(['rank', 'tied', 'team', 'submission', 'entries', found.metric, 'low', 'high',
                     *(name for name in metrics if name != found.metric)])
    for place in found.places:
        writer.writerow([place.rank, int(place.tied), _plain(found.teams[place.team_id]), place.number, place.entries,
                         place.value, place.low, place.high,
                         *(place.scores.get(name, [None])[0] for name in metrics if name != found.metric)])
    return file.getvalue()


def history(scene, *, phase=None, metric=ranking.SCORE, split=None):
    """How the scores of a board came in.

    Returns:
        dict: phase, split, metric, better, and `entries` as list of at, team_id, team, submission_id, value, oldest
        first.
    Raises:
        Invalid, Forbidden: As `board`.
    """
    phase, split = _checked(scene, phase, metric, split)
    store, contest = scene.platform.store, scene.contest

    def collect():
        names = {team.id: team.name for team in store.teams.teams(contest.id)}
        rows = store.scores.history(contest.id, phase, metric, split)
        return {'phase': phase, 'split': split, 'metric': metric, 'better': _better(contest.bundle, metric),
                'entries': [{'at': at, 'team_id': team, 'team': names[team], 'submission_id': submission,
                             'value': value} for at, team, submission, value in rows]}

    return _kept(scene.platform, ('history', contest.id, phase, metric, split), store.scores.version(contest.id),
                 collect)


def gallery(scene, *, pair, phase=None):
    """The results of one pair by every team on the public board.

    Args:
        scene: `Scene` with a contest.
        pair: Number of the pair.
        phase: As in `board`.
    Returns:
        list of dict: submission_id, team_id, team, pair, output and heat_map (addresses; None where not to be seen)
        and metrics (empty where not to be seen).
    Raises:
        Invalid, Forbidden: As `board`; or there is no such pair.
    """
    phase, _ = _checked(scene, phase, ranking.SCORE, 'public')
    if not 0 <= pair < len(scene.contest.bundle['pairs']):
        raise errors.Invalid(f'Expected a pair from 0 to {len(scene.contest.bundle["pairs"]) - 1}. Received: {pair}.',
                             'pair')
    return [{'submission_id': row.submission_id, 'team_id': team, 'team': name, 'pair': row.pair,
             **pair_json(row, may_see(scene, phase, row.split))}
            for row, team, name in scene.platform.store.scores.entries(scene.contest.id, phase, pair=pair)]


def pair_json(row, is_visible):
    """Where the pictures of a `records.PairScore` are, and its metrics where they may be seen: dict."""
    return {'output': picture_address(row.submission_id, row.pair, 'output'),
            'heat_map': picture_address(row.submission_id, row.pair, 'heat_map')
            if is_visible and row.heat_map_key else None,
            'metrics': row.metrics if is_visible else {}}


def winners(scene, *, phase=None, metric=ranking.SCORE, split='public'):
    """The winner of each pair: dict pair -> (submission id, team id, value); errors as `board`."""
    phase, split = _checked(scene, phase, metric, split)
    return scene.platform.store.scores.best_per_pair(
        scene.contest.id, phase, metric, split, ranking.better_of(scene.contest.bundle, metric))


def picture_address(submission_id, pair, kind):
    """Where a picture of a submission is served; `kind` is 'output' or 'heat_map'."""
    return f'/api/v1/submissions/{submission_id}/pictures/{pair}/{kind}'


def score_log_lines(scene, *, after=0):
    """The contest's score log as JSON lines: iterator of str; private scores stay hashes until their phase has ended.

    Raises:
        Forbidden: A phase whose board is hidden has not ended.
    """
    contest = scene.contest
    for phase in contest.bundle['phases']:
        if not may_see(scene, phase['name'], 'public'):
            raise errors.Forbidden(f'The board of phase {phase["name"]!r} is hidden until its end, and so is the log.')
    return _lines(scene, after)


def _lines(scene, after):
    shown = {phase['name'] for phase in scene.contest.bundle['phases'] if may_see(scene, phase['name'], 'private')}
    while page := scene.platform.store.scores.log(scene.contest.id, after=after):
        for entry in page:
            if entry.payload.get('phase') not in shown:
                entry = score_log.redacted(entry)
            yield json.dumps(dataclasses.asdict(entry), ensure_ascii=False) + '\n'
        after = page[-1].sequence


def _kept(platform, key, version, make):
    """What `make()` gives, made once for all who ask until `version` changes; the oldest are forgotten."""
    known = platform.boards.get(key)
    if known is None or known[0] != version:
        while len(platform.boards) >= _KEPT_BOARDS:
            platform.boards.pop(next(iter(platform.boards)), None)
        known = platform.boards[key] = version, make()
    return known[1]


def _checked(scene, phase, metric, split):
    contest, now = scene.contest, scene.platform.now()
    names = [row['name'] for row in contest.bundle['phases']]
    phase = rules.shown_phase(contest.bundle, now)['name'] if phase is None else phase
    if phase not in names:
        raise errors.Invalid(f'Expected a phase, one of {", ".join(names)}. Received: {phase!r}.', 'phase')
    metrics = [ranking.SCORE, *(row['name'] for row in contest.bundle['metrics'])]
    if metric not in metrics:
        raise errors.Invalid(f'Expected a metric, one of {", ".join(metrics)}. Received: {metric!r}.', 'metric')
    split = rules.ranking_split(contest.bundle, phase, now, contest.state) if split is None else split
    if split not in SPLITS:
        raise errors.Invalid(f'Expected public or private. Received: {split!r}.', 'split')
    if not may_see(scene, phase, split):
        raise errors.Forbidden(f'The {split} board of this phase is shown when the phase has ended.')
    return phase, split


def _better(bundle, metric):
    # A mean of ranks is better when lower, whatever the metrics are.
    if metric == ranking.SCORE and bundle['ranking'] == 'mean_rank':
        return 'lower'
    return ranking.better_of(bundle, metric)


def _plain(name):
    return f"'{name}" if name[:1] in '=+-@\t\r' else name
