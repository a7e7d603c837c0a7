"""The one exception with which the server tells a client that a request failed."""


class ServingError(Exception):
    """A request that failed; both transports report it.

    Attributes:
        code: Name of the gRPC status, such as 'INVALID_ARGUMENT'.
        message: What the client is told: TensorFlow Serving's own text, or ours where it has none.
    """

    def __init__(self, code, message):
        super().__init__(f'{code}: {message}')
        self.code = code
        self.message = message


# The gRPC status codes by number: https://grpc.github.io/grpc/core/md_doc_statuscodes.html
_CODE_NAMES = ('OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS',
               'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE',
               'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED')


def code_name(number):
    """The name of a status code, which gRPC and TensorFlow number alike."""
    return _CODE_NAMES[number] if 0 <= number < len(_CODE_NAMES) else 'UNKNOWN'


def code_number(name):
    """The number of a status code's name."""
    return _CODE_NAMES.index(name)


def from_tensorflow(error):
    """A ServingError with the runtime's own words.

    `Session.run` rewrites a message for a person at a prompt ('Graph execution error', source lines); the error as
    the runtime raised it is its context, and holds what TensorFlow Serving sends.

    Args:
        error: tf.errors.OpError.
    """
    raw = error
    while hasattr(raw.__context__, 'error_code'):
        raw = raw.__context__
    return ServingError(code_name(raw.error_code), raw.message)
