"""Contests: what everybody sees of them, and how their organisers run them."""

import dataclasses
import mimetypes
import urllib.parse

from stylegan_serving.competition import rules
from stylegan_serving.competition.services import errors, permissions

_LONGEST_ANNOUNCEMENT = 5000
_PICTURES = ('image/png', 'image/jpeg', 'image/webp')


def listed(platform, caller, *, state=None):
    """The contests that the caller may know of, newest first: list of `records.Contest`."""
    viewer = '*' if caller.is_admin else caller.user_id
    return platform.store.contests.list(state=state, viewer=viewer)


def shown(scene, contest=None):
    """A contest as the caller sees it: dict with the bundle's public part, the open phase and the caller's part in it.

    Which pairs are private is for organisers to know, and so is what decides it.
    """
    contest, now = contest or scene.contest, scene.platform.now()
    row = dataclasses.asdict(contest)
    del row['bundle_files']
    bundle = dict(contest.bundle)
    if permissions.role_in(scene.platform, scene.caller, contest) not in ('admin', 'organiser'):
        bundle['pairs'] = [{name: value for name, value in pair.items() if name != 'split'} for pair in bundle['pairs']]
        del bundle['split_seed']
        del row['owner_id']
    open_phase = rules.open_phase(bundle, now) if contest.state == 'open' else None
    return {**row, 'bundle': bundle, 'open_phase': open_phase and open_phase['name'],
            'shown_phase': rules.shown_phase(bundle, now)['name']}


def shown_to_participant(scene):
    """`shown`, with the caller's team and what is left of its quota."""
    from stylegan_serving.competition.services import submissions

    row = shown(scene)
    if scene.caller.user:
        row['role'] = scene.role
        row['team'] = scene.team and {'id': scene.team.id, 'name': scene.team.name}
        if scene.team:
            phase, left = submissions.quota_left(scene)
            row['quota_left'] = left if phase else None
    return row


def open_contest(scene):
    """Opens the scene's contest, or opens it again; for organisers. Returns `records.Contest`."""
    return _set_state(scene, 'open')


def close(scene):
    """Closes the scene's contest: nothing can be submitted, private boards are shown; for organisers."""
    return _set_state(scene, 'closed')


def announce(scene, *, text):
    """Tells something to everybody in the contest (Markdown); for organisers. Returns `records.Announcement`."""
    permissions.require_staff(scene)
    text = str(text or '').strip()
    if not 1 <= len(text) <= _LONGEST_ANNOUNCEMENT:
        raise errors.Invalid(f'Expected 1 to {_LONGEST_ANNOUNCEMENT} characters. Received {len(text)}.', 'text')
    row = scene.platform.store.contests.add_announcement(
        scene.contest.id, scene.caller.user_id, text, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'announce', f'contest:{scene.contest.id}')
    return row


def announcements(scene):
    """What was announced, newest first: list of `records.Announcement`."""
    return scene.platform.store.contests.announcements(scene.contest.id)


def roles(scene):
    """Who organises and judges the contest, for organisers: list of dict user_id, name, role."""
    permissions.require_staff(scene)
    store = scene.platform.store
    return [{'user_id': row.user_id, 'name': store.accounts.user(row.user_id).name, 'role': row.role}
            for row in store.contests.roles(scene.contest.id)]


def set_role(scene, *, name, role):
    """Makes a user organiser or judge of the contest, or neither (None); for organisers.

    Raises:
        Invalid: There is no such role.
        NotFound: There is no such user.
        InvalidState: The owner's role would be taken.
    """
    permissions.require_staff(scene)
    if role not in ('organiser', 'judge', None):
        raise errors.Invalid(f"Expected 'organiser', 'judge' or nothing. Received: {role!r}.", 'role')
    user = scene.platform.store.accounts.user_by_name(str(name))
    scene.platform.store.contests.set_role(scene.contest.id, user.id, role)
    scene.platform.audit(scene.caller, 'set_role', f'contest:{scene.contest.id}', user=user.id, role=role)


def reports(scene, *, state=None):
    """Complaints about entries of the contest, newest first, for judges: list of `records.EntryReport`."""
    permissions.require_judge(scene)
    return scene.platform.store.administration.reports(scene.contest.id, state=state)


def handle_report(scene, *, report_id, state, hide=False):
    """Upholds or rejects a complaint, for judges; with `hide` an upheld one also takes the entry off the boards.

    Returns:
        `records.EntryReport`.
    Raises:
        Invalid: The state is none of the two.
        Missing: There is no such report in this contest.
        InvalidState: It was handled already.
    """
    permissions.require_judge(scene)
    if state not in ('upheld', 'rejected'):
        raise errors.Invalid(f'Expected upheld or rejected. Received: {state!r}.', 'state')
    store = scene.platform.store
    row = store.administration.report(report_id)
    submission = store.submissions.submission(row.submission_id)
    if submission.contest_id != scene.contest.id:
        raise errors.Missing('There is no such report in this contest.')
    row = store.administration.handle_report(report_id, state, scene.caller.user_id)
    if hide and state == 'upheld':
        store.submissions.hide(submission.id, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'handle_report', f'submission:{submission.id}', state=state, hide=hide)
    return row


def pair_addresses(contest, index):
    """Where the content and the style picture of a pair are served: (str, str)."""
    pair, bundle = contest.bundle['pairs'][index], contest.bundle
    return (file_address(contest, f'{bundle["content_folder"]}/{pair["content"]}'),
            file_address(contest, f'{bundle["style_folder"]}/{pair["style"]}'))


def file_address(contest, path):
    """Where a picture of the contest's bundle is served."""
    return f'/api/v1/contests/{contest.slug}/files/{urllib.parse.quote(path)}'


def file_key(scene, path):
    """The storage key of a picture of the contest's bundle.

    Raises:
        Missing: It is no content or style picture of the contest.
    """
    bundle = scene.contest.bundle
    known = {f'{bundle["content_folder"]}/{pair["content"]}' for pair in bundle['pairs']}
    known |= {f'{bundle["style_folder"]}/{pair["style"]}' for pair in bundle['pairs']}
    if path not in known or mimetypes.guess_type(path)[0] not in _PICTURES:
        raise errors.Missing('There is no such picture in this contest.')
    return f'{scene.contest.bundle_files}/{path}'


def _set_state(scene, state):
    permissions.require_staff(scene)
    contest = scene.platform.store.contests.set_state(scene.contest.id, state, now=scene.platform.now())
    scene.platform.audit(scene.caller, f'set_{state}', f'contest:{contest.id}')
    return contest
