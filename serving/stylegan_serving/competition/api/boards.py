"""Leaderboards as JSON or CSV, their history, the gallery, the score log, and an event whenever a board has moved."""

from typing import Annotated, Literal

import fastapi
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stylegan_serving.competition import events, ranking
from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Here, plain
from stylegan_serving.competition.services import boards

router = answers.make_router('boards')


@router.get('/contests/{slug}/leaderboard', responses={200: {'content': {'text/csv': {}}}})
def leaderboard(scene: Here, slug: str, phase: str | None = None, metric: str = ranking.SCORE,
                split: str | None = None, format: Literal['json', 'csv'] = 'json',
                first: Annotated[int, fastapi.Query(ge=0, le=1 << 31)] = 0,
                count: Annotated[int | None, fastapi.Query(ge=1, le=1 << 31)] = None):
    """A board, best first; without phase and split the one that ranks now. `first` and `count` cut a JSON page out."""
    board = boards.board(scene, phase=phase, metric=metric, split=split)
    if format == 'csv':
        name = plain(f'{scene.contest.slug}_{board.phase}_{board.split}.csv')
        return Response(boards.board_csv(board), media_type='text/csv',
                        headers={'Content-Disposition': f'attachment; filename="{name}"'})
    return boards.board_json(board, first, count)


@router.get('/contests/{slug}/events', response_class=StreamingResponse,
            responses={200: {'content': {'text/event-stream': {}}}})
def watch(scene: Here, slug: str, request: Request):
    """Server-sent events: `board` at once and whenever a board may have changed."""
    return events.board_events(request, scene)


@router.get('/contests/{slug}/history')
def history(scene: Here, slug: str, phase: str | None = None, metric: str = ranking.SCORE, split: str | None = None):
    """How the scores of a board came in."""
    return boards.history(scene, phase=phase, metric=metric, split=split)


@router.get('/contests/{slug}/gallery')
def gallery(scene: Here, slug: str, pair: Annotated[int, fastapi.Query(ge=0, le=1 << 31)] = 0,
            phase: str | None = None):
    """The results of one pair by every team on the board."""
    return boards.gallery(scene, pair=pair, phase=phase)


@router.get('/contests/{slug}/scorelog', response_class=StreamingResponse,
            responses={200: {'content': {'application/x-ndjson': {}}}})
def score_log(scene: Here, slug: str, after: Annotated[int, fastapi.Query(ge=0, le=1 << 31)] = 0):
    """The hash-chained log that explains the boards, as JSON lines; `after` is the last sequence that is known."""
    return StreamingResponse(boards.score_log_lines(scene, after=after), media_type='application/x-ndjson')
