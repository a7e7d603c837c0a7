"""What runs a model for a batch job: TensorFlow in this process, or a model server.

A backend takes a list of rows and returns for each a dict of outputs, or a `RowError` where that row cannot be done;
the others are not affected.
"""

import contextlib
import functools
import tempfile
import threading

import numpy as np

from stylegan_serving.batch import files
from stylegan_serving.batch.records import ModelFacts
from stylegan_tf import api, commands, images

STYLIZE_BYTES = 'serving_default'


class BackendError(Exception):
    """A model that cannot be loaded or reached; the message says what to do."""


class RowError(Exception):
    """A row that the model cannot do; the message says why."""


class InProcess:
    """A model of `stylegan_tf.api.load`, by TensorFlow; pictures of any size, large ones in tiles.

    Args:
        model: Shipped name, export, base folder of exports or run folder; an export may lie in a bucket.
    Raises:
        BackendError: If it cannot be loaded.
    """

    picture_format = 'bmp'  # quickly encoded, and nothing is sent anywhere

    def __init__(self, model):
        if model in api.WITHOUT_WEIGHTS:
            known = sorted(set(api.shipped_models()) - set(api.WITHOUT_WEIGHTS))
            raise BackendError(f'--model: {model} learns from the pictures of each call; use `stylegan-tf stylize`. Or '
                               f'give {", ".join(known)}, or the folder of an export.')
        commands.import_tensorflow()
        try:
            with _local(model) as folder:
                self._model = api.load(folder, engine='tensorflow')
        except (api.ModelError, files.FilesError) as error:
            raise BackendError(f'--model: {error}') from error
        card = self._model.card
        self.facts = ModelFacts(
            name=card.get('name') or self._model.name, hash=self._model.hash,
            inputs={name: self._model.inputs_of(name) for name in self._model.offers},
            defect_names=tuple(card.get('defect_names') or ()))

    def stylize(self, contents, style, strength):
        """Repaints pictures in one style.

        Args:
            contents: List of uint8 arrays [H, W, 3], each of its own size.
            style: Encoded file, or None for a model that takes no style.
            strength: From 0 to 1.
        Returns:
            List of {'stylized': uint8 array [H, W, 3], ...} or RowError.
        """
        if 'style' not in self.facts.inputs.get('stylize', ()):
            return stylize_by_bytes(self, contents, style, strength)
        # The style is encoded once, which saves two thirds of the time of `serving_default` on small pictures.
        prepared = _prepared(self._model, style)
        return [self._stylize_one(content, prepared, strength) for content in contents]

    def _stylize_one(self, content, prepared, strength):
        try:
            return {'stylized': self._model.stylize(content, prepared, strength=strength)}
        except api.ModelError as error:
            return RowError(str(error))

    def run(self, signature, rows):
        """Runs a signature.

        Args:
            signature: Its name.
            rows: List of dicts name -> bytes or number, one for each row.
        Returns:
            List of dicts name -> bytes, number or array; or RowError.
        """
        if not rows:
            return []
        try:
            outputs = self._model.run_signature(signature, **_columns(rows))
        except api.ModelError as error:
            # One bad row fails the whole call, so each is tried by itself.
            if len(rows) == 1:
                return [RowError(str(error))]
            return [result for row in rows for result in self.run(signature, [row])]
        return [{name: values[index] for name, values in outputs.items()} for index in range(len(rows))]


class Remote:
    """A model behind TensorFlow Serving or the local server, by `stylegan_serving.client`.

    Args:
        source: records.ModelSource with a server.
    Raises:
        BackendError: If the server does not answer or has no such model.
    """

    picture_format = 'png'

    def __init__(self, source):
        from stylegan_serving import client

        self._client_error, self._rows_error = client.ClientError, client.RowsError
        try:
            # A server that restarts is waited for: its rows are not dead letters.
            self._client = client.connect(source.server, model=source.model, label=source.label, deadline_seconds=300,
                                          retries=client.RetryPolicy(max_attempts=None))
            metadata = self._client.metadata(deadline_seconds=20)
        except client.ClientError as error:
            raise BackendError(f'--server: {error}') from error
        inputs = {name: tuple(signature.inputs) for name, signature in metadata.signatures.items()}
        self.facts = ModelFacts(
            name=source.model, hash=f'{source.model} version {metadata.version}', inputs=inputs)

    def stylize(self, contents, style, strength):
        """As `InProcess.stylize`."""
        return stylize_by_bytes(self, contents, style, strength)

    def run(self, signature, rows):
        """As `InProcess.run`; the client retries, cuts large requests and singles out bad rows."""
        if not rows:
            return []
        try:
            outputs, good, failures = self._client.predict(signature, _columns(rows)), range(len(rows)), {}
        except self._rows_error as error:
            outputs, good, failures = error.results, error.rows, error.failures
        except self._client_error as error:
            return [RowError(str(error))] * len(rows)
        results = [RowError(str(failures.get(index, 'refused'))) for index in range(len(rows))]
        for place, index in enumerate(good):
            results[index] = {name: values[place] for name, values in outputs.items()}
        return results


@functools.lru_cache(maxsize=1)
def _opened(source):
    return Remote(source) if source.server else InProcess(source.model)


_opening = threading.Lock()


def open_backend(source):
    """The backend of a process, opened once however many threads of a worker ask for it.

    Args:
        source: records.ModelSource.
    Raises:
        BackendError: As of `InProcess` and `Remote`.
    """
    with _opening:
        return _opened(source)


def stylize_by_bytes(backend, contents, style, strength):
    """`stylize` by the signature on encoded files; arguments and result as of `InProcess.stylize`."""
    given = {'strength': np.float32(strength)}
    if style is not None:
        given['style_bytes'] = style
    declared = backend.facts.inputs[STYLIZE_BYTES]
    rows = [{name: value for name, value in
             {**given, 'content_bytes': images.encode(content, backend.picture_format)}.items() if name in declared}
            for content in contents]
    return [result if isinstance(result, RowError) else _decoded(result)
            for result in backend.run(STYLIZE_BYTES, rows)]


def _decoded(result):
    outputs = dict(result)
    try:
        return {**outputs, 'stylized': images.read(outputs.pop('stylized_bytes'))}
    except images.ImageError as error:
        return RowError(f'the model returned no picture: {error}')


def _columns(rows):
    columns = {}
    for name, first in rows[0].items():
        kind = object if isinstance(first, bytes) else np.float32
        column = np.empty(len(rows), kind)
        for index, row in enumerate(rows):
            column[index] = row[name]
        columns[name] = column
    return columns


@functools.lru_cache(maxsize=4)
def _prepared(model, style):
    return model.prepare_style(images.read(style))


@contextlib.contextmanager
def _local(model):
    """The folder or name to load; an export in a bucket is copied for as long as it takes to load it."""
    if not files.is_remote(model):
        yield model
        return
    with tempfile.TemporaryDirectory() as folder:
        uri = files.newest_version(files.absolute(model))
        files.fetch_folder(uri, folder)
        yield folder
