"""The rules of a contest as pure functions of rows and the time: nothing here looks anywhere.

A bundle is a dict here, as `records.Contest.bundle` has it. Times are seconds since 1970.
"""

import datetime

QUOTAS = ('concurrent', 'per_day', 'total')
DAY_SECONDS = 86_400


def day_start(now):
    """When the day of UTC began in which `now` lies."""
    return now - now % DAY_SECONDS


def exhausted(limits, used):
    """Which quota is used up: 'concurrent', 'per_day', 'total', or None.

    Args:
        limits: dict of those names; None or a missing one is without limit.
        used: dict of those names, counts.
    """
    return next((name for name in QUOTAS if limits.get(name) is not None and used[name] >= limits[name]), None)


def quota_left(limits, used):
    """How many more may be submitted now: dict of the quotas' names -> count, or None for without limit."""
    return {name: None if limits.get(name) is None else max(0, limits[name] - used[name]) for name in QUOTAS}


def quota_message(reason, limits, now):
    """What to tell a team whose quota `reason` is used up."""
    limit = limits[reason]
    if reason == 'concurrent':
        return f'{limit} of your submissions wait or run already. Try again when one has ended.'
    if reason == 'per_day':
        return (f'Your team has used its {limit} submissions of today. The next day begins at '
                f'{_utc(day_start(now + DAY_SECONDS))}.')
    return f'Your team has used its {limit} submissions of this phase.'


def phases(bundle):
    """The phases of a bundle in the order of their start: list of dict."""
    return sorted(bundle['phases'], key=lambda phase: phase['start'])


def phase(bundle, name):
    """The phase of a name, or None."""
    return next((row for row in bundle['phases'] if row['name'] == name), None)


def open_phase(bundle, now):
    """The phase that takes submissions now, the one that began last if several do, or None."""
    return next((row for row in reversed(phases(bundle)) if row['start'] <= now < row['end']), None)


def shown_phase(bundle, now):
    """The phase a page shows when none is asked for: the open one, else the last that began, else the first."""
    begun = [row for row in phases(bundle) if row['start'] <= now]
    return open_phase(bundle, now) or (begun[-1] if begun else phases(bundle)[0])


def has_ended(bundle, name, now, contest_state='open'):
    """Whether a phase takes no more submissions for good: its end has come, or the contest is closed."""
    found = phase(bundle, name)
    return contest_state == 'closed' or (found is not None and now >= found['end'])


def why_not_submit(contest, now, *, is_member, role=None):
    """Why a user may not submit to a contest now: a sentence, or None if they may.

    Args:
        contest: `records.Contest`.
        is_member: Whether the user is in a team of it.
        role: The user's role in it: 'organiser', 'judge' or None. Organisers may try out a draft.
    """
    if not is_member:
        return 'Join the contest first: make a team or accept an invitation.'
    if contest.state == 'closed':
        return 'This contest is closed.'
    if contest.state == 'draft' and role != 'organiser':
        return 'This contest has not been opened yet.'
    if open_phase(contest.bundle, now) is None:
        coming = [row for row in phases(contest.bundle) if row['start'] > now]
        return (f'No phase is open. {coming[0]["title"] or coming[0]["name"]} begins at {_utc(coming[0]["start"])}.'
                if coming else 'The last phase has ended.')
    return None


def may_see_split(contest, phase_name, split, now, *, role=None, is_admin=False):
    """Whether a user may see scores, rankings and pictures of a split on the board of a phase.

    Private ones are for organisers until the phase has ended, public ones of a phase with `board: hidden` too.
    """
    if role == 'organiser' or is_admin:
        return True
    ended = has_ended(contest.bundle, phase_name, now, contest.state)
    if split == 'private':
        return ended
    found = phase(contest.bundle, phase_name)
    return ended or (found is not None and found['board'] == 'public')


def ranking_split(bundle, phase_name, now, contest_state='open'):
    """The split that ranks a phase: 'public' until it has ended, then 'private', where there are private pairs."""
    private = any(pair['split'] == 'private' for pair in bundle['pairs'])
    return 'private' if private and has_ended(bundle, phase_name, now, contest_state) else 'public'


def may_choose(contest, submission, now):
    """Whether a team may choose this submission as final: its phase asks for it and has not ended."""
    found = phase(contest.bundle, submission.phase)
    return (found is not None and found['final_selection'] == 'chosen' and submission.state == 'scored'
            and not has_ended(contest.bundle, submission.phase, now, contest.state))


def may_see_submission(submission, *, team_id=None, role=None, is_admin=False):
    """Whether a user may see a submission's page, log and files: its team, and those who judge.

    Args:
        team_id: The user's team in the contest, or None.
        role: The user's role in the contest.
    """
    return is_admin or role is not None or (team_id is not None and team_id == submission.team_id)


def may_see_entry(contest, submission, now, *, role=None, is_admin=False):
    """Whether a user may see an entry in the gallery: scored, not hidden, its board not hidden."""
    if role == 'organiser' or is_admin:
        return submission.state == 'scored'
    return (submission.state == 'scored' and not submission.is_hidden
            and may_see_split(contest, submission.phase, 'public', now, role=role))


def edit_problems(old, new, has_submissions):
    """Why a contest's bundle may not become another one: list of sentences, empty where it may.

    Texts, dates, quotas, votes and teams may always change. Once there are submissions, nothing may that their scores
    rest on, and no phase of theirs may go.
    """
    if not has_submissions:
        return []
    problems = [f'{key}: cannot change once there are submissions. It was {old[key]!r}. Received {new[key]!r}. Clone '
                'the contest instead.' for key in ('size', 'kind') if old[key] != new[key]]
    if _plain(old['metrics']) != _plain(new['metrics']):
        problems.append('metrics: names, weights and directions cannot change once there are submissions, whose scores '
                        'were made with them. Clone the contest instead.')
    if _plain(old['pairs']) != _plain(new['pairs']):
        problems.append('pairs: cannot change once there are submissions. Clone the contest instead.')
    gone = {row['name'] for row in old['phases']} - {row['name'] for row in new['phases']}
    problems += [f'phases: {name!r} cannot go once there are submissions.' for name in sorted(gone)]
    return problems


def _plain(rows):
    # A bundle fresh from its reader has tuples where one from the database has lists.
    return [dict(row) for row in rows]


def _utc(seconds):
    return f'{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M} UTC'
