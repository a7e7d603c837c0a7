"""The gRPC interface: PredictionService, ModelService and health, with the messages of tensorflow-serving-api.

Requests arrive as bytes and are decoded here, so that long ones leave the event loop alone and undecodable ones get
the answer of the original.
"""

import asyncio
import contextlib
import functools
import logging
import time

import grpc
from google.protobuf import message
from grpc_health.v1 import health, health_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from stylegan_serving.local_server import errors, signatures, tensors
from stylegan_serving.local_server import inference as inference_module

_log = logging.getLogger(__name__)

_LONG_BYTES = 1 << 16  # a message of this length is converted on a thread
_COUNTED = ('Predict', 'Classify', 'Regress')
HEALTH_NAMES = ('', 'PredictionService', 'ModelService')
_PREDICTION, _MODEL = 'tensorflow.serving.PredictionService', 'tensorflow.serving.ModelService'


class Services:
    """The handlers of a gRPC server."""

    def __init__(self, inference, *, max_calls, max_tensor_bytes=None, outputs_as_content=False):
        """Args:
            inference: `inference.Inference`.
            max_calls: Calls of PredictionService that may run at a time; further ones are refused at once.
            max_tensor_bytes: Largest tensor of a request.
            outputs_as_content: Whether outputs go into `tensor_content`.
        """
        self._inference = inference
        self._max_calls = max_calls
        self._max_tensor_bytes = max_tensor_bytes
        self._outputs_as_content = outputs_as_content
        self._calls = 0
        self._unanswered = set()  # contexts of calls whose answer is not on its way yet
        self._is_idle = asyncio.Event()
        self._is_draining = False

    def add_to(self, server):
        """Registers the services on a grpc.aio server."""
        prediction = {
            'Predict': (predict_pb2.PredictRequest, self._predict),
            'Classify': (classification_pb2.ClassificationRequest, self._classify),
            'Regress': (regression_pb2.RegressionRequest, self._regress),
            'MultiInference': (inference_pb2.MultiInferenceRequest, self._multi_inference),
            'GetModelMetadata': (get_model_metadata_pb2.GetModelMetadataRequest, self._metadata),
        }
        model = {
            'GetModelStatus': (get_model_status_pb2.GetModelStatusRequest, self._status),
            'HandleReloadConfigRequest': (model_management_pb2.ReloadConfigRequest, self._reload),
        }
        server.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler(_PREDICTION, {
                name: grpc.unary_unary_rpc_method_handler(functools.partial(self._answer_counted, name, *method))
                for name, method in prediction.items()}),
            grpc.method_handlers_generic_handler(_MODEL, {
                name: grpc.unary_unary_rpc_method_handler(functools.partial(self._answer, name, *method))
                for name, method in model.items()}),
        ))

    async def drain(self, limit_seconds):
        """Refuses new calls of PredictionService and waits for the answers that are due.

        A refused call is UNAVAILABLE, which clients repeat elsewhere. grpc.aio's own `stop` cancels calls that arrive
        while it tells the clients, and CANCELLED looks like the client's own doing.
        """
        self._is_draining = True
        if self._unanswered:
            self._is_idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_idle.wait(), limit_seconds)

    def _answered(self, context):
        self._unanswered.discard(context)
        if not self._unanswered:
            self._is_idle.set()

    async def _answer_counted(self, name, message_type, method, data, context):
        if self._is_draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, 'The server is shutting down.')
        if self._calls >= self._max_calls:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, 'Server Threadpool Exhausted')
        self._calls += 1
        self._unanswered.add(context)
        context.add_done_callback(self._answered)
        metrics = self._inference.metrics
        try:
            with metrics.in_flight('GRPC') if metrics else contextlib.nullcontext():
                return await self._answer(name, message_type, method, data, context)
        finally:
            self._calls -= 1

    async def _answer(self, name, message_type, method, data, context):
        started, request = time.monotonic(), None
        try:
            if len(data) < _LONG_BYTES:
                request = message_type.FromString(data)
            else:
                request = await self._inference.in_thread(message_type.FromString, data)
            answer = await method(request, _deadline(context))
            self._count(name, request, 'OK', started)
            if self._inference.metrics:
                self._inference.metrics.traffic('GRPC', len(data), len(answer))
            return answer
        except asyncio.CancelledError:
            if request is not None:
                is_late = context.time_remaining() == 0  # None without a deadline
                self._count(name, request, 'DEADLINE_EXCEEDED' if is_late else 'CANCELLED', started)
            raise
        except message.DecodeError:
            await context.abort(grpc.StatusCode.INTERNAL, '')
        except errors.ServingError as error:
            self._count(name, request, error.code, started)
            # As the client says it, who is as likely to notice first.
            text = 'Deadline Exceeded' if error.code == 'DEADLINE_EXCEEDED' else error.message
            await context.abort(grpc.StatusCode[error.code], text)
        except Exception:  # the outermost loop of a call
            _log.exception('%s failed', name)
            await context.abort(grpc.StatusCode.INTERNAL, f'{name} failed; the log of the server says why.')

    def _count(self, name, request, status, started):
        metrics = self._inference.metrics
        if metrics and name in _COUNTED:
            metrics.request(request.model_spec.name, name, 'GRPC', status, time.monotonic() - started)

    async def _predict(self, request, deadline):
        spec = inference_module.spec_of(request)
        with self._inference.open(spec) as servable:
            convert = functools.partial(
                signatures.arrays, servable, request, max_bytes=self._max_tensor_bytes)
            is_long = request.ByteSize() >= _LONG_BYTES
            inputs = await self._inference.in_thread(convert) if is_long else convert()
            outputs = await self._inference.predict(
                servable, spec.signature_name, inputs, request.output_filter, deadline=deadline)
            respond = functools.partial(self._predict_response, servable, spec, outputs)
            is_long = sum(map(tensors.size_bytes, outputs.values())) >= _LONG_BYTES
            return await self._inference.in_thread(respond) if is_long else respond()

    def _predict_response(self, servable, spec, outputs):
        response = predict_pb2.PredictResponse()
        _fill_spec(response.model_spec, servable, spec)
        for name, array in outputs.items():
            tensors.fill(response.outputs[name], array, as_content=self._outputs_as_content)
        return response.SerializeToString()

    async def _classify(self, request, deadline):
        return await self._examples(
            request, deadline, self._inference.classify, classification_pb2.ClassificationResponse())

    async def _regress(self, request, deadline):
        return await self._examples(request, deadline, self._inference.regress, regression_pb2.RegressionResponse())

    async def _examples(self, request, deadline, function, response):
        spec = inference_module.spec_of(request)
        with self._inference.open(spec) as servable:
            response.result.CopyFrom(await function(servable, spec.signature_name, request.input, deadline=deadline))
            _fill_spec(response.model_spec, servable, spec)
            return response.SerializeToString()

    async def _multi_inference(self, request, deadline):
        return (await self._inference.multi_inference(request, deadline=deadline)).SerializeToString()

    async def _metadata(self, request, deadline):
        del deadline
        if not request.HasField('model_spec'):
            raise errors.ServingError('INVALID_ARGUMENT', 'Missing ModelSpec')
        if not request.metadata_field:
            raise errors.ServingError(
                'INVALID_ARGUMENT', 'GetModelMetadataRequest must specify at least one metadata_field')
        for field in request.metadata_field:
            if field != 'signature_def':
                raise errors.ServingError('INVALID_ARGUMENT', f'Metadata field {field} is not supported')
        return self._inference.metadata(inference_module.spec_of(request)).SerializeToString()

    async def _status(self, request, deadline):
        del deadline
        return self._inference.status(inference_module.spec_of(request)).SerializeToString()

    async def _reload(self, request, deadline):
        del deadline
        await self._inference.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response.SerializeToString()


def _fill_spec(target, servable, spec):
    target.name = servable.name
    target.version.value = servable.version
    target.signature_name = spec.signature_name or signatures.DEFAULT


def _deadline(context):
    remaining = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


class Health(health.aio.HealthServicer):
    """grpc.health.v1, with the original's names of services and text."""

    async def start(self):
        """Says that all is well."""
        for name in HEALTH_NAMES:
            await self.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def Check(self, request, context):  # noqa: N802
        """One look at a service's state."""
        if request.service not in HEALTH_NAMES:
            await context.abort(grpc.StatusCode.NOT_FOUND, 'service name unknown')
        return await super().Check(request, context)


class UnknownMethods(grpc.GenericRpcHandler):
    """Answers what no service has, with the original's empty text."""

    def service(self, handler_call_details):
        return grpc.unary_unary_rpc_method_handler(_unimplemented)


async def _unimplemented(data, context):
    del data
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, '')
