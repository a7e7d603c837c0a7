"""What a request asks of a model, for both transports: checks, errors and runs."""

import asyncio
import concurrent.futures
import dataclasses
import time

import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, inference_pb2

from stylegan_serving.local_server import errors, examples, signatures


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

    def __init__(self, catalog, scheduler=None, *, metrics=None, reload=None, threads=16):
        """Args:
            catalog: `catalog.Catalog`.
            scheduler: `batching.Scheduler`, which joins requests; None runs each by itself.
            metrics: `metrics.Metrics`; None counts nothing.
            reload: Function of a ModelServerConfig that replaces the list of models; blocks.
            threads: Graphs that may run at the same time.
        """
        self.catalog = catalog
        self.scheduler = scheduler
        self.metrics = metrics
        self._reload = reload
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
        signature_name = signature_name or signatures.DEFAULT
        inputs, output_names = signatures.checked(servable, signature_name, inputs, output_names)
        return await self._run(servable, signature_name, inputs, output_names, deadline)

    async def _run(self, servable, signature_name, inputs, output_names, deadline, api='Predict'):
        started = time.monotonic()
        if self.scheduler:
            outputs = await self.scheduler.run(servable, signature_name, inputs, output_names, deadline)
        else:
            outputs = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._run_now, servable, signature_name, inputs, output_names, deadline)
        if self.metrics:
            self.metrics.run(servable.name, api, time.monotonic() - started, outputs)
        return outputs

    def _run_now(self, servable, signature_name, inputs, output_names, deadline):
        timeout = None if deadline is None else deadline - time.monotonic()
        if timeout is not None and timeout <= 0:
            raise errors.ServingError('DEADLINE_EXCEEDED', 'Timed out waiting for notification')
        return servable.run(signature_name, inputs, output_names, timeout_seconds=timeout)

    async def classify(self, servable, signature_name, request_input, *, deadline=None):
        """Classifies tf.Examples.

        Args:
            servable: What `open` yielded.
            signature_name: '' is `serving_default`.
            request_input: tensorflow.serving.Input.
            deadline: As of `predict`.
        Returns:
            ClassificationResult.
        Raises:
            ServingError: INVALID_ARGUMENT for a signature or input that does not fit; as `predict`.
        """
        signature_name = signature_name or signatures.DEFAULT
        names = examples.classification_outputs(examples.signature_of(servable, signature_name))
        rows = examples.serialized(request_input)
        outputs = await self._run(servable, signature_name, {'inputs': _objects(rows)}, names, deadline, 'Classify')
        return examples.classification_result(outputs, len(rows))

    async def regress(self, servable, signature_name, request_input, *, deadline=None):
        """Regresses tf.Examples; as `classify`, but returns a RegressionResult."""
        signature_name = signature_name or signatures.DEFAULT
        names = examples.regression_outputs(examples.signature_of(servable, signature_name))
        rows = examples.serialized(request_input)
        outputs = await self._run(servable, signature_name, {'inputs': _objects(rows)}, names, deadline, 'Regress')
        return examples.regression_result(outputs, len(rows))

    async def multi_inference(self, request, *, deadline=None):
        """Several classifications and regressions of the same tf.Examples by one version.

        Args:
            request: MultiInferenceRequest; the first task names the version.
            deadline: As of `predict`.
        Returns:
            MultiInferenceResponse.
        Raises:
            ServingError: As `open`, `classify` and `regress`.
        """
        examples.check_tasks(request.tasks)
        response = inference_pb2.MultiInferenceResponse()
        with self.open(spec_of(request.tasks[0])) as servable:
            for task in request.tasks:
                method = self.classify if task.method_name == examples.CLASSIFY else self.regress
                result = await method(servable, task.model_spec.signature_name, request.input, deadline=deadline)
                examples.add_result(response, task, servable.version, result)
        return response

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
            found = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in servable.signatures.items():
                found.signature_def[name].CopyFrom(signature)
            response.metadata['signature_def'].Pack(found)
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

    async def reload(self, config):
        """Replaces the list of models; goes on by itself if the caller does not wait for it.

        Args:
            config: ModelServerConfig.
        Raises:
            ServingError: As `reloads.ModelList.reload`.
        """
        await asyncio.shield(asyncio.to_thread(self._reload, config))

    def close(self):
        """Lets the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def spec_of(request):
    """The `ModelSpec` of a message's `model_spec`.

    Raises:
        ServingError: INVALID_ARGUMENT if it has none.
    """
    if not request.HasField('model_spec'):
        raise errors.ServingError('INVALID_ARGUMENT', 'Missing ModelSpec')
    spec = request.model_spec
    choice = spec.WhichOneof('version_choice')
    return ModelSpec(spec.name, version=spec.version.value if choice == 'version' else None,
                     label=spec.version_label if choice == 'version_label' else None,
                     signature_name=spec.signature_name)


def _objects(values):
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array
