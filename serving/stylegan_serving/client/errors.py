"""What can go wrong in a call of a model server. Every error of this package is a `ClientError`."""

import re

_MAX_CHARACTERS = 400
_GRAPH_NODES = re.compile(r'\s*\[\[\{\{.*', re.DOTALL)
_DEBUG_MARK = re.compile(r'goo\.gle/debug\w+\s*')
_ENCODED_FILE = re.compile(r'[A-Za-z0-9+/=]{80,}')


class ClientError(Exception):
    """Anything that this package raises by itself; the message says what to do where that is known."""


class InputError(ClientError, ValueError):
    """What was given does not fit the model or the call. Nothing was sent."""


class ServerError(ClientError):
    """The server refused a request, failed, or could not be reached.

    Attributes:
        code: Name of the gRPC status, such as 'INVALID_ARGUMENT', whatever the transport.
        message: The server's text, without what it echoes of the request.
        is_connection: Whether no answer came at all: nothing listened, or the connection broke.
    """

    def __init__(self, code, message, *, is_connection=False):
        self.code = code
        self.message = shortened(message)
        self.is_connection = is_connection
        super().__init__(f'{code}: {self.message}' if self.message else code)


class OutdatedError(ClientError):
    """An answer with other outputs than the model's metadata told: another version has taken its place."""


class RowsError(ClientError):
    """Some rows of a request were refused, each on its own; the others have their results.

    Attributes:
        failures: Dict row number -> reason.
        results: What the call returns, with None at the refused rows. Of `predict`: the outputs of the good rows
            alone, in the order of `rows`.
        rows: Numbers of the good rows, ascending.
    """

    def __init__(self, failures, results, rows):
        self.failures = failures
        self.results = results
        self.rows = rows
        named = '; '.join(f'row {row}: {reason}' for row, reason in sorted(failures.items())[:5])
        more = f'; and {len(failures) - 5} more' if len(failures) > 5 else ''
        super().__init__(f'{len(failures)} of {len(failures) + len(rows)} rows were refused: {named}{more}')

    def __reduce__(self):
        return type(self), (self.failures, self.results, self.rows)


def shortened(text):
    """A server's text fit for a log line: no graph nodes, no echoed files, at most a few hundred characters."""
    text = _GRAPH_NODES.sub('', _DEBUG_MARK.sub('', text or ''))
    text = _ENCODED_FILE.sub(lambda found: f'<{len(found[0])} characters>', text)
    text = ' '.join(text.split())
    return text if len(text) <= _MAX_CHARACTERS else f'{text[:_MAX_CHARACTERS]}...'
