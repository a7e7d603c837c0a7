"""Why the platform says no. Every message is for the person who asked: what was expected, what came, what to do.

`store.errors` (NotFound, Conflict, InvalidState) pass through the services as they are.
"""


class Refusal(Exception):  # noqa: N818
    """A request that is not carried out; nothing has changed.

    Attributes:
        status: The HTTP status that says the same.
        code: One word for programs.
    """

    status, code = 400, 'refused'


class Invalid(Refusal):
    """What was sent is not what is needed.

    Attributes:
        field: The part that is wrong, None for all of it.
        problems: Of a bundle: one line each; else empty.
    """

    status, code = 422, 'invalid'
    problems = ()

    def __init__(self, message, field=None):
        super().__init__(message)
        self.field = field


class NotSignedIn(Refusal):
    """Nobody is signed in, or the session or token is not valid (any more)."""

    status, code = 401, 'not_signed_in'


class Forbidden(Refusal):
    """This user may not do this."""

    status, code = 403, 'forbidden'


class Missing(Refusal):
    """There is no such thing, or none that this user may know of."""

    status, code = 404, 'not_found'


class NotNow(Refusal):
    """The state of things does not allow it: a phase is closed, a quota is used up, a name is taken."""

    status, code = 409, 'not_now'


class TooLarge(Refusal):
    """More bytes than are taken."""

    status, code = 413, 'too_large'


class ChecksumMismatch(Refusal):
    """The bytes that arrived are not those that were announced; send them again."""

    status, code = 460, 'checksum_mismatch'


class TooMany(Refusal):
    """Too often. `retry_after_seconds` says when it is worth another try."""

    status, code = 429, 'too_many'

    def __init__(self, message, retry_after_seconds):
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
