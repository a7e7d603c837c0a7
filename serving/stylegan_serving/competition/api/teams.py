"""Joining a contest, teams and invitations."""

import dataclasses

from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Body, Here
from stylegan_serving.competition.services import teams

router = answers.make_router('teams')


class Joining(Body):
    team: str | None = None


class Name(Body):
    name: str


class Acceptance(Body):
    secret: str


@router.post('/contests/{slug}/join', status_code=201)
def join(scene: Here, slug: str, body: Joining):
    """Joins the contest with a new team; its name is the user's unless `team` is given."""
    return dataclasses.asdict(teams.join(scene, team_name=body.team))


@router.get('/contests/{slug}/teams')
def listed(scene: Here, slug: str):
    """The teams of the contest."""
    return teams.listed(scene)


@router.get('/teams/{team_id}')
def team(scene: Here, team_id: str):
    """A team with its members."""
    return teams.shown(scene, scene.named_team)


@router.patch('/teams/{team_id}')
def rename(scene: Here, team_id: str, body: Name):
    """Gives the team another name."""
    return dataclasses.asdict(teams.rename(scene, name=body.name))


@router.post('/teams/{team_id}/invitations', status_code=201)
def invite(scene: Here, team_id: str):
    """Makes an invitation that works once; `secret` is shown this once."""
    invitation, secret = teams.invite(scene)
    return {'id': invitation.id, 'expires_at': invitation.expires_at, 'secret': secret,
            'address': f'{scene.platform.settings.base_url}/invitation?secret={secret}'}


@router.post('/invitations/accept')
def accept(scene: Here, body: Acceptance):
    """Joins the team of an invitation."""
    team, contest = teams.accept(scene.platform, scene.caller, secret=body.secret)
    return {**dataclasses.asdict(team), 'contest': contest.slug}


@router.delete('/teams/{team_id}/members/{user_id}', status_code=204)
def remove_member(scene: Here, team_id: str, user_id: str):
    """Leaves the team, or takes a member out of it."""
    teams.remove_member(scene, user_id=user_id)
