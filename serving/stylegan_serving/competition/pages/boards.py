"""The leaderboard: ranks, ties and intervals, how it came about, and what the voters say."""

import dataclasses
import types
import urllib.parse
from typing import Annotated

import fastapi
from starlette.requests import Request

from stylegan_serving.competition import rules
from stylegan_serving.competition.pages import charts, frame, views
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import boards, votes

_PAGE_ROWS = 50
_TABLE_ROWS = 100  # of the history


@router.get('/c/{slug}/leaderboard')
def leaderboard_page(request: Request, scene: Here, slug: str, phase: str | None = None, metric: str | None = None,
                     split: str | None = None, page: Annotated[int, fastapi.Query(ge=1, le=1 << 20)] = 1):
    view = views.chosen(request, scene, phase, metric, split)
    context = {'version': 0, 'places': [], 'pages': 0, 'chart': '', 'history': [], 'scale': (0, 1)}
    if not view.hidden:
        context = _board(request, scene, view, page)
    query = urllib.parse.urlencode(view.query())
    context = {'view': view, **context, **_votes(request, scene, view)}
    return frame.show(
        request, scene, 'leaderboard.html', tab='leaderboard', page=page, **context,
        address=f'/c/{slug}/leaderboard?{query}', data_address=f'/api/v1/contests/{slug}/leaderboard?{query}')


def _board(request, scene, view, page):
    board = boards.board(scene, phase=view.phase, metric=view.metric, split=view.split)
    places = board.places[(page - 1) * _PAGE_ROWS:page * _PAGE_ROWS]
    rows, above = [], None
    for place in places:
        rows.append(types.SimpleNamespace(
            rank=place.rank, tied=place.tied, tied_above=above is not None and above.rank == place.rank,
            team=board.teams[place.team_id], team_id=place.team_id, value=place.value, low=place.low, high=place.high,
            number=place.number, entries=place.entries, is_own=_is_own(scene, place.team_id)))
        above = place
    chart, history = _history(request, scene, view, board)
    return {'view': dataclasses.replace(view, better=board.better), 'version': board.version, 'places': rows,
            'chart': chart, 'history': history,
            'pages': -(-len(board.places) // _PAGE_ROWS), 'scale': views.scale(board.places)}


def _history(request, scene, view, board):
    """The chart of the leading teams and its rows, made once until the board changes."""
    key = ('history', scene.contest.id, view.phase, view.metric, view.split, frame.language_of(request))
    return frame.kept(request, key, board.version, lambda: _draw(request, scene, view, board))


def _draw(request, scene, view, board):
    entries = boards.history(scene, phase=view.phase, metric=view.metric, split=view.split)['entries']
    leading = [place.team_id for place in board.places[:charts.LINES]]
    # Of single entries, also where the board is one of mean ranks.
    sign = 1 if view.better == 'lower' else -1
    steps, rows = {team: [] for team in leading}, []
    for entry in entries:
        points = steps.get(entry['team_id'])
        if points is not None and (not points or sign * entry['value'] < sign * points[-1][1]):
            points.append((entry['at'], entry['value']))
            rows.append(types.SimpleNamespace(at=entry['at'], team=entry['team'], value=entry['value']))
    chart = charts.history([charts.Series(board.teams[team], tuple(points)) for team, points in steps.items()],
                           until=_until(scene, view, entries), title=frame.say(request, 'history_alt'))
    return chart, rows[::-1][:_TABLE_ROWS]


def _until(scene, view, entries):
    """Where the lines end: now, or at the end of the phase."""
    end = min(scene.platform.now(), rules.phase(scene.contest.bundle, view.phase)['end'])
    return max([end, *(entry['at'] for entry in entries)])


def _votes(request, scene, view):
    empty = {'votes': [], 'vote_count': 0, 'vote_scale': (0, 1)}
    if not scene.contest.bundle['voting'] or not boards.may_see(scene, view.phase, 'public'):
        return empty
    newest = scene.platform.store.votes.newest(scene.contest.id, view.phase)
    if newest is None:
        return empty
    version = (newest, scene.platform.store.scores.version(scene.contest.id))
    found = frame.kept(request, ('votes', scene.contest.id, view.phase), version,
                       lambda: votes.standings(scene, phase=view.phase))
    rows = [types.SimpleNamespace(
        rank=rank, team=row['team'], value=row['score'], low=row['low'], high=row['high'],
        votes=row['wins'] + row['losses'] + row['ties'], is_own=_is_own(scene, row['team_id']))
        for rank, row in enumerate(found['entries'], 1)]
    return {'votes': rows, 'vote_count': found['votes'], 'vote_scale': views.scale(rows)}


def _is_own(scene, team_id):
    return scene.team is not None and scene.team.id == team_id
