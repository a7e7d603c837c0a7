"""An append-only log that explains every board: each entry's hash covers the one before it.

    hash = SHA-256 of canonical JSON of {sequence, contest_id, at, kind, submission_id, payload, previous_hash}

The part `private` of a payload enters the hash by a hash of its own, over a random salt too. So the log can be shown
with the private scores taken out (`redacted`) and still be verified, and shown whole when a phase has ended.
Knows no database: the store appends within the transaction that scores, this module makes, checks and replays entries.
"""

import dataclasses
import hashlib
import json
import secrets

from stylegan_serving.competition import ranking, records

KINDS = ('scored', 'rescored', 'failed', 'requeued', 'disqualified', 'reinstated', 'final', 'hidden', 'closed')


class BrokenLog(Exception):  # noqa: N818
    """The log was changed after it was written; the message names the first entry that does not fit."""


def canonical(value):
    """JSON in the one form that is hashed: sorted keys, no spaces, no NaN; bytes."""
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False, allow_nan=False).encode()


def digest(value):
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def make_entry(sequence, contest_id, at, kind, submission_id, payload, previous_hash):
    """The `records.LogEntry` that follows one whose hash is `previous_hash` ('' for the first).

    A payload with a part `private` gets a salt in it.
    """
    if payload.get('private'):
        payload = payload | {'private': payload['private'] | {'salt': secrets.token_hex(16)}}
    entry = records.LogEntry(sequence, contest_id, at, kind, submission_id, payload, previous_hash, '')
    return dataclasses.replace(entry, hash=hash_of(entry))


def hash_of(entry):
    """The hash an entry should have."""
    shown = dataclasses.asdict(redacted(entry))
    del shown['hash']
    return digest(shown)


def redacted(entry):
    """The entry with its private part replaced by `private_hash`: what everybody may see, and verify."""
    private = entry.payload.get('private')
    if not private:
        return entry
    payload = {key: value for key, value in entry.payload.items() if key != 'private'}
    return dataclasses.replace(entry, payload=payload | {'private_hash': digest(private)})


def verify(entries, *, head=None):
    """Checks that a contest's entries are whole, in order and unchanged.

    Args:
        entries: `records.LogEntry` from the first on, whole or redacted; any iterable.
        head: (count, hash) that the last entry must have, where known: a chain alone does not tell a cut-off end.
    Returns:
        (count, hash of the last entry, '' for none).
    Raises:
        BrokenLog: An entry does not fit.
    """
    count, previous = 0, ''
    for entry in entries:
        count += 1
        if entry.sequence != count:
            raise BrokenLog(f'Expected entry {count}. Received entry {entry.sequence}: one is missing or moved.')
        if entry.previous_hash != previous:
            raise BrokenLog(f'Entry {count} does not follow entry {count - 1}: its previous_hash differs.')
        if hash_of(entry) != entry.hash:
            raise BrokenLog(f'Entry {count} ({entry.kind}) was changed: its contents do not have its hash.')
        previous = entry.hash
    if head and head != (count, previous):
        raise BrokenLog(f'Expected {head[0]} entries with the last hash {head[1] or "none"}. Received {count} with '
                        f'{previous or "none"}: the end is missing or was replaced.')
    return count, previous


def scored_payload(submission, scores):
    """The payload of 'scored' and 'rescored'.

    Args:
        submission: `records.Submission`.
        scores: `records.Score` of it.
    """
    payload = {'number': submission.number, 'team_id': submission.team_id, 'phase': submission.phase,
               'archive_sha256': submission.archive_sha256, 'evaluator_hash': submission.evaluator_hash,
               'is_final': submission.is_final, 'is_hidden': submission.is_hidden}
    for split in ('public', 'private'):
        own = {score.metric: [score.value, score.low, score.high] for score in scores if score.split == split}
        if own:
            payload[split] = {'scores': own}
    return payload


def replay(entries):
    """What the log says each submission is worth: list of `ranking.Entry`, only those that can rank.

    Entries must be whole: from redacted ones the private scores are missing.
    """
    known, barred = {}, set()
    for entry in entries:
        name, payload = entry.submission_id, entry.payload
        if entry.kind in ('scored', 'rescored'):
            known[name] = ranking.Entry(
                name, payload['team_id'], payload['phase'], payload['number'], payload['is_final'],
                payload['is_hidden'],
                {split: payload[split]['scores'] for split in ('public', 'private') if split in payload})
        elif entry.kind in ('failed', 'requeued'):
            known.pop(name, None)
        elif entry.kind == 'disqualified':
            barred.add(name)
        elif entry.kind == 'reinstated':
            barred.discard(name)
        elif name in known and entry.kind == 'final':
            known[name] = dataclasses.replace(known[name], is_final=payload['is_final'])
        elif name in known and entry.kind == 'hidden':
            known[name] = dataclasses.replace(known[name], is_hidden=payload['is_hidden'])
    return [entry for name, entry in known.items() if name not in barred and not entry.is_hidden]


def standings(entries, bundle):
    """The standings that follow from a log.

    Args:
        entries: `records.LogEntry`, whole, of one contest.
        bundle: The contest's bundle as dict.
    Returns:
        dict (phase, split, team_id) -> (submission id, entries of the team, dict metric -> [value, low, high]).
    """
    by_team = {}
    for entry in replay(entries):
        by_team.setdefault((entry.phase, entry.team_id), []).append(entry)
    result = {}
    for (phase, team), own in by_team.items():
        for split in ('public', 'private'):
            counting = ranking.counting(own, ranking.selection_rule(bundle, phase), ranking.score_better(bundle), split)
            if counting and split in counting.scores:
                result[phase, split, team] = (counting.submission_id, len(own), counting.scores[split])
    return result
