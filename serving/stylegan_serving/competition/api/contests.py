"""Contests: seeing them, running them, announcements, roles, reports, their pictures."""

import dataclasses
from typing import Literal

import fastapi
from starlette.requests import Request

from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Body, Here
from stylegan_serving.competition.services import contests

router = answers.make_router('contests')


class Text(Body):
    text: str


class RoleChange(Body):
    name: str
    role: Literal['organiser', 'judge'] | None


class Handling(Body):
    state: Literal['upheld', 'rejected']
    hide: bool = False


@router.get('/contests')
def listed(scene: Here, state: Literal['draft', 'open', 'closed'] | None = None):
    """The contests, newest first; drafts for those who organise them."""
    return [contests.shown(scene, contest) for contest in contests.listed(scene.platform, scene.caller, state=state)]


@router.get('/contests/{slug}')
def contest(scene: Here, slug: str):
    """A contest: its bundle, phases, and the own team in it."""
    return contests.shown_to_participant(scene)


@router.post('/contests/{slug}/open')
def open_contest(scene: Here, slug: str):
    """Opens the contest."""
    return contests.shown(scene, contests.open_contest(scene))


@router.post('/contests/{slug}/close')
def close(scene: Here, slug: str):
    """Closes the contest."""
    return contests.shown(scene, contests.close(scene))


@router.get('/contests/{slug}/files/{path:path}', response_class=fastapi.Response,
            responses={200: {'content': {'image/png': {}, 'image/jpeg': {}}}})
def picture(scene: Here, slug: str, path: str, request: Request):
    """A content or style picture of the contest."""
    return answers.picture(scene, request, contests.file_key(scene, path))


@router.get('/contests/{slug}/announcements')
def announcements(scene: Here, slug: str):
    """What was announced, newest first."""
    return [dataclasses.asdict(row) for row in contests.announcements(scene)]


@router.post('/contests/{slug}/announcements', status_code=201)
def announce(scene: Here, slug: str, body: Text):
    """Announces a text (Markdown)."""
    return dataclasses.asdict(contests.announce(scene, text=body.text))


@router.get('/contests/{slug}/roles')
def roles(scene: Here, slug: str):
    """Who organises and judges the contest."""
    return contests.roles(scene)


@router.put('/contests/{slug}/roles', status_code=204)
def set_role(scene: Here, slug: str, body: RoleChange):
    """Makes a user organiser or judge, or neither (null)."""
    contests.set_role(scene, name=body.name, role=body.role)


@router.get('/contests/{slug}/reports')
def reports(scene: Here, slug: str, state: Literal['open', 'upheld', 'rejected'] | None = None):
    """Complaints about entries of the contest."""
    return [dataclasses.asdict(row) for row in contests.reports(scene, state=state)]


@router.post('/contests/{slug}/reports/{report_id}')
def handle_report(scene: Here, slug: str, report_id: str, body: Handling):
    """Upholds or rejects a complaint; `hide` takes the entry off the boards with it."""
    return dataclasses.asdict(contests.handle_report(scene, report_id=report_id, state=body.state, hide=body.hide))
