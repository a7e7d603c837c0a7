"""Submissions: handing in, watching, per-picture results, files, choosing, and what organisers do with them."""

import dataclasses
from typing import Annotated, Literal

import fastapi
from starlette.requests import Request

from stylegan_serving.competition import events
from stylegan_serving.competition.api import answers
from stylegan_serving.competition.api.answers import Body, Here
from stylegan_serving.competition.services import boards, errors, submissions

router = answers.make_router('submissions')
_State = Literal['queued', 'running', 'scored', 'failed', 'cancelled', 'disqualified']


class NewSubmission(Body):
    upload_id: str
    title: str = ''
    note: str = ''
    kind: str = 'results'
    phase: str | None = None
    sha256: str | None = None


class Reason(Body):
    reason: str


@router.get('/contests/{slug}/submissions')
def listed(scene: Here, slug: str, team: str | None = None, state: _State | None = None,
           limit: Annotated[int, fastapi.Query(ge=1, le=200)] = 50,
           after: Annotated[int | None, fastapi.Query(ge=0, le=1 << 31)] = None):
    """The own team's submissions, newest first; judges see all. `after` is the last number of the page before."""
    return [submissions.shown(scene, row) for row in submissions.listed(
        scene, team_id=team, state=state, limit=limit, after=after)]


@router.post('/contests/{slug}/submissions', status_code=201)
def submit(scene: Here, slug: str, body: NewSubmission):
    """Queues a complete upload; the same upload again gives the same submission."""
    submission = submissions.submit(scene, upload_id=body.upload_id, title=body.title, note=body.note, kind=body.kind,
                                    phase=body.phase)
    if body.sha256 and body.sha256.lower() != submission.archive_sha256:
        raise errors.ChecksumMismatch('The upload was of another file than this SHA-256 says.')
    return submissions.shown(scene, submission)


@router.get('/submissions/{submission_id}')
def submission(scene: Here, submission_id: str):
    """A submission with its state and the scores that may be seen now."""
    return submissions.shown(scene)


@router.get('/submissions/{submission_id}/events', response_class=fastapi.responses.StreamingResponse,
            responses={200: {'content': {'text/event-stream': {}}}})
def watch(scene: Here, submission_id: str, request: Request):
    """Server-sent events: `status` at once and at every change, `end` when it has ended."""
    return events.submission_events(request, scene)


@router.get('/submissions/{submission_id}/log', response_class=fastapi.responses.StreamingResponse,
            responses={200: {'content': {'text/plain': {}}}})
def log(scene: Here, submission_id: str):
    """The log of the scoring run."""
    return answers.download(scene, submissions.log_key(scene), f'submission_{scene.submission.number}.log',
                            'text/plain; charset=utf-8')


@router.get('/submissions/{submission_id}/archive', response_class=fastapi.responses.StreamingResponse,
            responses={200: {'content': {'application/octet-stream': {}}}})
def archive(scene: Here, submission_id: str):
    """The archive as it was handed in."""
    key = submissions.archive_key(scene)
    ending = key.rsplit('/archive', 1)[-1]
    return answers.download(scene, key, f'submission_{scene.submission.number}{ending}')


@router.get('/submissions/{submission_id}/pairs')
def pairs(scene: Here, submission_id: str):
    """The scores of each picture that may be seen now."""
    return [{'pair': row.pair, 'split': row.split, **boards.pair_json(row, True)}
            for row in submissions.pair_scores(scene)]


@router.get('/submissions/{submission_id}/pictures/{pair}/{kind}', response_class=fastapi.Response,
            responses={200: {'content': {'image/png': {}, 'image/jpeg': {}}}})
def picture(scene: Here, submission_id: str, pair: int, kind: Literal['output', 'heat_map'], request: Request):
    """A result or its heat map, of entries that the caller may see."""
    return answers.picture(scene, request, submissions.picture(scene, pair, kind))


@router.post('/submissions/{submission_id}/final')
def choose_final(scene: Here, submission_id: str):
    """Makes it the submission that counts, where the phase lets teams choose."""
    return submissions.shown(scene, submissions.choose_final(scene))


@router.delete('/submissions/{submission_id}/final')
def clear_final(scene: Here, submission_id: str):
    """Takes the choice back."""
    return submissions.shown(scene, submissions.clear_final(scene))


@router.post('/submissions/{submission_id}/cancel')
def cancel(scene: Here, submission_id: str):
    """Ends it while it waits or runs; it then counts for no quota."""
    return submissions.shown(scene, submissions.cancel(scene))


@router.post('/submissions/{submission_id}/rerun')
def rerun(scene: Here, submission_id: str):
    """Scores it again."""
    return submissions.shown(scene, submissions.rerun(scene))


@router.post('/submissions/{submission_id}/disqualify')
def disqualify(scene: Here, submission_id: str, body: Reason):
    """Takes it out of every ranking."""
    return submissions.shown(scene, submissions.disqualify(scene, reason=body.reason))


@router.post('/submissions/{submission_id}/reinstate')
def reinstate(scene: Here, submission_id: str, body: Reason):
    """Undoes a disqualification."""
    return submissions.shown(scene, submissions.reinstate(scene, reason=body.reason))


@router.post('/submissions/{submission_id}/hide')
def hide(scene: Here, submission_id: str):
    """Takes it off boards and galleries."""
    return submissions.shown(scene, submissions.set_hidden(scene, True))


@router.post('/submissions/{submission_id}/show')
def show(scene: Here, submission_id: str):
    """Puts it back on boards and galleries."""
    return submissions.shown(scene, submissions.set_hidden(scene, False))


@router.post('/submissions/{submission_id}/report', status_code=201)
def report(scene: Here, submission_id: str, body: Reason):
    """Complains about an entry; judges and organisers see it."""
    return dataclasses.asdict(submissions.report(scene, reason=body.reason))
