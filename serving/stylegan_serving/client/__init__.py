"""Calls models behind TensorFlow Serving or the local server: one API over gRPC and REST, plain and asyncio.

    from stylegan_serving import client

    with client.connect('grpc://localhost:8500', model='style') as styles:
        result = styles.stylize('photo.jpg', 'painting.jpg', strength=0.8)
        result.save('result.png')

'http://localhost:8501' does the same over REST and needs neither TensorFlow nor grpc. Importing this package imports
none of them.
"""

from stylegan_serving.client.errors import ClientError, InputError, RowsError, ServerError
from stylegan_serving.client.retries import RetryPolicy

__all__ = ['ClientError', 'InputError', 'RetryPolicy', 'RowsError', 'ServerError', 'connect', 'connect_async']


def connect(server, *, model=None, version=None, label=None, **options):
    """A `clients.Client` of a model server. Nothing is sent before the first call.

    Args:
        server: 'grpc://HOST:PORT', 'grpcs://HOST:PORT', 'http://HOST:PORT' or 'https://HOST:PORT'.
        model: Name of the served model; `Client.of` names another one.
        version: Number of the version to ask; the highest loaded one if None.
        label: Instead of a version: 'stable', 'canary' or what else the server's configuration has.
        **options: Fields of `calls.Options`: deadline_seconds, retries, max_rows, max_request_bytes,
            max_pixels, headers, ca_file.
    Returns:
        A Client, to be closed or used in a `with` statement; threads may share it.
    Raises:
        InputError: If the address, an option or the combination of version and label is not as described, or a
            package for this kind of server is not installed.
    """
    from stylegan_serving.client import clients
    return clients.connect(server, model=model, version=version, label=label, **options)


def connect_async(server, *, model=None, version=None, label=None, **options):
    """A `clients.AsyncClient`, whose calls are coroutines; arguments and errors as `connect`."""
    from stylegan_serving.client import clients
    return clients.connect_async(server, model=model, version=version, label=label, **options)
