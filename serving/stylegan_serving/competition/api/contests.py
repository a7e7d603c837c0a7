"""Contests: seeing them, running them, announcements, roles, reports, their pictures."""

import dataclasses
import tempfile
from typing import Literal

import fastapi
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, StreamingResponse

from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Body, Here
from stylegan_serving.competition.services import bundles, contests

router = answers.make_router('contests')


class Text(Body):
    text: str


class Files(Body):
    files: dict[str, str]


class Copy(Body):
    slug: str
    title: str | None = None


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


@router.post('/contests', status_code=201, openapi_extra=answers.BYTES)
async def create(scene: Here, request: Request, slug: str | None = None):
    """Makes a draft of a bundle: the body is the zip. `problems` of a refusal has each mistake with its line."""
    async with answers.received(request) as path:
        contest = await run_in_threadpool(bundles.create, scene.platform, scene.caller, path=path, slug=slug)
    return contests.shown(scene, contest)


@router.get('/contests/{slug}/bundle')
def texts(scene: Here, slug: str):
    """The text files of the bundle, for changing them."""
    return bundles.texts(scene)


@router.patch('/contests/{slug}')
def change_texts(scene: Here, slug: str, body: Files):
    """Changes text files of the bundle: competition.yaml, pairs.csv, description.md, rules.md."""
    return contests.shown(scene, bundles.change_texts(scene, changes=body.files))


@router.put('/contests/{slug}/bundle', openapi_extra=answers.BYTES)
async def replace(scene: Here, slug: str, request: Request):
    """Puts another bundle into the place of the contest's: the body is the zip."""
    async with answers.received(request) as path:
        contest = await run_in_threadpool(bundles.replace, scene, path=path)
    return contests.shown(scene, contest)


@router.post('/contests/{slug}/clone', status_code=201)
def clone(scene: Here, slug: str, body: Copy):
    """Makes a draft of the same bundle under another slug."""
    return contests.shown(scene, bundles.clone(scene, slug=body.slug, title=body.title))


@router.get('/contests/{slug}/export', response_class=FileResponse,
            responses={200: {'content': {'application/zip': {}}}})
def export(scene: Here, slug: str, archives: Literal['none', 'counting', 'all'] = 'counting'):
    """The reproduction bundle as a zip: what every board rests on, private scores with it."""
    folder = tempfile.TemporaryDirectory(prefix='stylegan_export_')
    path = f'{folder.name}/export.zip'
    try:
        bundles.export(scene, path, archives=archives)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(path, media_type='application/zip', filename=f'{scene.contest.slug}_export.zip',
                        background=BackgroundTask(folder.cleanup))


@router.get('/contests/{slug}/starter-kit', response_class=StreamingResponse,
            responses={200: {'content': {'application/zip': {}}}})
def starter_kit(scene: Here, slug: str):
    """What participants start with: pictures, list of pairs, a script that makes a valid archive."""
    return answers.download(scene, bundles.starter_kit_key(scene), f'{scene.contest.slug}_starter_kit.zip',
                            'application/zip')


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
