"""What administrators see: workers, reports, users and their roles, the audit log."""

import types
from typing import Annotated

from fastapi import Form
from starlette.requests import Request

from stylegan_serving.competition.pages import frame
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import administration

_ROWS = 50


@router.get('/admin')
def admin_page(request: Request, scene: Here, search: str = '', after: str = '', before: int | None = None):
    platform, caller = scene.platform, scene.caller
    users = administration.users(platform, caller, search=search, limit=_ROWS, after=after)
    events = administration.audit_events(platform, caller, limit=_ROWS, before=before)
    names = {}
    for actor in {event.actor_id for event in events}:
        names[actor] = administration.name_of(platform, actor) or '–'
    return frame.show(
        request, scene, 'admin.html', search=search, users=users, workers=administration.workers(platform, caller),
        reports=administration.all_reports(platform, caller, state='open'),
        more_users=users[-1].name if len(users) == _ROWS else None,
        audit=[types.SimpleNamespace(at=event.at, actor=names[event.actor_id], action=event.action, target=event.target,
                                     address=event.address) for event in events],
        older=events[-1].sequence if len(events) == _ROWS else None)


@router.post('/admin/users/{user_id}')
def change_user(scene: Here, user_id: str, role: Annotated[str, Form()] = '',
                state: Annotated[str, Form()] = ''):
    administration.change_user(scene.platform, scene.caller, user_id, role=role or None,
                               is_disabled={'disabled': True, 'enabled': False}.get(state))
    return frame.go('/admin', 'said_saved')
