"""Submitting, the list of the own entries, and the page of one: live while it is scored, its scores afterwards."""

import dataclasses
import hashlib
import types
from typing import Annotated

from fastapi import Form, UploadFile
from starlette.requests import Request

from stylegan_serving.competition import ranking, rules, security
from stylegan_serving.competition.pages import frame
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import boards, contests, errors, submissions, uploads

Text = Annotated[str, Form()]
_BLOCK_BYTES = 1 << 20
_PAGE_ROWS = 50
_SHOWN_PICTURES = 60  # a page with more would take long to load; the rest is in the gallery
# What a button of the entry's page does: the service's function and the level that `access.TABLE` has for it.
_ACTIONS = {
    'final': submissions.choose_final, 'unfinal': submissions.clear_final, 'cancel': submissions.cancel,
    'rerun': submissions.rerun, 'hide': lambda scene: submissions.set_hidden(scene, True),
    'show': lambda scene: submissions.set_hidden(scene, False)}


@router.get('/c/{slug}/submit')
def submit_page(request: Request, scene: Here, slug: str):
    return _submit(request, scene)


@router.post('/c/{slug}/submit')
def submit(request: Request, scene: Here, slug: str, archive: UploadFile | None = None, title: Text = '',
           note: Text = '', kind: Text = 'results'):
    """The way without a script: the whole archive in one request."""
    try:
        if archive is None or not archive.filename:
            raise errors.Invalid(frame.say(request, 'archive_missing'), 'archive')
        made = submissions.submit(scene, upload_id=_received(scene, archive), title=title, note=note, kind=kind)
    except frame.REFUSALS as error:
        return frame.show_refused(
            request, scene, error, lambda **more: _submit(request, scene, **more),
            fields={'archive': 'archive', 'filename': 'archive', 'size_bytes': 'archive', 'title': 'title'},
            form={'title': title, 'note': note, 'kind': kind})
    return frame.go(f'/s/{made.id}')


@router.get('/c/{slug}/submissions')
def submissions_page(request: Request, scene: Here, slug: str, before: int | None = None):
    found = submissions.listed(scene, team_id=scene.team.id, limit=_PAGE_ROWS, after=before) if scene.team else []
    titles = {row['name']: frame.phase_title(row) for row in scene.contest.bundle['phases']}
    rows = [types.SimpleNamespace(submission=row, phase=titles.get(row.phase, row.phase), score=_score(scene, row))
            for row in found]
    return frame.show(request, scene, 'submissions.html', tab='submissions', rows=rows,
                      older=found[-1].number if len(found) == _PAGE_ROWS else None)


@router.get('/s/{submission_id}')
def submission_page(request: Request, scene: Here, submission_id: str):
    row = scene.submission
    is_moving = row.state in ('queued', 'running')
    live = submissions.status(scene.platform, row) if is_moving else {}
    table, splits = _scores(request, scene)
    return frame.show(
        request, scene, 'submission.html', tab='submissions', submission=row, is_moving=is_moving,
        failure=frame.told(request, row.error) if row.error else None,
        live_text=_live_text(request, live), eta_text=_eta_text(request, live),
        team_name=scene.platform.store.teams.team(row.team_id).name, phase_title=_phase_title(scene),
        flags=_flags(request, scene), scores=table, splits=splits, pictures=_pictures(scene),
        actions=_possible(scene, row), may_reinstate=scene.is_staff and row.state == 'disqualified',
        may_disqualify=scene.is_staff and row.state in ('scored', 'failed'))


def _make_action(name, change):
    @router.post(f'/s/{{submission_id}}/{name}', name=f'entry_{name}')
    def act(scene: Here, submission_id: str, back: Text = ''):
        change(scene)
        return frame.go(security.safe_path(back, f'/s/{submission_id}'), 'said_saved')


for _name, _change in _ACTIONS.items():
    _make_action(_name, _change)


@router.post('/s/{submission_id}/disqualify')
def disqualify(scene: Here, submission_id: str, reason: Text = ''):
    submissions.disqualify(scene, reason=reason)
    return frame.go(f'/s/{submission_id}', 'said_saved')


@router.post('/s/{submission_id}/reinstate')
def reinstate(scene: Here, submission_id: str, reason: Text = ''):
    submissions.reinstate(scene, reason=reason)
    return frame.go(f'/s/{submission_id}', 'said_saved')


@router.post('/s/{submission_id}/report')
def report(scene: Here, submission_id: str, reason: Text = '', back: Text = ''):
    submissions.report(scene, reason=reason)
    return frame.go(security.safe_path(back, f'/c/{scene.contest.slug}/gallery'), 'said_reported')


def possible_actions(scene, row):
    """The names of `_ACTIONS` that the caller may do to a submission in the state it is in."""
    return _possible(dataclasses.replace(scene, submission=row), row)


def _possible(scene, row):
    found = []
    if scene.owns_submission and rules.may_choose(scene.contest, row, scene.platform.now()):
        found.append('unfinal' if row.is_final else 'final')
    if row.state in ('queued', 'running') and (scene.owns_submission or scene.is_judge):
        found.append('cancel')
    if scene.is_staff and row.state in ('scored', 'failed', 'cancelled'):
        found.append('rerun')
    if scene.is_judge and row.state == 'scored':
        found.append('show' if row.is_hidden else 'hide')
    return found


def _submit(request, scene, **more):
    phase, left = submissions.quota_left(scene) if scene.team else (None, {})
    quota = [types.SimpleNamespace(name=name, left=left[name], limit=phase['quota'][name])
             for name in ('per_day', 'total', 'concurrent')] if phase else []
    return frame.show(request, scene, 'submit.html', tab='submit', quota=quota,
                      chunk_bytes=scene.platform.settings.chunk_bytes, base_url=scene.platform.settings.base_url,
                      why_not=submissions.why_not_submit(scene), **more)


def _received(scene, archive):
    """Takes a whole file as an upload of parts, like any other: its id."""
    digest, size = hashlib.sha256(), 0
    while block := archive.file.read(_BLOCK_BYTES):
        digest.update(block)
        size += len(block)
    upload = uploads.begin(scene, filename=archive.filename, size_bytes=size, sha256=digest.hexdigest())
    archive.file.seek(0)
    while block := archive.file.read(scene.platform.settings.chunk_bytes):
        scene = dataclasses.replace(scene, upload=upload)
        upload = uploads.receive(scene, offset=upload.received_bytes, data=block)
    return upload.id


def _score(scene, row):
    if row.state != 'scored':
        return None
    split = rules.ranking_split(scene.contest.bundle, row.phase, scene.platform.now(), scene.contest.state)
    found = [score for score in submissions.scores(scene, row)
             if score.metric == ranking.SCORE and score.split == split]
    return found[0] if found else None


def _scores(request, scene):
    """The table of scores, the ranked one first: (rows, splits)."""
    found, bundle = submissions.scores(scene, scene.submission), scene.contest.bundle
    splits = [split for split in boards.SPLITS if any(score.split == split for score in found)]
    known = {ranking.SCORE: frame.say(request, 'score')}
    better = {row['name']: row['better'] for row in bundle['metrics']} | {ranking.SCORE: ranking.score_better(bundle)}
    names = sorted({score.metric for score in found},
                   key=lambda name: (name != ranking.SCORE, name not in better, name))
    rows = [types.SimpleNamespace(label=known.get(name, name), better=better.get(name), values={
        split: next((score for score in found if score.metric == name and score.split == split), None)
        for split in splits}) for name in names]
    return rows, splits


def _pictures(scene):
    if scene.submission.state != 'scored':
        return []
    ranked = [ranking.SCORE, *(row['name'] for row in scene.contest.bundle['metrics'])]
    numbers = {pair['index']: place for place, pair in enumerate(scene.contest.bundle['pairs'])}
    rows = []
    for row in submissions.pair_scores(scene)[:_SHOWN_PICTURES]:
        content, style = contests.pair_addresses(scene.contest, numbers[row.pair])
        rows.append(types.SimpleNamespace(
            pair=row.pair, name=f'{row.pair:03d}', split=row.split, content=content, style=style,
            result=boards.picture_address(row.submission_id, row.pair, 'output'),
            heat_map=boards.picture_address(row.submission_id, row.pair, 'heat_map') if row.heat_map_key else None,
            metrics=[(name, row.metrics[name]) for name in ranked if row.metrics.get(name) is not None][:2]))
    return rows


def _flags(request, scene):
    texts, visible = [], submissions.visible_splits(scene, scene.submission.phase)
    shown = {pair['index'] for pair in scene.contest.bundle['pairs'] if pair['split'] in visible}
    for flag in scene.submission.flags:
        kind = flag.get('kind')
        known = kind in ('copy_of_content', 'copy_of_style', 'copy_of_entry')
        text = frame.say(request, f'flag_{kind}') if known else frame.say(request, 'flag_other', kind=kind)
        # Which pictures are private is not told before their scores are.
        pairs = [f'{pair:03d}' for pair in flag.get('pairs', ()) if pair in shown]
        texts.append(text + (' ' + frame.say(request, 'flag_pairs', pairs=', '.join(pairs)) if pairs else ''))
    return texts


def _live_text(request, live):
    if live.get('state') == 'running':
        return frame.say(request, 'live_running', done=live['progress_done'], total=live['progress_total'] or '–')
    return frame.say(request, 'live_queued', n=live['queue_position'] or '–') if live else ''


def _eta_text(request, live):
    seconds = live.get('eta_seconds')
    if seconds is None:
        return ''
    return frame.say(request, 'live_soon') if seconds < 5 else frame.say(request, 'live_eta', seconds=round(seconds))


def _phase_title(scene):
    found = rules.phase(scene.contest.bundle, scene.submission.phase)
    return frame.phase_title(found) if found else scene.submission.phase
