"""What organisers and judges do with a contest: entries, reports, announcements, opening and closing, copies, roles."""

import types
from typing import Annotated

from fastapi import Form
from starlette.requests import Request

from stylegan_serving.competition.pages import entries, frame
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import contests, submissions

Text = Annotated[str, Form()]
_PAGE_ROWS = 50
_STATES = ('queued', 'running', 'scored', 'failed', 'cancelled', 'disqualified')


@router.get('/c/{slug}/manage')
def manage_page(request: Request, scene: Here, slug: str, state: str = '', before: int | None = None):
    return manage(request, scene, state, before)


@router.post('/c/{slug}/manage/open')
def open_contest(scene: Here, slug: str):
    contests.open_contest(scene)
    return frame.go(f'/c/{slug}/manage', 'said_saved')


@router.post('/c/{slug}/manage/close')
def close_contest(scene: Here, slug: str):
    contests.close(scene)
    return frame.go(f'/c/{slug}/manage', 'said_saved')


@router.post('/c/{slug}/manage/announce')
def announce(request: Request, scene: Here, slug: str, text: Text = ''):
    try:
        contests.announce(scene, text=text)
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: manage(request, scene, **more))
    return frame.go(f'/c/{slug}', 'said_announced')


@router.post('/c/{slug}/manage/report')
def handle_report(scene: Here, slug: str, report: Text = '', state: Text = ''):
    contests.handle_report(scene, report_id=report, state=state, hide=state == 'upheld')
    return frame.go(f'/c/{slug}/manage', 'said_saved')


@router.post('/c/{slug}/manage/role')
def set_role(request: Request, scene: Here, slug: str, name: Text = '', role: Text = ''):
    try:
        contests.set_role(scene, name=name, role=role or None)
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: manage(request, scene, **more))
    return frame.go(f'/c/{slug}/manage', 'said_saved')


def manage(request, scene, state='', before=None, **more):
    """The page, with what else `frame.show` is to say."""
    state = state if state in _STATES else ''
    found = submissions.listed(scene, state=state or None, limit=_PAGE_ROWS, after=before)
    teams = {team.id: team.name for team in scene.platform.store.teams.teams(scene.contest.id)}
    rows = [types.SimpleNamespace(submission=row, team=teams[row.team_id],
                                  actions=entries.possible_actions(scene, row)) for row in found]
    staff = [types.SimpleNamespace(**row, is_owner=row['user_id'] == scene.contest.owner_id)
             for row in contests.roles(scene)] if scene.is_staff else []
    return frame.show(
        request, scene, 'manage.html', tab='manage', rows=rows, chosen_state=state, is_staff=scene.is_staff,
        states=[('', frame.say(request, 'any_state')), *((name, frame.say(request, f'state_{name}'))
                                                         for name in _STATES)],
        older=found[-1].number if len(found) == _PAGE_ROWS else None, staff=staff,
        reports=_reports(request, scene, teams), **more)


def _reports(request, scene, teams):
    store, rows = scene.platform.store, []
    for row in contests.reports(scene, state='open')[:_PAGE_ROWS]:
        entry = store.submissions.submission(row.submission_id)
        rows.append(types.SimpleNamespace(
            id=row.id, submission_id=row.submission_id, created_at=row.created_at, reason=row.reason,
            entry=f'{teams[entry.team_id]}, {frame.say(request, "entry_number", n=entry.number)}'))
    return rows
