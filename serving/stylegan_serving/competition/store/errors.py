"""What the store raises; each message is one line fit for the person who asked."""


class StoreError(Exception):
    """Anything the store refuses."""


class NotFound(StoreError):  # noqa: N818
    """There is no such row, or the asker may not know that there is."""


class Conflict(StoreError):  # noqa: N818
    """Another row stands against it; `reason` is a short name of what does, such as 'name' or 'per_day'."""

    def __init__(self, message, reason=''):
        super().__init__(message)
        self.reason = reason


class StaleLease(StoreError):  # noqa: N818
    """The worker no longer holds the submission: another has it, or it was cancelled. Drop the work."""


class InvalidState(StoreError):  # noqa: N818
    """The row is not in a state from which this may be done."""
