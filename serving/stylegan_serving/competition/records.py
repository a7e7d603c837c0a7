"""The rows of the competition as frozen dataclasses, one a table; `dataclasses.asdict` makes each JSON.

Ids are 16 hexadecimal characters, times (`*_at`, `lease_until`) seconds since 1970 as float, and None where something
has not happened. Knows no database and no web.
"""

import dataclasses
import secrets


def new_id():
    """A fresh id: str of 16 hexadecimal characters."""
    return secrets.token_hex(8)


@dataclasses.dataclass(frozen=True)
class User:
    """An account. An 'organiser' may create contests, an 'admin' may do everything."""

    id: str
    name: str  # unique, 3 to 40 characters, shown to others
    email: str | None  # unique
    password_hash: str
    role: str  # user, organiser, admin
    language: str  # en, zh
    created_at: float
    is_disabled: bool


@dataclasses.dataclass(frozen=True)
class Session:
    """A browser that is logged in; `id` is the hash of its cookie, so that a copy of the database opens no account."""

    id: str
    user_id: str
    csrf: str
    created_at: float
    expires_at: float
    user_agent: str


@dataclasses.dataclass(frozen=True)
class Token:
    """A programme's key to an account; only its SHA-256 is kept."""

    id: str
    user_id: str
    name: str
    token_hash: str
    created_at: float
    expires_at: float | None
    last_used_at: float | None


@dataclasses.dataclass(frozen=True)
class Contest:
    """A contest; `bundle` is `bundle.Bundle` as dict, its files lie in the storage below `bundle_files`."""

    id: str
    slug: str  # unique
    title: str
    owner_id: str
    state: str  # draft, open, closed
    bundle: dict
    bundle_files: str
    bundle_hash: str
    created_at: float
    opened_at: float | None
    closed_at: float | None


@dataclasses.dataclass(frozen=True)
class ContestRole:
    """What a user may do in one contest beyond taking part."""

    contest_id: str
    user_id: str
    role: str  # organiser, judge


@dataclasses.dataclass(frozen=True)
class Team:
    """Who takes part; a single participant is a team of one. A hidden team is on no board."""

    id: str
    contest_id: str
    name: str  # unique in the contest
    created_at: float
    is_hidden: bool


@dataclasses.dataclass(frozen=True)
class Membership:
    """A user in a team; one team a contest."""

    team_id: str
    contest_id: str
    user_id: str
    role: str  # leader, member
    joined_at: float


@dataclasses.dataclass(frozen=True)
class Invitation:
    """A link into a team that works once; only its SHA-256 is kept."""

    id: str
    team_id: str
    token_hash: str
    created_by: str
    created_at: float
    expires_at: float
    used_by: str | None


@dataclasses.dataclass(frozen=True)
class Upload:
    """A file on its way in, resumable from `received_bytes`."""

    id: str
    contest_id: str
    user_id: str
    filename: str
    size_bytes: int
    sha256: str  # what the sender says it will be
    received_bytes: int
    created_at: float
    expires_at: float


@dataclasses.dataclass(frozen=True)
class Submission:
    """An entry on its way from the queue to the board."""

    id: str
    number: int  # in the contest, from 1
    contest_id: str
    phase: str
    team_id: str
    user_id: str
    kind: str  # results, model
    title: str
    note: str
    archive_key: str
    archive_sha256: str
    archive_bytes: int
    state: str  # queued, running, scored, failed, cancelled, disqualified
    counts_for_quota: bool  # a failed or cancelled one does not
    created_at: float
    started_at: float | None
    finished_at: float | None
    attempts: int
    lease_owner: str | None
    lease_until: float | None
    progress_done: int
    progress_total: int
    error: str | None  # for the participant
    log_key: str | None
    results_key: str | None
    evaluator_hash: str | None
    is_final: bool
    is_hidden: bool
    flags: list  # of dict, such as {'kind': 'copy_of_content', 'pairs': [3]}


@dataclasses.dataclass(frozen=True)
class PairScore:
    """The scores of one picture of a submission; the files are keys of the storage."""

    submission_id: str
    pair: int
    split: str  # public, private
    metrics: dict  # name -> float
    output_key: str
    heat_map_key: str | None
    layout: str | None = None  # perceptual hash of the result, hexadecimal; copies are found by it


@dataclasses.dataclass(frozen=True)
class Score:
    """One number of a submission with its 95% interval; the metric 'score' is the one that ranks."""

    submission_id: str
    split: str
    metric: str
    value: float
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Standing:
    """What a team has on the board of one phase and split: its counting submission and that one's scores."""

    contest_id: str
    phase: str
    split: str
    team_id: str
    submission_id: str
    number: int
    entries: int  # scored submissions of the team in the phase
    scores: dict  # metric -> [value, low, high]
    updated_at: float


@dataclasses.dataclass(frozen=True)
class LogEntry:
    """A link of a contest's score log; see `score_log`."""

    sequence: int  # from 1 in each contest, without gaps
    contest_id: str
    at: float
    kind: str  # scored, failed, disqualified, reinstated, final, hidden, rescored, closed
    submission_id: str | None
    payload: dict
    previous_hash: str
    hash: str


@dataclasses.dataclass(frozen=True)
class Vote:
    """A blind judgement between two outputs of one pair; the two are kept with the smaller id first."""

    id: str
    contest_id: str
    phase: str
    pair: int
    first_submission: str
    second_submission: str
    winner: str  # first, second, tie
    voter_id: str
    session_key: str
    created_at: float


@dataclasses.dataclass(frozen=True)
class Announcement:
    """What the organisers tell everybody in a contest."""

    id: str
    contest_id: str
    author_id: str
    text: str  # Markdown
    created_at: float


@dataclasses.dataclass(frozen=True)
class EntryReport:
    """A complaint about an entry."""

    id: str
    submission_id: str
    user_id: str
    reason: str
    state: str  # open, upheld, rejected
    created_at: float
    handled_by: str | None


@dataclasses.dataclass(frozen=True)
class AuditEvent:
    """Who did what; nobody changes or deletes these."""

    sequence: int
    at: float
    actor_id: str | None
    action: str
    target: str
    detail: dict
    address: str


@dataclasses.dataclass(frozen=True)
class Worker:
    """A process that scores."""

    id: str
    host: str
    pid: int
    started_at: float
    seen_at: float
    current_submission: str | None
