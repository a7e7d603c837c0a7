"""Which failures are worth another attempt, and when."""

import dataclasses
import random

# Nothing was computed, or a restarted or less busy server may do it: predicting twice changes nothing.
_RETRYABLE = ('UNAVAILABLE', 'ABORTED')
# RESOURCE_EXHAUSTED also stands for a message beyond a size limit, which stays too large.
_BUSY_TEXTS = ('Server Threadpool Exhausted', 'Too Many Requests', 'rate limit', 'quota', 'too many')
# A neighbour in the server's batch had other shapes; alone, or with others, the request may pass.
_NEIGHBOUR_TEXT = 'from different tasks have different shapes'


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """Exponential back-off with jitter, on codes that another attempt can cure; never after INVALID_ARGUMENT.

    All attempts and the waits between them share the deadline of the call.
    """

    max_attempts: int | None = 6  # None: until the deadline
    first_delay_seconds: float = 0.1
    multiplier: float = 2.0
    max_delay_seconds: float = 5.0
    # A model that is still loading is NOT_FOUND, as is one that does not exist: only the caller can tell them apart.
    retries_not_found: bool = False

    def is_retryable(self, error):
        """Whether a `ServerError` may go away by itself."""
        if error.code in _RETRYABLE or error.is_connection:
            return True
        if error.code == 'RESOURCE_EXHAUSTED':
            return any(text.lower() in error.message.lower() for text in _BUSY_TEXTS)
        if error.code == 'FAILED_PRECONDITION':
            return _NEIGHBOUR_TEXT in error.message
        if error.code == 'DEADLINE_EXCEEDED':  # the server's own limit; the call's own one ends the call
            return 'Timed out waiting' in error.message
        return error.code == 'NOT_FOUND' and self.retries_not_found

    def delay_seconds(self, failures):
        """Wait after the given number of failures, at least 1: half of it fixed, half of it random."""
        longest = min(self.max_delay_seconds, self.first_delay_seconds * self.multiplier ** min(failures - 1, 60))
        return longest * (0.5 + 0.5 * random.random())


NO_RETRIES = RetryPolicy(max_attempts=1)
