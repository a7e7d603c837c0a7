"""The client of a model server, plain and asyncio. `stylegan_serving.client.connect` makes one."""

import dataclasses
import importlib
import threading
from urllib.parse import urlsplit

from stylegan_serving.client import operations
from stylegan_serving.client.calls import Calls, Options, drive, drive_async
from stylegan_serving.client.errors import InputError, ServerError
from stylegan_serving.client.exchanges import ModelSpec

_TRANSPORTS = {'grpc': ('grpc_transport', 'GrpcTransport', 'serving'),
               'grpcs': ('grpc_transport', 'GrpcTransport', 'serving'),
               'http': ('rest_transport', 'RestTransport', 'client'),
               'https': ('rest_transport', 'RestTransport', 'client')}


class _Methods:
    """The methods of both clients: `Client` returns the results, `AsyncClient` coroutines of them.

    All raise `ServerError` (the server refused, failed, or was not reached within the deadline; see `errors`),
    `InputError` (what was given does not fit the model; nothing was sent) and, of pictures, `images.ImageError` (a file
    is damaged; it is named, and nothing was sent). `deadline_seconds` limits the whole call, with its retries.
    """

    def of(self, model, *, version=None, label=None):
        """A client of another model, version or label of the same server, which shares the connections."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.spec = _spec(model, version, label)
        return other

    def predict(self, signature_name, inputs, *, deadline_seconds=None):
        """Any signature of the model.

        Names, types, ranges and shapes are checked against the model's metadata before anything is sent. Where all
        inputs have rows, large requests are cut by rows and bytes, and the answers joined. After INVALID_ARGUMENT the
        rows are sent one by one.

        Args:
            signature_name: Such as 'serving_default'.
            inputs: Dict name -> array, nested lists, numbers, bytes or str.
            deadline_seconds: Of this call; the client's own if None.
        Returns:
            Dict output name -> array; strings as object arrays of bytes.
        Raises:
            RowsError: Some of several rows were refused; it has the outputs of the others.
        """
        return self._call('predict', self.spec_or_refuse(), signature_name, inputs, deadline_seconds)

    def metadata(self, *, deadline_seconds=None):
        """`signatures.ModelMetadata`: the version, and the inputs and outputs of all signatures."""
        return self._call('metadata', self.spec_or_refuse(), deadline_seconds)

    def status(self, *, deadline_seconds=None):
        """List of `exchanges.VersionStatus`, the highest version first; of all versions, whatever the label."""
        return self._call('status', self.spec_or_refuse(), deadline_seconds)

    def wait_until_available(self, *, deadline_seconds=None):
        """Waits while the server starts or the model loads, then returns its metadata.

        Raises:
            ServerError: When the time is over; at once when loading has failed, or the server knows no such model.
        """
        return self._call('wait_until_available', self.spec_or_refuse(), deadline_seconds)

    def reload(self, config, *, deadline_seconds=None):
        """Replaces the server's whole list of models by a ModelServerConfig; gRPC only. See `labels` for a safe use."""
        return self._call('reload', config, deadline_seconds)

    def stylize(self, content, style=None, *, strength=None, style_weights=None, deadline_seconds=None):
        """Repaints pictures in the style of another, or of several mixed.

        Args:
            content: Picture, or a list of pictures of any sizes. A picture is a path, an encoded file or a uint8 array
                [H, W, 3]; it is decoded first, and turned upright. Beyond `max_pixels` it is worked on in tiles.
            style: Picture, or a list of several that are mixed; None for a model of one style.
            strength: From 0 (the content itself) to 1; 1 if None.
            style_weights: With several styles: one number each, of which only the ratios matter; equal ones if None.
        Returns:
            `operations.Stylized`; a list of them for a list.
        Raises:
            RowsError: Some of several contents were refused; it has the results of the others.
        """
        return self._listed(content, lambda listed, until: operations.stylize(
            self._calls, self.spec_or_refuse(), listed, style, strength, style_weights, until), deadline_seconds)

    def score(self, image, content=None, style=None, *, deadline_seconds=None):
        """How unusual pictures are, and where.

        Args:
            image: Picture or list of pictures, as in `stylize`.
            content: The picture that `image` was made from, or a list of one for each; None for scoring by itself.
            style: The picture whose style it took, likewise; needs `content`.
        Returns:
            `operations.Score`; a list of them for a list.
        """
        return self._listed(image, lambda listed, until: operations.score(
            self._calls, self.spec_or_refuse(), listed, content, style, until), deadline_seconds)

    def correct(self, image, content=None, style=None, *, false_alarm_rate=None, deadline_seconds=None):
        """Repairs pictures that score badly.

        Args:
            image: As in `score`, like `content` and `style`.
            false_alarm_rate: Share of good pictures that may be taken for bad ones, from 0 to 1; 0.05 if None.
        Returns:
            `operations.Correction`; a list of them for a list.
        """
        return self._listed(image, lambda listed, until: operations.correct(
            self._calls, self.spec_or_refuse(), listed, content, style, false_alarm_rate, until), deadline_seconds)

    def generate(self, count=1, *, seed=0, latent=None, label=None, truncation=None, deadline_seconds=None):
        """Draws pictures from noise.

        Args:
            count: How many.
            seed: Decides the noise: the same seed and version give the same pictures.
            latent: Instead of both: float32 [B, Z] of the normal distribution.
            label: Index of a class, or a list of one for each picture; any if None.
            truncation: From 0 (the average picture) to 1, or a list; 1 if None.
        Returns:
            List of `pictures.EncodedPicture`.
        """
        return self._run(operations.generate(self._calls, self.spec_or_refuse(), count, seed, latent, label, truncation,
                                             self._calls.until(deadline_seconds)))

    def spec_or_refuse(self):
        """The ModelSpec; raises InputError where the client was made without a model."""
        if self.spec is None:
            raise InputError('This call needs a model: connect(server, model=...) or client.of(model).')
        return self.spec

    def _call(self, name, *arguments):
        *arguments, deadline_seconds = arguments
        return self._run(getattr(self._calls, name)(*arguments, self._calls.until(deadline_seconds)))

    def _listed(self, value, function, deadline_seconds):
        is_list = isinstance(value, list | tuple)
        steps = function(list(value) if is_list else [value], self._calls.until(deadline_seconds))
        return self._run(steps if is_list else _single(steps))

    def __repr__(self):
        return f'{type(self).__name__}({self.server!r}, {self.spec})'


class Client(_Methods):
    """A model server, called plainly; threads may share it. Close it, or use it in a `with` statement.

    Args:
        transport: As `exchanges` describes it.
        spec: ModelSpec or None.
        options: `calls.Options`.
    """

    def __init__(self, transport, spec, options):
        self.server = transport.server
        self.spec = spec
        self._transport = transport
        self._calls = Calls(options, transport.bytes_factor)
        self._closed = threading.Event()

    def close(self):
        """Ends the connections, and calls of other threads that wait for their next attempt."""
        self._closed.set()
        self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self, steps):
        if self._closed.is_set():
            raise InputError('The client is closed. Connect anew.')
        return drive(steps, self._transport, self._wait)

    def _wait(self, seconds):
        if self._closed.wait(seconds):
            raise ServerError('CANCELLED', 'the client was closed')


class AsyncClient(_Methods):
    """A model server, called from one event loop: the methods of `Client`, each to be awaited."""

    def __init__(self, transport, spec, options):
        self.server = transport.server
        self.spec = spec
        self._transport = transport
        self._calls = Calls(options, transport.bytes_factor)

    async def close(self):
        """Ends the connections."""
        await self._transport.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()

    def _run(self, steps):
        return drive_async(steps, self._transport)


def connect(server, *, model=None, version=None, label=None, **options):
    """A Client; `stylegan_serving.client.connect` describes it."""
    return _connect(Client, '', server, model, version, label, options)


def connect_async(server, *, model=None, version=None, label=None, **options):
    """An AsyncClient; `stylegan_serving.client.connect_async` describes it."""
    return _connect(AsyncClient, 'Async', server, model, version, label, options)


def _connect(kind, prefix, server, model, version, label, options):
    known = {field.name for field in dataclasses.fields(Options)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise InputError(f'Unknown option {unknown[0]!r}. Options: {", ".join(sorted(known))}.')
    options = Options(**options)
    spec = None if model is None else _spec(model, version, label)
    scheme = check_server(server)
    module_name, class_name, extra = _TRANSPORTS[scheme]
    try:
        module = importlib.import_module(f'stylegan_serving.client.{module_name}')
    except ImportError as error:
        raise InputError(f"{scheme}:// needs a package that is missing ({error}): pip install 'stylegan-tf[{extra}]'"
                         + ('; http:// needs neither TensorFlow nor grpc.' if extra == 'serving' else '.')) from error
    transport = getattr(module, prefix + class_name)(
        server.rstrip('/'), headers=options.headers, ca_file=options.ca_file)
    return kind(transport, spec, options)


def check_server(server):
    """The scheme of a server's address; raises InputError where it is none."""
    try:
        parts = urlsplit(server)
        is_whole = parts.scheme in _TRANSPORTS and bool(parts.hostname)
        is_whole = is_whole and (parts.port is not None or parts.scheme.startswith('http'))
    except ValueError:
        is_whole = False
    if not is_whole or parts.query or (parts.scheme.startswith('grpc') and parts.path.strip('/')):
        raise InputError('A server is grpc://HOST:PORT, grpcs://HOST:PORT, http://HOST:PORT or https://HOST:PORT. '
                         f'Received: {server!r}.')
    return parts.scheme


def _spec(model, version, label):
    if version is not None and label is not None:
        raise InputError(f'Give a version or a label, not both. Received: version {version} and label {label!r}.')
    if version is not None and (not isinstance(version, int) or not 0 <= version < 2**63):
        raise InputError(f'A version is a whole number from 0 up. Received: {version!r}.')
    if not model or label == '':
        raise InputError(f'A model and a label have names. Received: model {model!r}, label {label!r}.')
    return ModelSpec(model, version, label)


def _single(steps):
    results = yield from steps
    return results[0]
