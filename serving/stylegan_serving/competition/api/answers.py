"""What the JSON routes have in common: the scene, refusals as they are documented, files from the storage."""

import contextlib
import hashlib
import mimetypes
import tempfile
from typing import Annotated

import fastapi
import pydantic
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from stylegan_serving.competition import security
from stylegan_serving.competition.gate import GatedRoute, gate
from stylegan_serving.competition.services import errors
from stylegan_serving.competition.services.permissions import Scene

Here = Annotated[Scene, fastapi.Depends(gate)]
_PICTURES = {'image/png', 'image/jpeg', 'image/webp'}


# For routes that read the body themselves.
BYTES = {'requestBody': {'required': True, 'content': {'application/octet-stream': {
    'schema': {'type': 'string', 'format': 'binary'}}}}}


class Refusal(pydantic.BaseModel):
    """Why a request was not carried out."""

    error: str
    message: str
    field: str | None = None
    reason: str | None = None
    problems: list[str] | None = None


class Body(pydantic.BaseModel):
    """A request's JSON; unknown names are refused, so that a misspelt one is noticed."""

    model_config = pydantic.ConfigDict(extra='forbid')


REFUSALS = {status: {'model': Refusal, 'description': text} for status, text in {
    400: 'The request cannot be read.', 401: 'Nobody is signed in, or the token is not valid.',
    403: 'This user may not do this.', 404: 'There is no such thing.', 409: 'Not now: the state is against it.',
    413: 'Too many bytes.', 422: 'A part of the request is not as expected.', 429: 'Too often; see Retry-After.',
    460: 'The bytes arrived damaged.'}.items()}


def make_router(tag, prefix=''):
    """A router of JSON routes. Each has its whole prefix, so that a request's route says the whole address."""
    return fastapi.APIRouter(prefix=f'/api/v1{prefix}', tags=[tag], responses=REFUSALS, route_class=GatedRoute)


def picture(scene, request, key):
    """A picture of the storage as it may be shown inside a page; browsers may keep it for an hour.

    Raises:
        Missing: It is not there, or is no picture.
    """
    media_type = mimetypes.guess_type(key)[0]
    if media_type not in _PICTURES:
        raise errors.Missing('There is no such picture.')
    try:
        data = scene.platform.storage.read(key)
    except FileNotFoundError:
        raise errors.Missing('There is no such picture.') from None
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {'ETag': tag, 'Cache-Control': 'private, max-age=3600', 'Content-Security-Policy': security.FILE_POLICY}
    if tag in request.headers.get('if-none-match', ''):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def download(scene, key, filename, media_type='application/octet-stream'):
    """A file of the storage to be saved; raises Missing where it is not there."""
    storage = scene.platform.storage
    try:
        size = storage.size(key)
    except FileNotFoundError:
        raise errors.Missing('There is no such file (any more).') from None
    return StreamingResponse(storage.blocks(key), media_type=media_type, headers={
        'Content-Length': str(size), 'Content-Disposition': f'attachment; filename="{plain(filename)}"',
        'Content-Security-Policy': security.FILE_POLICY})


@contextlib.asynccontextmanager
async def received(request):
    """The body of a request as the path of a temporary file, which is gone afterwards."""
    with tempfile.NamedTemporaryFile(prefix='stylegan_bundle_', suffix='.zip') as file:
        async for block in request.stream():
            await run_in_threadpool(file.write, block)
        file.flush()
        yield file.name


def plain(filename):
    """A file's name that needs no quoting in a header."""
    return ''.join(letter if letter.isascii() and (letter.isalnum() or letter in '.-_') else '_'
                   for letter in filename)[-120:] or 'file'
