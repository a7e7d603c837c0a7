"""Resumable uploads: announce, send parts from where it stands, ask where it stands.

    POST  /contests/SLUG/uploads  {"filename": ..., "size_bytes": ..., "sha256": ...}  -> {"id": ..., ...}
    PATCH /uploads/ID             Upload-Offset: N, Upload-Checksum: sha256 BASE64, the bytes from N on
    HEAD  /uploads/ID             -> Upload-Offset, Upload-Length
    POST  /contests/SLUG/submissions {"upload_id": ...}
"""

import dataclasses
from typing import Annotated

import fastapi
import pydantic
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from stylegan_serving.competition import checksums
from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Body, Here
from stylegan_serving.competition.services import errors, uploads

router = answers.make_router('uploads')


class Announcement(Body):
    filename: str
    size_bytes: Annotated[int, pydantic.Field(ge=1, le=1 << 50)]
    sha256: str


@router.post('/contests/{slug}/uploads', status_code=201)
def begin(scene: Here, slug: str, body: Announcement, response: Response):
    """Announces a file; send parts of at most `chunk_bytes`."""
    upload = uploads.begin(scene, filename=body.filename, size_bytes=body.size_bytes, sha256=body.sha256)
    response.headers['Location'] = f'/api/v1/uploads/{upload.id}'
    return _json(scene, upload)


@router.get('/uploads/{upload_id}')
@router.head('/uploads/{upload_id}')
def state(scene: Here, upload_id: str, response: Response):
    """How much has arrived."""
    upload = uploads.state(scene)
    response.headers.update(_headers(upload))
    return _json(scene, upload)


@router.patch('/uploads/{upload_id}', status_code=204, openapi_extra=answers.BYTES)
async def receive(scene: Here, upload_id: str, request: Request,
                  upload_offset: Annotated[int, fastapi.Header(ge=0, le=1 << 50)],
                  upload_checksum: Annotated[str | None, fastapi.Header()] = None):
    """Takes the next part. 409: another offset is next, ask for it. 460: the part arrived damaged, send it again."""
    try:
        sha256 = checksums.read_header(upload_checksum)
    except ValueError as error:
        raise errors.Invalid(str(error), 'upload-checksum') from None
    data = await request.body()
    upload = await run_in_threadpool(uploads.receive, scene, offset=upload_offset, data=data, sha256=sha256)
    return Response(status_code=204, headers=_headers(upload))


@router.delete('/uploads/{upload_id}', status_code=204)
def drop(scene: Here, upload_id: str):
    """Gives an upload up."""
    uploads.give_up(scene)


def _json(scene, upload):
    row = dataclasses.asdict(upload)
    del row['user_id'], row['contest_id']
    return {**row, 'chunk_bytes': scene.platform.settings.chunk_bytes}


def _headers(upload):
    return {'Upload-Offset': str(upload.received_bytes), 'Upload-Length': str(upload.size_bytes)}
