"""For administrators: users and roles, the audit log, workers, reports."""

import dataclasses
from typing import Annotated, Literal

import fastapi

from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Body, Here
from stylegan_serving.competition.services import administration

router = answers.make_router('administration', '/admin')


class UserChange(Body):
    role: Literal['user', 'organiser', 'admin'] | None = None
    is_disabled: bool | None = None


@router.get('/users')
def users(scene: Here, search: str = '', after: str = '', limit: Annotated[int, fastapi.Query(ge=1, le=500)] = 100):
    """Accounts by name; `after` is the last name of the page before."""
    return [administration.shown_user(user) for user in administration.users(
        scene.platform, scene.caller, search=search, after=after, limit=limit)]


@router.patch('/users/{user_id}')
def change_user(scene: Here, user_id: str, body: UserChange):
    """Changes an account's role, or disables it."""
    return administration.shown_user(administration.change_user(
        scene.platform, scene.caller, user_id, role=body.role, is_disabled=body.is_disabled))


@router.get('/audit')
def audit(scene: Here, before: Annotated[int | None, fastapi.Query(ge=0, le=1 << 31)] = None,
          limit: Annotated[int, fastapi.Query(ge=1, le=500)] = 100):
    """The newest entries of the audit log; `before` is the last sequence of the page before."""
    return [administration.shown_event(scene.platform, event) for event in administration.audit_events(
        scene.platform, scene.caller, limit=limit, before=before)]


@router.get('/workers')
def workers(scene: Here):
    """Workers that were seen within a minute."""
    return [dataclasses.asdict(worker) for worker in administration.workers(scene.platform, scene.caller)]


@router.get('/reports')
def reports(scene: Here, state: Literal['open', 'upheld', 'rejected'] | None = None):
    """Complaints about entries of all contests."""
    return [dataclasses.asdict(row) for row in administration.all_reports(scene.platform, scene.caller, state=state)]
