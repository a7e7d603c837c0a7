"""Making a contest of a bundle, changing its texts, putting another bundle in its place, copying it."""

import contextlib
import shutil
import tempfile
import types
from typing import Annotated

from fastapi import Form, UploadFile
from starlette.requests import Request

from stylegan_serving.competition.pages import frame, managing
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import bundles, errors

_LEAST_ROWS, _MOST_ROWS = 6, 40


@router.get('/new')
def new_page(request: Request, scene: Here):
    return frame.show(request, scene, 'new.html', problems=())


@router.post('/new')
def create(request: Request, scene: Here, bundle: UploadFile | None = None):
    try:
        with _local(request, bundle) as path:
            contest = bundles.create(scene.platform, scene.caller, path=path)
    except frame.REFUSALS as error:
        return _refused(request, scene, error, lambda **more: frame.show(request, scene, 'new.html', **more))
    return frame.go(f'/c/{contest.slug}', 'said_created')


@router.get('/c/{slug}/manage/edit')
def edit_page(request: Request, scene: Here, slug: str):
    return _edit(request, scene, bundles.texts(scene))


@router.post('/c/{slug}/manage/edit')
def edit(request: Request, scene: Here, slug: str, name: Annotated[list[str], Form()] = (),
         text: Annotated[list[str], Form()] = ()):
    # Browsers send the line ends of mail.
    sent = {one: other.replace('\r\n', '\n') for one, other in zip(name, text)}
    known = bundles.texts(scene)
    try:
        bundles.change_texts(scene, changes={one: other for one, other in sent.items() if other != known.get(one)})
    except frame.REFUSALS as error:
        return _refused(request, scene, error, lambda **more: _edit(request, scene, known | sent, **more))
    return frame.go(f'/c/{slug}', 'said_saved')


@router.post('/c/{slug}/manage/bundle')
def replace(request: Request, scene: Here, slug: str, bundle: UploadFile | None = None):
    try:
        with _local(request, bundle) as path:
            bundles.replace(scene, path=path)
    except frame.REFUSALS as error:
        return _refused(request, scene, error, lambda **more: _edit(request, scene, bundles.texts(scene), **more))
    return frame.go(f'/c/{slug}', 'said_saved')


@router.post('/c/{slug}/manage/clone')
def clone(request: Request, scene: Here, slug: str, new_slug: Annotated[str, Form()] = ''):
    try:
        contest = bundles.clone(scene, slug=new_slug)
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: managing.manage(request, scene, **more),
                                  fields={'slug': 'new_slug'})
    return frame.go(f'/c/{contest.slug}', 'said_created')


def _edit(request, scene, texts, **more):
    files = [types.SimpleNamespace(name=name, text=text, rows=max(_LEAST_ROWS, min(_MOST_ROWS, text.count('\n') + 2)))
             for name, text in texts.items()]
    return frame.show(request, scene, 'edit.html', tab='manage', files=files, **{'problems': (), **more})


def _refused(request, scene, error, make_page):
    """The page again: with all problems of the bundle, or with the one refusal."""
    if problems := getattr(error, 'problems', None):
        return make_page(status=422, problems=problems)
    return frame.show_refused(request, scene, error, lambda **more: make_page(**{'problems': (), **more}))


@contextlib.contextmanager
def _local(request, file):
    """The path of a sent file, which is deleted afterwards."""
    if file is None or not file.filename:
        raise errors.Invalid(frame.say(request, 'archive_missing'), 'bundle')
    with tempfile.NamedTemporaryFile(suffix='.zip') as local:
        shutil.copyfileobj(file.file, local)
        local.flush()
        yield local.name
