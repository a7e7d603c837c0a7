"""Blind voting."""

from typing import Literal

import fastapi
from starlette.requests import Request

from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Body, Here
from stylegan_serving.competition.services import contests, votes

router = answers.make_router('votes')


class Judgement(Body):
    ballot: str
    winner: Literal['first', 'second', 'tie']


@router.get('/contests/{slug}/vote')
def ballot(scene: Here, slug: str, phase: str | None = None):
    """The next blind question: two results of one pair; {"ballot": null} where nothing is left."""
    found = votes.next_ballot(scene, phase=phase)
    if found is None:
        return {'ballot': None}
    content, style = contests.pair_addresses(scene.contest, found.pair)
    return {'ballot': found.token, 'pair': found.pair, 'content': content, 'style': style,
            'first': picture_address(scene.contest, found, 'first'),
            'second': picture_address(scene.contest, found, 'second')}


@router.post('/contests/{slug}/vote', status_code=201)
def vote(scene: Here, slug: str, body: Judgement):
    """Counts a vote."""
    return {'id': votes.vote(scene, token=body.ballot, winner=body.winner).id}


@router.get('/contests/{slug}/vote/pictures/{ballot}/{side}', response_class=fastapi.Response,
            responses={200: {'content': {'image/png': {}, 'image/jpeg': {}}}})
def picture(scene: Here, slug: str, ballot: str, side: Literal['first', 'second'], request: Request):
    """One side of a ballot, without saying whose it is."""
    return answers.picture(scene, request, votes.picture(scene, ballot, side))


@router.get('/contests/{slug}/votes')
def standings(scene: Here, slug: str, phase: str | None = None):
    """Bradley-Terry scores of the entries, with 95% intervals."""
    return votes.standings(scene, phase=phase)


def picture_address(contest, ballot, side):
    """Where one side of a ballot is served."""
    return f'/api/v1/contests/{contest.slug}/vote/pictures/{ballot.token}/{side}'
