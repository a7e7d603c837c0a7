"""Blind votes: two results of one pair, without names."""

import types
from typing import Annotated

from fastapi import Form
from starlette.requests import Request

from stylegan_serving.competition.pages import frame
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import contests, votes


@router.get('/c/{slug}/vote')
def vote_page(request: Request, scene: Here, slug: str):
    try:
        ballot, refusal = votes.next_ballot(scene), None
    except frame.REFUSALS as error:
        ballot, refusal = None, frame.told(request, error)
    return frame.show(request, scene, 'vote.html', tab='vote', ballot=ballot and _shown(scene, ballot),
                      vote_refusal=refusal)


@router.post('/c/{slug}/vote')
def vote(scene: Here, slug: str, ballot: Annotated[str, Form()] = '', winner: Annotated[str, Form()] = ''):
    votes.vote(scene, token=ballot, winner=winner)
    return frame.go(f'/c/{slug}/vote', 'said_voted')


def _shown(scene, ballot):
    number = next(number for number, row in enumerate(scene.contest.bundle['pairs']) if row['index'] == ballot.pair)
    content, style = contests.pair_addresses(scene.contest, number)
    side = f'/api/v1/contests/{scene.contest.slug}/vote/pictures/{ballot.token}'
    return types.SimpleNamespace(id=ballot.token, content=content, style=style, first=f'{side}/first',
                                 second=f'{side}/second')
