"""The gallery and the comparison of two teams, picture by picture."""

import types
import urllib.parse

from starlette.requests import Request

from stylegan_serving.competition.pages import comparison, frame, views
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.pages.rendering import score_text
from stylegan_serving.competition.services import boards, contests

_SHOWN_ENTRIES = 60  # of one pair; the best ones
_SHOWN_PAIRS = 60  # of the overview, of a team and of a comparison


@router.get('/c/{slug}/gallery')
def gallery_page(request: Request, scene: Here, slug: str, phase: str | None = None, metric: str | None = None,
                 pair: int | None = None, team: str = ''):
    view = views.chosen(request, scene, phase, metric, 'public')
    board = None if view.hidden else boards.board(scene, phase=view.phase, metric=view.metric, split='public')
    has_entries = bool(board and board.places)
    places = board.places[:_SHOWN_ENTRIES] if has_entries else ()
    teams = [('', frame.say(request, 'all_teams')), *((place.team_id, board.teams[place.team_id]) for place in places)]
    chosen = team if team in dict(teams) else ''
    numbers = {row['index']: number for number, row in enumerate(scene.contest.bundle['pairs'])}

    def address(index, of=chosen):
        return f'/c/{slug}/gallery?{urllib.parse.urlencode({**_query(view), "pair": index, "team": of})}'

    pairs = [_pair(scene, number, address(index)) for index, number in list(numbers.items())[:_SHOWN_PAIRS]]
    context = {'pair': None, 'shown': None, 'entries': [], 'overview': []}
    if has_entries and pair in numbers:
        context |= _one_pair(scene, view, pair, _pair(scene, numbers[pair], address(pair)), chosen, address)
    elif has_entries and chosen:
        place = next(place for place in places if place.team_id == chosen)
        context['overview'] = _of_team(scene, board, place, pairs, view)
    elif has_entries:
        context['overview'] = _best_of_each(request, scene, board, pairs, view)
    return frame.show(request, scene, 'gallery.html', tab='gallery', view=view, has_entries=has_entries, teams=teams,
                      chosen_team=chosen, pairs=pairs, **context)


@router.get('/c/{slug}/compare')
def compare_page(request: Request, scene: Here, slug: str, phase: str | None = None, metric: str | None = None,
                 first: str = '', second: str = ''):
    view = views.chosen(request, scene, phase, metric, 'public')
    board = None if view.hidden else boards.board(scene, phase=view.phase, metric=view.metric, split='public')
    places = board.places if board else ()
    teams = [(place.team_id, board.teams[place.team_id]) for place in places]
    if len(places) < 2:
        return frame.show(request, scene, 'compare.html', tab='compare', view=view, teams=teams, first=None,
                          second=None, summary=None, rows=[])
    by_team = {place.team_id: place for place in places}
    one = by_team.get(first) or places[0]
    other = by_team.get(second) or next(place for place in places if place.team_id != one.team_id)
    rows = _compared(scene, view, one, other)
    return frame.show(
        request, scene, 'compare.html', tab='compare', view=view, teams=teams, rows=rows[:_SHOWN_PAIRS],
        first=_side(board, one), second=_side(board, other),
        summary=_summary(request, view, board.teams[one.team_id], board.teams[other.team_id], rows))


def _query(view):
    return {'phase': view.phase, 'metric': view.metric}


def _pair(scene, number, address):
    row = scene.contest.bundle['pairs'][number]
    content, style = contests.pair_addresses(scene.contest, number)
    return types.SimpleNamespace(index=row['index'], name=f'{row["index"]:03d}', content=content, style=style,
                                 content_name=row['content'], style_name=row['style'], address=address)


def _one_pair(scene, view, index, pair, chosen, address):
    """A pair: every team's result, the best first, and one of them large."""
    sign = 1 if view.better == 'lower' else -1
    entries = [types.SimpleNamespace(
        team=row['team'], team_id=row['team_id'], submission_id=row['submission_id'], result=row['output'],
        heat_map=row['heat_map'], value=row['metrics'].get(view.metric), address=address(index, row['team_id']))
        for row in boards.gallery(scene, pair=index, phase=view.phase)]
    entries.sort(key=lambda row: (row.value is None, sign * (row.value or 0.0)))
    for place, row in enumerate(entries):
        row.is_winner = place == 0 and row.value is not None
    shown = next((row for row in entries if row.team_id == chosen), entries[0] if entries and not chosen else None)
    if shown:
        shown.may_report = bool(scene.caller.user) and not (scene.team and scene.team.id == shown.team_id)
    return {'pair': pair, 'entries': entries[:_SHOWN_ENTRIES], 'shown': shown}


def _best_of_each(request, scene, board, pairs, view):
    """The winner of each pair that may be seen, found once until the board changes."""
    splits = tuple(split for split in boards.SPLITS if boards.may_see(scene, view.phase, split))
    key = ('winners', scene.contest.id, view.phase, view.metric, splits)
    known = frame.kept(request, key, board.version,
                       lambda: _winners(scene, view, splits))
    return [types.SimpleNamespace(
        pair=pair, team=board.teams.get(team, ''), value=value,
        result=boards.picture_address(submission, pair.index, 'output'))
        for pair in pairs if pair.index in known for submission, team, value in [known[pair.index]]]


def _winners(scene, view, splits):
    return {pair: best for split in splits for pair, best in
            boards.winners(scene, phase=view.phase, metric=view.metric, split=split).items()}


def _of_team(scene, board, place, pairs, view):
    rows = _pair_rows(scene, view, place)
    return [types.SimpleNamespace(pair=pair, team=board.teams[place.team_id], result=rows[pair.index]['output'],
                                  value=rows[pair.index]['metrics'].get(view.metric))
            for pair in pairs if pair.index in rows]


def _pair_rows(scene, view, place):
    """The pictures of a submission on the board: dict pair -> its addresses and the metrics that may be seen."""
    return {row.pair: boards.pair_json(row, boards.may_see(scene, view.phase, row.split))
            for row in scene.platform.store.scores.pair_scores(place.submission_id)}


def _side(board, place):
    return types.SimpleNamespace(team=board.teams[place.team_id], team_id=place.team_id)


def _compared(scene, view, one, other):
    first, second = _pair_rows(scene, view, one), _pair_rows(scene, view, other)
    sign = 1 if view.better == 'lower' else -1
    rows = []
    for number, pair in enumerate(scene.contest.bundle['pairs']):
        index = pair['index']
        if index not in first or index not in second:
            continue
        sides = [types.SimpleNamespace(result=side[index]['output'], value=side[index]['metrics'].get(view.metric))
                 for side in (first, second)]
        row = _pair(scene, number, '')
        row.first, row.second = sides
        row.winner = None
        if None not in (sides[0].value, sides[1].value) and sides[0].value != sides[1].value:
            row.winner = 'first' if sign * sides[0].value < sign * sides[1].value else 'second'
        rows.append(row)
    return rows


def _summary(request, view, first, second, rows):
    """One sentence: who is better, by how much, and how sure that is."""
    pairs = [(row.first.value, row.second.value) for row in rows if None not in (row.first.value, row.second.value)]
    if not pairs:
        return None
    found = comparison.difference(pairs)
    if found.low is None:
        text = frame.say(request, 'compare_single', difference=views.signed(found.mean))
    elif found.low <= 0 <= found.high:
        text = frame.say(request, 'compare_even', difference=views.signed(found.mean), low=views.signed(found.low),
                         high=views.signed(found.high))
    else:
        is_first = (found.mean < 0) == (view.better == 'lower')
        low, high = sorted((abs(found.low), abs(found.high)))
        text = frame.say(request, 'compare_better', team=first if is_first else second,
                         difference=score_text(abs(found.mean)), low=score_text(low), high=score_text(high))
    return types.SimpleNamespace(text=text, n=len(pairs))
