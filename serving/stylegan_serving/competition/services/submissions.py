"""Submissions: handing one in, watching it, and what its team and the organisers do with it afterwards."""

import dataclasses
import math
import statistics

from stylegan_serving.competition import rules
from stylegan_serving.competition.services import boards, errors, permissions, uploads
from stylegan_serving.competition.store import errors as store_errors

ENDED = frozenset({'scored', 'failed', 'cancelled', 'disqualified'})
_LONGEST_TEXT = {'title': 100, 'note': 4000, 'reason': 2000}


def submit(scene, *, upload_id, title='', note='', kind='results', phase=None):
    """Queues a complete upload as a submission of the caller's team.

    Asking again with the same upload returns the same submission, so that a client that lost the answer may repeat.

    Args:
        scene: `Scene` of a participant.
        upload_id: A complete upload of the caller into this contest.
        title: What the method is called, up to 100 characters; the file's name if empty.
        note: Words about it, up to 4000 characters.
        kind: 'results' or, where the contest takes them, 'model'.
        phase: Name of the phase; the open one if None.
    Returns:
        `records.Submission`.
    Raises:
        NotNow, Conflict: No phase is open, the quota is used up (`reason` says which), or parts are missing.
        ChecksumMismatch: The file arrived damaged.
        Missing, Forbidden, Invalid: The upload is not there, is another's, or a text is too long.
    """
    team, platform = permissions.require_team(scene), scene.platform
    title, note = _text('title', title), _text('note', note)
    if (known := _known(scene, upload_id)) is not None:
        return known
    upload = _own_upload(scene, upload_id)
    now = platform.now()
    current = phase_for(scene, phase, now)
    _check_kind(scene, kind)
    limits = current['quota']
    # Looked at here so that nobody waits for a large file to be refused, and counted again when it is queued.
    if reason := rules.exhausted(limits, platform.store.submissions.used(
            scene.contest.id, current['name'], team.id, now)):
        raise store_errors.Conflict(rules.quota_message(reason, limits, now), reason)
    platform.take('submissions', scene.caller.user_id, 'submissions')
    key = f'submissions/{upload.id}/archive{_ending(upload.filename)}'
    uploads.assemble(platform, upload, key)
    try:
        submission = platform.store.submissions.add(
            scene.contest.id, current['name'], team.id, scene.caller.user_id, archive_key=key,
            archive_sha256=upload.sha256, archive_bytes=upload.size_bytes, kind=kind, title=title or upload.filename,
            note=note, limits=limits, submission_id=upload.id, now=now)
    except Exception:
        if (known := _known(scene, upload_id)) is not None:
            return known  # the same request, twice at a time
        platform.storage.delete(key)
        raise
    uploads.drop(platform, upload)
    platform.audit(scene.caller, 'submit', f'submission:{submission.id}', contest=scene.contest.slug,
                   number=submission.number, sha256=upload.sha256)
    return submission


def phase_for(scene, name, now):
    """The phase (dict of the bundle) that takes the caller's submissions now.

    Raises:
        NotNow: The contest or the named phase is not open.
    """
    if reason := why_not_submit(scene, now):
        raise errors.NotNow(reason)
    phase = rules.open_phase(scene.contest.bundle, now)
    if name and name != phase['name']:
        raise errors.NotNow(f'The open phase is {phase["name"]!r}. Received: {name!r}.')
    return phase


def why_not_submit(scene, now=None):
    """A sentence that says why the caller may not submit now, quotas aside; None if they may."""
    return rules.why_not_submit(scene.contest, scene.platform.now() if now is None else now,
                                is_member=scene.team is not None, role=scene.contest_role)


def status(platform, submission):
    """What becomes of a submission, for who is waiting.

    Returns:
        dict: id, number, state, queue_position (1 is next; None unless queued), running (how many are), progress_done
        and progress_total (pictures), eta_seconds (until it is scored, roughly; None where nothing is known) and error.
    """
    position, running = platform.store.submissions.queue_position(submission.id)
    if (submission.state, bool(position)) == ('queued', False):
        # A worker took it since it was read.
        submission = platform.store.submissions.submission(submission.id)
    return {'id': submission.id, 'number': submission.number, 'state': submission.state,
            'queue_position': position if submission.state == 'queued' else None, 'running': running,
            'progress_done': submission.progress_done, 'progress_total': submission.progress_total,
            'eta_seconds': _eta(platform, submission, position, running), 'error': submission.error}


def shown(scene, submission=None):
    """What the team, judges and organisers see of a submission: dict of its fields, status and visible scores."""
    submission = submission or scene.submission
    row = dataclasses.asdict(submission)
    for internal in ('archive_key', 'log_key', 'results_key', 'lease_owner', 'lease_until'):
        del row[internal]
    if submission.state in ('queued', 'running'):
        row |= status(scene.platform, submission)
    row['scores'] = [dataclasses.asdict(score) for score in scores(scene, submission)]
    if not scene.is_judge:
        # Flags name pictures; which ones are private is nobody's to know yet.
        row['flags'] = [{'kind': flag.get('kind')} for flag in submission.flags]
    return row


def scores(scene, submission):
    """The summary scores of a submission that the caller may see now: list of `records.Score`."""
    permissions.require_owner(dataclasses.replace(scene, submission=submission), or_judge=True)
    visible = visible_splits(scene, submission.phase)
    return [score for score in scene.platform.store.scores.of(submission.id) if score.split in visible]


def pair_scores(scene):
    """The scores of single pictures that the caller may see now: list of `records.PairScore`."""
    permissions.require_owner(scene, or_judge=True)
    visible = visible_splits(scene, scene.submission.phase)
    return [row for row in scene.platform.store.scores.pair_scores(scene.submission.id) if row.split in visible]


def visible_splits(scene, phase):
    """The splits ('public', 'private') of a phase whose scores of the own team the caller may see now."""
    own = ('public',) if scene.team else ()
    return {split for split in ('public', 'private') if split in own or boards.may_see(scene, phase, split)}


def listed(scene, *, team_id=None, state=None, limit=50, after=None):
    """Submissions, newest first: the own team's; for judges everybody's or a given team's.

    Args:
        scene: `Scene` of a contest.
        team_id: For judges: only this team's.
        state: Only those in this state.
        limit: At most so many, up to 200.
        after: Number of the last one of the page before.
    Returns:
        list of `records.Submission`.
    """
    permissions.require_user(scene.caller)
    if not scene.is_judge:
        if team_id is not None and not (scene.team and team_id == scene.team.id):
            raise errors.Forbidden("These are another team's submissions.")
        if not scene.team:
            return []
        team_id = scene.team.id
    return scene.platform.store.submissions.list(
        scene.contest.id, team_id=team_id, state=state, limit=max(1, min(limit, 200)), after=after)


def quota_left(scene):
    """What the caller's team has left in the open phase: (phase, dict per_day/total/concurrent -> int or None)."""
    team, now = permissions.require_team(scene), scene.platform.now()
    phase = rules.open_phase(scene.contest.bundle, now) if scene.contest.state == 'open' else None
    if phase is None:
        return None, {}
    used = scene.platform.store.submissions.used(scene.contest.id, phase['name'], team.id, now)
    return phase, rules.quota_left(phase['quota'], used)


def choose_final(scene):
    """Makes the scene's submission the one that counts, where the phase lets teams choose and is not over."""
    permissions.require_owner(scene)
    phase = _choosable(scene)
    submission = scene.platform.store.submissions.choose_final(
        scene.submission.id, limit=phase['chosen_limit'], now=scene.platform.now())
    scene.platform.audit(scene.caller, 'choose_final', f'submission:{submission.id}')
    return submission


def clear_final(scene):
    """Takes the choice back, under the same conditions."""
    permissions.require_owner(scene)
    _choosable(scene)
    submission = scene.platform.store.submissions.clear_final(scene.submission.id, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'clear_final', f'submission:{submission.id}')
    return submission


def cancel(scene):
    """Ends the scene's submission while it waits or runs; raises InvalidState afterwards."""
    permissions.require_owner(scene, or_judge=True)
    submission = scene.platform.store.submissions.cancel(scene.submission.id, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'cancel', f'submission:{submission.id}')
    return submission


def rerun(scene):
    """Scores the scene's submission again; for organisers."""
    permissions.require_staff(scene)
    submission = scene.platform.store.submissions.requeue(
        scene.submission.id, actor=scene.caller.user_id, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'rerun', f'submission:{submission.id}')
    return submission


def disqualify(scene, *, reason):
    """Takes the scene's submission out of every ranking; for organisers. The reason is in the public score log."""
    permissions.require_staff(scene)
    submission = scene.platform.store.submissions.disqualify(
        scene.submission.id, _text('reason', reason, required=True), scene.caller.user_id, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'disqualify', f'submission:{submission.id}', reason=reason)
    return submission


def reinstate(scene, *, reason):
    """Undoes `disqualify`; for organisers."""
    permissions.require_staff(scene)
    submission = scene.platform.store.submissions.reinstate(
        scene.submission.id, _text('reason', reason, required=True), scene.caller.user_id, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'reinstate', f'submission:{submission.id}', reason=reason)
    return submission


def set_hidden(scene, is_hidden):
    """Takes the scene's submission off boards and galleries, or puts it back; for judges and organisers."""
    permissions.require_judge(scene)
    change = scene.platform.store.submissions.hide if is_hidden else scene.platform.store.submissions.show
    submission = change(scene.submission.id, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'hide' if is_hidden else 'show', f'submission:{submission.id}')
    return submission


def report(scene, *, reason):
    """Complains about the scene's entry; judges and organisers see it. Returns `records.EntryReport`."""
    user = permissions.require_user(scene.caller)
    if not may_see_entry(scene, scene.submission):
        raise errors.Missing('There is no such entry.')
    scene.platform.take('secrets', user.id, 'reports')
    row = scene.platform.store.administration.add_report(
        scene.submission.id, user.id, _text('reason', reason, required=True), now=scene.platform.now())
    scene.platform.audit(scene.caller, 'report', f'submission:{scene.submission.id}')
    return row


def may_see_entry(scene, submission):
    """Whether the caller may look at the pictures of a submission: its team, judges, and everybody once it shows."""
    if rules.may_see_submission(submission, team_id=scene.team and scene.team.id, role=scene.contest_role,
                                is_admin=scene.caller.is_admin):
        return True
    return rules.may_see_entry(scene.contest, submission, scene.platform.now(), role=scene.contest_role)


def log_key(scene):
    """The storage key of the scoring run's log; raises Missing where there is none (yet)."""
    permissions.require_owner(scene, or_judge=True)
    if scene.submission.log_key is None:
        raise errors.Missing('There is no log yet.')
    return scene.submission.log_key


def archive_key(scene):
    """The storage key of the archive as it was handed in."""
    permissions.require_owner(scene, or_judge=True)
    return scene.submission.archive_key


def picture(scene, pair, kind):
    """The storage key of a picture of the scene's submission, and where it belongs.

    Args:
        scene: `Scene` with a submission.
        pair: Number of the pair.
        kind: 'output' or 'heat_map'. A heat map of a private pair is seen when private scores are.
    Returns:
        The key, str.
    Raises:
        Missing: There is no such picture, or none that the caller may see.
    """
    missing = errors.Missing('There is no such picture.')
    if kind not in ('output', 'heat_map') or not may_see_entry(scene, scene.submission):
        raise missing
    row = next((row for row in scene.platform.store.scores.pair_scores(scene.submission.id) if row.pair == pair), None)
    if row is None:
        raise missing
    if kind == 'output':
        return row.output_key
    if row.heat_map_key is None or row.split not in visible_splits(scene, scene.submission.phase):
        raise missing
    return row.heat_map_key


def _known(scene, upload_id):
    """The submission that was made of an upload already, where it is the caller's own team's."""
    try:
        known = scene.platform.store.submissions.submission(upload_id)
    except store_errors.NotFound:
        return None
    return known if scene.team and known.team_id == scene.team.id else None


def _own_upload(scene, upload_id):
    try:
        upload = scene.platform.store.submissions.upload(upload_id)
    except store_errors.NotFound:
        raise errors.Missing('There is no such upload, or its time is over. Upload the file again.') from None
    if upload.user_id != scene.caller.user_id or upload.contest_id != scene.contest.id:
        raise errors.Forbidden("This is another user's upload, or one into another contest.")
    return upload


def _check_kind(scene, kind):
    bundle = scene.contest.bundle
    if kind not in ('results', 'model'):
        raise errors.Invalid(f"Expected 'results' or 'model'. Received: {kind!r}.", 'kind')
    if kind == 'model' and 'off' in (bundle['models'], scene.platform.settings.models):
        raise errors.Invalid('This contest takes no models. Submit results.', 'kind')
    if kind == 'results' and bundle['kind'] == 'model':
        raise errors.Invalid('This contest takes models only.', 'kind')


def _choosable(scene):
    phase = rules.phase(scene.contest.bundle, scene.submission.phase)
    if phase['final_selection'] != 'chosen':
        raise errors.NotNow(f'In this phase the {phase["final_selection"]} submission of each team counts; nothing is '
                            'chosen.')
    # After the end private scores are shown, and a choice that knows them would be no choice.
    if not rules.may_choose(scene.contest, scene.submission, scene.platform.now()):
        raise errors.NotNow('Only a scored submission can be chosen, and only until its phase ends.')
    return phase


def _eta(platform, submission, position, running):
    if submission.state not in ('queued', 'running'):
        return None
    now = platform.now()
    durations = platform.store.submissions.durations(submission.contest_id, 20)
    typical = statistics.median(durations) if durations else None
    if submission.state == 'running':
        elapsed = max(0.0, now - (submission.started_at or now))
        if submission.progress_done and submission.progress_total:
            left = submission.progress_total - submission.progress_done
            return round(elapsed * left / submission.progress_done, 1)
        return None if typical is None else round(max(0.0, typical - elapsed), 1)
    if typical is None or not position:
        return None
    alive = len(platform.store.administration.workers(now)) or 1
    waiting = math.ceil(position / alive) * typical
    # Those that run already are half done on average.
    return round(waiting + (typical / 2 if running >= alive else 0), 1)


def _ending(filename):
    return '.zip' if filename.lower().endswith('.zip') else '.tar.gz'


def _text(name, text, required=False):
    text, limit = str(text or '').strip(), _LONGEST_TEXT[name]
    if len(text) > limit or (required and not text):
        raise errors.Invalid(f'Expected {name} of {"1" if required else "0"} to {limit} characters. Received '
                             f'{len(text)}.', name)
    return text
