"""Server-sent events: what becomes of a submission, and when a board has moved; and the web part's housekeeping."""

import asyncio
import contextlib
import json
import logging
import threading

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from stylegan_serving.competition.services import errors, permissions, submissions, uploads

_LOGGER = logging.getLogger(__name__)
_HEARTBEAT_SECONDS = 15.0
# Far back in the queue nothing happens that is worth a question every second.
_POLL_SECONDS, _SLOW_POLL_SECONDS, _NEAR = 1.0, 4.0, 3
_HOUSEKEEPING_SECONDS = 600.0
_LONGEST_SECONDS = 3600.0


class Streams:
    """Counts the open event streams of this process and ends them all when it closes.

    Args:
        maximum: Streams in all.
        maximum_per_key: Streams of one user or address.
        observe: Function that is told the new count.
    """

    def __init__(self, maximum, maximum_per_key, observe):
        self._maximum, self._maximum_per_key, self._observe = maximum, maximum_per_key, observe
        self._counts, self._lock = {}, threading.Lock()
        self.is_closed = False

    def enter(self, key):
        """Takes a place for one stream of `key`; raises TooMany where there is none."""
        with self._lock:
            if sum(self._counts.values()) >= self._maximum or self._counts.get(key, 0) >= self._maximum_per_key:
                raise errors.TooMany('Too many open event streams. Close one, or ask for the state instead.', 10)
            self._counts[key] = self._counts.get(key, 0) + 1
            self._observe(sum(self._counts.values()))

    def leave(self, key):
        """Gives a place back."""
        with self._lock:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
            self._observe(sum(self._counts.values()))

    def close(self):
        """Lets every stream end at its next question."""
        self.is_closed = True


def submission_events(request, scene):
    """The stream of a submission: an event `status` at once and at every change, and `end` when nothing will follow.

    Returns:
        A StreamingResponse of text/event-stream; the data are those of `submissions.status` as JSON.
    """
    permissions.require_owner(scene, or_judge=True)
    platform, identity = scene.platform, scene.submission.id

    def look():
        return submissions.status(platform, platform.store.submissions.submission(identity))

    def pause(status):
        is_far = status['state'] == 'queued' and (status['queue_position'] or 0) > _NEAR
        return _SLOW_POLL_SECONDS if is_far else _POLL_SECONDS

    return _respond(request, scene, 'status', look, pause, lambda status: status['state'] in submissions.ENDED)


def board_events(request, scene):
    """The stream of a contest: an event `board` with {'version': N} at once and whenever a board may have changed."""
    platform, identity = scene.platform, scene.contest.id

    def look():
        return {'version': platform.store.scores.version(identity)}

    return _respond(request, scene, 'board', look, lambda _: 2 * _POLL_SECONDS, lambda _: False)


@contextlib.asynccontextmanager
async def housekeeping(platform):
    """Drops expired sessions, tokens and uploads and unfinished files, now and every ten minutes while it runs."""
    task = asyncio.create_task(_keep_house(platform))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep_house(platform):
    while True:
        try:
            await run_in_threadpool(platform.store.accounts.purge_expired, platform.now())
            await run_in_threadpool(uploads.purge_expired, platform)
            await run_in_threadpool(platform.storage.sweep)
        except Exception:  # a night without a database must not end the housekeeping
            _LOGGER.exception('housekeeping failed')
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)


def _respond(request, scene, name, look, pause, is_over):
    streams, key = request.app.state.streams, scene.caller.key
    # Before the answer begins, so that a refusal is a status and not a broken stream.
    streams.enter(key)
    return _Stream(_changes(scene, streams, name, look, pause, is_over), lambda: streams.leave(key))


async def _changes(scene, streams, name, look, pause, is_over):
    yield 'retry: 3000\n\n'
    last, number, silent, length = None, 0, 0.0, 0.0
    while not streams.is_closed and length < _LONGEST_SECONDS:
        current = await run_in_threadpool(look)
        if current != last:
            number, silent, last = number + 1, 0.0, current
            yield f'id: {number}\nevent: {name}\ndata: {json.dumps(current)}\n\n'
            if is_over(current):
                yield f'event: end\ndata: {json.dumps(current)}\n\n'
                return
        seconds = pause(current)
        await asyncio.sleep(seconds)
        silent, length = silent + seconds, length + seconds
        if silent >= _HEARTBEAT_SECONDS:
            silent = 0.0
            # Also finds out that nobody listens any more, or that the listener has been signed out.
            if not await run_in_threadpool(_is_still_welcome, scene):
                return
            yield ': still here\n\n'


def _is_still_welcome(scene):
    if not scene.caller.user:
        return True
    try:
        return not scene.platform.store.accounts.user(scene.caller.user_id).is_disabled
    except Exception:
        return False


class _Stream(StreamingResponse):
    """Calls `leave` when it is over, also where the listener is gone before the first byte."""

    def __init__(self, content, leave):
        super().__init__(content, media_type='text/event-stream', headers={'X-Accel-Buffering': 'no'})
        self._leave = leave

    async def __call__(self, scope, receive, send):
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()

