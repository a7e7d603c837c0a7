"""Blind voting: two results of one pair without names, in random order; what the votes say beside the metrics.

A ballot is a sealed text: who holds it can neither read which submissions it compares nor make one up.
"""

import base64
import dataclasses
import hashlib
import hmac
import json
import random

import cryptography.fernet

from stylegan_serving.competition import records, rules
from stylegan_serving.competition.services import boards, errors, permissions

WINNERS = ('first', 'second', 'tie')
_BALLOT_SECONDS = 3600
_TRIED_PAIRS, _TRIED_COMPARISONS = 50, 200


@dataclasses.dataclass(frozen=True)
class Ballot:
    """A question to a voter.

    Attributes:
        token: The sealed text; goes back with the vote.
        pair: Number of the pair.
        first, second: Submission ids, for this server only.
        phase: Name of the phase.
    """

    token: str
    pair: int
    first: str
    second: str
    phase: str


def next_ballot(scene, *, phase=None):
    """The next question for the caller: the comparison with the fewest votes among some drawn at random.

    Args:
        scene: `Scene` of a signed-in caller.
        phase: As in `boards.board`.
    Returns:
        `Ballot`, or None where nothing is left to compare. The caller's own team is never in it.
    Raises:
        NotNow: The contest has no voting, or is closed.
        TooMany: The caller has voted as often as the contest allows in an hour.
    """
    user, phase = permissions.require_user(scene.caller), _phase(scene, phase)
    _check_allowance(scene, user)
    store, contest = scene.platform.store, scene.contest
    counts = store.votes.counts(contest.id, phase)
    judged = store.votes.judged(user.id, contest.id, phase)
    pairs = list(range(len(contest.bundle['pairs'])))
    draw = random.SystemRandom()
    draw.shuffle(pairs)
    # Each pair costs a query; that so many in a row are exhausted and another is not, is rare.
    for pair in pairs[:_TRIED_PAIRS]:
        entries = [row.submission_id for row, team, _ in store.scores.entries(contest.id, phase, pair=pair)
                   if not (scene.team and team == scene.team.id)]
        if (found := _least_compared(pair, entries, counts, judged, draw)) is not None:
            first, second = draw.sample(found, 2)
            return _seal(scene, Ballot('', pair, first, second, phase))
    return None


def vote(scene, *, token, winner):
    """Counts a vote.

    Args:
        scene: `Scene` of a signed-in caller.
        token: Of a ballot that this caller was given within the hour.
        winner: 'first', 'second' or 'tie'.
    Returns:
        `records.Vote`.
    Raises:
        Invalid: The token or the winner is none.
        NotNow, Conflict, TooMany: As `next_ballot`; these two were judged already; an entry was withdrawn.
    """
    user, ballot = permissions.require_user(scene.caller), opened(scene, token)
    if winner not in WINNERS:
        raise errors.Invalid(f'Expected one of {", ".join(WINNERS)}. Received: {winner!r}.', 'winner')
    _phase(scene, ballot.phase)
    _check_allowance(scene, user)
    platform = scene.platform
    for name in (ballot.first, ballot.second):
        entry = platform.store.submissions.submission(name)
        if entry.state != 'scored' or entry.is_hidden or (scene.team and entry.team_id == scene.team.id):
            raise errors.NotNow('One of these entries was withdrawn. Take the next ballot.')
    return platform.store.votes.add(records.Vote(
        id=records.new_id(), contest_id=scene.contest.id, phase=ballot.phase, pair=ballot.pair,
        first_submission=ballot.first, second_submission=ballot.second, winner=winner, voter_id=user.id,
        # Tells many accounts behind one address apart from many people, without keeping the address.
        session_key=hmac.new(platform.settings.secret.encode(), scene.caller.address.encode(),
                             hashlib.sha256).hexdigest(), created_at=platform.now()))


def opened(scene, token):
    """The `Ballot` of a sealed text; raises Invalid unless it was given to this caller in this contest lately."""
    refused = errors.Invalid('This ballot is not yours or is older than an hour. Take the next one.', 'ballot')
    try:
        # The age is compared by this platform's clock, not by that of the library.
        text = _fernet(scene).decrypt_at_time(str(token).encode(), _BALLOT_SECONDS, int(scene.platform.now()))
        sealed = json.loads(text)
    except (cryptography.fernet.InvalidToken, ValueError):
        raise refused from None
    if sealed['voter'] != scene.caller.user_id or sealed['contest'] != scene.contest.id:
        raise refused
    return Ballot(str(token), sealed['pair'], sealed['first'], sealed['second'], sealed['phase'])


def picture(scene, token, side):
    """The storage key of one side ('first', 'second') of a ballot; raises Invalid or Missing."""
    ballot = opened(scene, token)
    if side not in ('first', 'second'):
        raise errors.Missing('There is no such picture.')
    name = ballot.first if side == 'first' else ballot.second
    row = next((row for row in scene.platform.store.scores.pair_scores(name) if row.pair == ballot.pair), None)
    if row is None:
        raise errors.Missing('There is no such picture any more.')
    return row.output_key


def standings(scene, *, phase=None):
    """What the votes of a phase say: Bradley-Terry scores with 95% intervals, best first.

    Returns:
        dict: phase, votes (how many) and `entries` as list of submission_id, team_id, team, score, low, high,
        preferred, wins, losses, ties.
    Raises:
        Forbidden: The caller may not see the public board of this phase (yet).
    """
    from stylegan_serving.competition import bradley_terry

    phase = rules.shown_phase(scene.contest.bundle, scene.platform.now())['name'] if phase is None else phase
    if not boards.may_see(scene, phase, 'public'):
        raise errors.Forbidden('The votes of this phase are shown when its board is.')
    store = scene.platform.store
    tallies = store.votes.tallies(scene.contest.id, phase)
    names = {team.id: team for team in store.teams.teams(scene.contest.id)}
    entries = []
    for strength in bradley_terry.strengths(tallies):
        submission = store.submissions.submission(strength.name)
        team = names[submission.team_id]
        if submission.state != 'scored' or submission.is_hidden or team.is_hidden:
            continue
        row = dataclasses.asdict(strength)
        del row['name']
        entries.append({'submission_id': submission.id, 'team_id': team.id, 'team': team.name, **row})
    return {'phase': phase, 'votes': sum(sum(tally[2:]) for tally in tallies), 'entries': entries}


def _phase(scene, phase):
    bundle = scene.contest.bundle
    if not bundle['voting']:
        raise errors.NotNow('This contest has no voting.')
    if scene.contest.state == 'closed':
        raise errors.NotNow('This contest is closed.')
    phase = rules.shown_phase(bundle, scene.platform.now())['name'] if phase is None else phase
    if rules.phase(bundle, phase) is None:
        raise errors.Invalid(f'There is no phase {phase!r}.', 'phase')
    if not boards.may_see(scene, phase, 'public'):
        raise errors.NotNow('Voting begins when the board of this phase is shown.')
    return phase


def _check_allowance(scene, user):
    limit = scene.contest.bundle['votes_per_hour']
    given = scene.platform.store.votes.by_voter_since(user.id, scene.platform.now() - 3600)
    if given >= limit:
        raise errors.TooMany(f'Expected at most {limit} votes an hour. Come back later.', 600)


def _least_compared(pair, entries, counts, judged, draw):
    """Two submissions that this voter has not compared on this pair, with few votes between them, or None."""
    best, fewest = None, None
    if len(entries) < 2:
        return None
    every = len(entries) * (len(entries) - 1) // 2
    if every <= _TRIED_COMPARISONS:
        candidates = [(one, other) for index, one in enumerate(entries) for other in entries[index + 1:]]
        draw.shuffle(candidates)
    else:
        candidates = [tuple(draw.sample(entries, 2)) for _ in range(_TRIED_COMPARISONS)]
    for candidate in candidates:
        key = (pair, *sorted(candidate))
        if key not in judged and (fewest is None or counts.get(key, 0) < fewest):
            best, fewest = candidate, counts.get(key, 0)
    return best


def _seal(scene, ballot):
    text = json.dumps({'voter': scene.caller.user_id, 'contest': scene.contest.id, 'pair': ballot.pair,
                       'first': ballot.first, 'second': ballot.second, 'phase': ballot.phase})
    token = _fernet(scene).encrypt_at_time(text.encode(), int(scene.platform.now()))
    return dataclasses.replace(ballot, token=token.decode())


def _fernet(scene):
    secret = scene.platform.settings.secret.encode()
    return cryptography.fernet.Fernet(base64.urlsafe_b64encode(hashlib.sha256(b'ballot:' + secret).digest()))
