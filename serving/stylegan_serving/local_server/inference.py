"""What a request asks of a model, for both transports: checks, errors and runs."""

import asyncio
import concurrent.futures
import dataclasses
import time

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from stylegan_serving.local_server import errors, tensors

DEFAULT_SIGNATURE = 'serving_default'


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """Which model, version and signature a request names.

    Attributes:
        name: The model.
        version: Its version; None for the highest that is available.
        label: A label instead of the version; '' is a label, None is none.
        signature_name: '' is `serving_default`.
    """

    name: str
    version: int | None = None
    label: str | None = None
    signature_name: str = ''


class Inference:
    """Runs models for the transports."""

    def __init__(self, catalog, scheduler=None, *, metrics=None, threads=16):
        """Args:
            catalog: `catalog.Catalog`.
            scheduler: `batching.Scheduler`, which joins requests; None runs each by itself.
            metrics: `metrics.Metrics`; None counts nothing.
            threads: Graphs that may run at the same time.
        """
        self.catalog = catalog
        self.scheduler = scheduler
        self.metrics = metrics
        self._threads = concurrent.futures.ThreadPoolExecutor(threads, 'run')

    def open(self, spec):
        """Context manager that holds the version a request names and yields its Servable.

        Raises:
            ServingError: NOT_FOUND; INVALID_ARGUMENT for an unknown label or an empty name.
        """
        if not spec.name:
            raise errors.ServingError('INVALID_ARGUMENT', 'ModelSpec has no name specified.')
        return self.catalog.open(spec.name, spec.version, spec.label)

    async def predict(self, servable, signature_name, inputs, output_names=None, *, deadline=None):
        """Runs a signature.

        Args:
            servable: What `open` yielded.
            signature_name: '' is `serving_default`.
            inputs: Dict input name -> array. Declared shapes are not checked, types are.
            output_names: Wanted outputs; None or empty for all.
            deadline: `time.monotonic()` at which the answer is of no use any more; None for never.
        Returns:
            Dict output name -> array.
        Raises:
            ServingError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for inputs or outputs that
                do not fit it, DEADLINE_EXCEEDED, or what the graph raises.
        """
        signature_name = signature_name or DEFAULT_SIGNATURE
        signature = find_signature(servable, signature_name)
        check_input_names(signature, inputs, servable.defaults[signature_name])
        check_output_names(signature, output_names)
        inputs = {**servable.defaults[signature_name], **inputs}
        output_names = list(output_names) if output_names else None
        return await self._run(servable, signature_name, inputs, output_names, deadline)

    async def _run(self, servable, signature_name, inputs, output_names, deadline):
        if self.scheduler:
            return await self.scheduler.run(servable, signature_name, inputs, output_names, deadline)
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._run_now, servable, signature_name, inputs, output_names, deadline)

    def _run_now(self, servable, signature_name, inputs, output_names, deadline):
        started = time.monotonic()
        timeout = None if deadline is None else deadline - started
        if timeout is not None and timeout <= 0:
            raise errors.ServingError('DEADLINE_EXCEEDED', 'Timed out waiting for notification')
        outputs = servable.run(signature_name, inputs, output_names, timeout_seconds=timeout)
        if self.metrics:
            self.metrics.runtime(servable.name, signature_name, time.monotonic() - started)
        return outputs

    async def in_thread(self, function, *arguments):
        """Runs a function on the threads of the graphs: conversions too long for the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def metadata(self, spec):
        """The signatures of a version.

        Returns:
            GetModelMetadataResponse; a label is not sent back.
        Raises:
            ServingError: As `open`.
        """
        with self.open(spec) as servable:
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = servable.name
            response.model_spec.version.value = servable.version
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in servable.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response.metadata['signature_def'].Pack(signatures)
            return response

    def status(self, spec):
        """The states of a model's versions, newest first; a label is not looked at.

        Returns:
            GetModelStatusResponse.
        Raises:
            ServingError: NOT_FOUND; INVALID_ARGUMENT for an empty name.
        """
        if not spec.name:
            raise errors.ServingError('INVALID_ARGUMENT', 'ModelSpec has no name specified.')
        response = get_model_status_pb2.GetModelStatusResponse()
        for found in self.catalog.status(spec.name, spec.version):
            entry = response.model_version_status.add(version=found.version)
            entry.state = get_model_status_pb2.ModelVersionStatus.State.Value(found.state)
            entry.status.SetInParent()
            if found.error:
                entry.status.error_code = errors.code_number(found.error.code)
                entry.status.error_message = found.error.message
        return response

    def close(self):
        """Lets the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def find_signature(servable, signature_name):
    """The SignatureDef of a name ('' is `serving_default`).

    Raises:
        ServingError: FAILED_PRECONDITION.
    """
    signature = servable.signatures.get(signature_name or DEFAULT_SIGNATURE)
    if signature is None:
        raise errors.ServingError('FAILED_PRECONDITION', f'Serving signature key "{signature_name}" not found.')
    return signature


def check_input_names(signature, names, defaults=()):
    """Refuses input names that are not the signature's.

    Args:
        signature: SignatureDef.
        names: The names that came.
        defaults: Names that may be left out.
    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    came, expected = set(names), set(signature.inputs)
    missing = expected - came - set(defaults)
    if len(came) != len(expected) and (came - expected or missing):
        raise errors.ServingError(
            'INVALID_ARGUMENT', f'input size does not match signature: {len(came)}!={len(expected)} '
            f'len({_braced(came)}) != len({_braced(expected)}). Sent extra: {_braced(came - expected)}. '
            f'Missing but required: {_braced(missing)}.')
    for name in sorted(missing):
        raise errors.ServingError(
            'INVALID_ARGUMENT', f'Signature input alias: {name}(feed name: {signature.inputs[name].name}) not found '
            f'in request and no default value provided. Inputs expected to be in the request {_braced(came)}, or '
            f'default input alias set: {",".join(sorted(defaults))}')


def check_output_names(signature, names):
    """Refuses an output filter that names an unknown output, or one twice.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    seen = set()
    for name in names or ():
        if name not in signature.outputs:
            raise errors.ServingError(
                'INVALID_ARGUMENT', f'output tensor alias not found in signature: {name} Outputs expected to be in '
                f'the set {_braced(signature.outputs)}.')
        if name in seen:
            raise errors.ServingError('INVALID_ARGUMENT', f'duplicate output tensor alias: {name}')
        seen.add(name)


def arrays_of(signature, protos, *, max_bytes=None, defaults=()):
    """The inputs of a PredictRequest, names checked first.

    Args:
        signature: SignatureDef.
        protos: Mapping input name -> TensorProto.
        max_bytes: Largest tensor.
        defaults: Names that may be left out.
    Returns:
        Dict input name -> array.
    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    check_input_names(signature, protos, defaults)
    return {name: tensors.to_array(proto, name, max_bytes=max_bytes) for name, proto in protos.items()}


def _braced(names):
    return '{' + ','.join(sorted(names)) + '}'
