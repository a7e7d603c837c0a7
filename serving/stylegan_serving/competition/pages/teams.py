"""The own team: members, invitations, its name; and accepting an invitation."""

import dataclasses
import types
from typing import Annotated

from fastapi import Form
from starlette.requests import Request

from stylegan_serving.competition.pages import frame
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import permissions, teams

Text = Annotated[str, Form()]


@router.get('/c/{slug}/team')
def team_page(request: Request, scene: Here, slug: str):
    return _team(request, scene)


@router.post('/c/{slug}/team/rename')
def rename(request: Request, scene: Here, slug: str, team: Text = ''):
    try:
        teams.rename(_own(scene), name=team)
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: _team(request, scene, **more),
                                  fields={'name': 'team'})
    return frame.go(f'/c/{slug}/team', 'said_saved')


@router.post('/c/{slug}/team/invite')
def invite(request: Request, scene: Here, slug: str):
    try:
        _, secret = teams.invite(_own(scene))
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: _team(request, scene, **more))
    return _team(request, scene, invitation=f'{scene.platform.settings.base_url}/invitation?token={secret}')


@router.post('/c/{slug}/team/remove')
def remove(scene: Here, slug: str, user: Text = ''):
    teams.remove_member(_own(scene), user_id=user)
    is_self = user == scene.caller.user_id
    return frame.go(f'/c/{slug}' if is_self else f'/c/{slug}/team', 'said_left')


@router.get('/invitation')
def invitation_page(request: Request, scene: Here, token: str = ''):
    return frame.show(request, scene, 'invitation.html', token=token)


@router.post('/invitation')
def accept(request: Request, scene: Here, token: Text = ''):
    # Somebody may paste the whole link.
    token = token.strip().rpartition('token=')[2]
    try:
        _, contest = teams.accept(scene.platform, scene.caller, secret=token)
    except frame.REFUSALS as error:
        return frame.show_refused(
            request, scene, error, lambda **more: frame.show(request, scene, 'invitation.html', token=token, **more))
    return frame.go(f'/c/{contest.slug}/team', 'said_joined')


def _own(scene):
    return dataclasses.replace(scene, named_team=permissions.require_team(scene))


def _team(request, scene, invitation=None, **more):
    members, is_leader = [], False
    if scene.team:
        is_leader = permissions.is_leader(_own(scene))
        for row in teams.shown(scene, scene.team)['members']:
            is_self = row['user_id'] == scene.caller.user_id
            members.append(types.SimpleNamespace(**row, is_self=is_self, may_remove=is_self or is_leader))
    return frame.show(request, scene, 'team.html', tab='team', members=members, is_leader=is_leader,
                      invitation=invitation, **more)
