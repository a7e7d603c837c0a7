"""gRPC by tensorflow-serving-api's stubs, which import TensorFlow."""

import itertools
import pathlib

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from stylegan_serving.client import signatures
from stylegan_serving.client.errors import InputError, ServerError
from stylegan_serving.client.exchanges import Metadata, Predict, Prediction, Reload, Status, VersionStatus

_CHANNEL_OPTIONS = (
    ('grpc.max_receive_message_length', -1),  # 4 MiB by default: one large picture
    ('grpc.max_send_message_length', -1),
    ('grpc.enable_http_proxy', 0),
    # A server that comes back is found within a second, not within grpc's two minutes.
    ('grpc.initial_reconnect_backoff_ms', 100),
    ('grpc.min_reconnect_backoff_ms', 100),
    ('grpc.max_reconnect_backoff_ms', 1000),
    ('grpc.use_local_subchannel_pool', 1))


class GrpcTransport:
    """Plain transport; threads may share it. `exchanges` says what it does."""

    bytes_factor = 1.0

    def __init__(self, server, *, headers=None, ca_file=None):
        self.server = server
        self._headers = _lowered(headers)
        self._channel = _open(grpc, server, _credentials(server, ca_file))
        self._methods = _Methods(self._channel)

    def exchange(self, request, timeout_seconds):
        method, message = self._methods.of(request)
        try:
            return _answer(request, method(message, timeout=timeout_seconds, metadata=self._headers))
        except grpc.RpcError as error:
            raise _refusal(error) from error

    def close(self):
        self._channel.close()


class AsyncGrpcTransport:
    """As `GrpcTransport`, with coroutines, within one event loop."""

    bytes_factor = 1.0

    def __init__(self, server, *, headers=None, ca_file=None):
        self.server = server
        self._headers = _lowered(headers)
        self._credentials = _credentials(server, ca_file)
        self._channel = None

    async def exchange(self, request, timeout_seconds):
        if self._channel is None:  # belongs to the loop that is running now
            self._channel = _open(grpc.aio, self.server, self._credentials)
            self._methods = _Methods(self._channel)
        method, message = self._methods.of(request)
        try:
            return _answer(request, await method(message, timeout=timeout_seconds, metadata=self._headers))
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error

    async def close(self):
        if self._channel is not None:
            await self._channel.close()


class _Methods:
    """The stub's method and the message for each kind of request."""

    def __init__(self, channel):
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(channel)

    def of(self, request):
        if isinstance(request, Predict):
            message = predict_pb2.PredictRequest(model_spec=_spec(request.spec, request.signature.name))
            for name, array in request.inputs.items():
                message.inputs[name].CopyFrom(_tensor(array))
            return self._prediction.Predict, message
        if isinstance(request, Metadata):
            return self._prediction.GetModelMetadata, get_model_metadata_pb2.GetModelMetadataRequest(
                model_spec=_spec(request.spec), metadata_field=['signature_def'])
        if isinstance(request, Status):
            return self._models.GetModelStatus, get_model_status_pb2.GetModelStatusRequest(
                model_spec=_spec(request.spec))
        return self._models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest(config=request.config)


def _credentials(server, ca_file):
    """Of grpcs://, else None."""
    if not server.startswith('grpcs://'):
        return None
    try:
        return grpc.ssl_channel_credentials(None if ca_file is None else pathlib.Path(ca_file).read_bytes())
    except OSError as error:
        raise InputError(f'ca_file {ca_file} cannot be read: {error.strerror}.') from error


def _open(module, server, credentials):
    target = server.partition('://')[2]
    if credentials is not None:
        return module.secure_channel(target, credentials, options=_CHANNEL_OPTIONS)
    return module.insecure_channel(target, options=_CHANNEL_OPTIONS)


def _lowered(headers):
    return tuple((name.lower(), value) for name, value in (headers or {}).items())


def _spec(spec, signature_name=''):
    message = model_pb2.ModelSpec(name=spec.name, signature_name=signature_name)
    if spec.version is not None:
        message.version.value = spec.version
    elif spec.label:
        message.version_label = spec.label
    return message


def _tensor(array):
    if array.dtype != object:
        return tf.make_tensor_proto(array)
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=array.ravel().tolist())
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def _array(tensor):
    if tensor.dtype != types_pb2.DT_STRING:
        return np.asarray(tf.make_ndarray(tensor))
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    strings = _unpacked(tensor.tensor_content, int(np.prod(shape))) if tensor.tensor_content else tensor.string_val
    array = np.empty(len(strings), object)
    array[:] = list(strings)
    return array.reshape(shape)


def _unpacked(content, count):
    """Strings of a server with --enable_serialization_as_tensor_content: their lengths as varints, then the strings."""
    lengths, at = [], 0
    for _ in range(count):
        length = shift = 0
        while True:
            byte = content[at]
            length |= (byte & 0x7f) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        lengths.append(length)
    ends = np.cumsum([at, *lengths])
    return [content[start:end] for start, end in itertools.pairwise(ends)]


def _answer(request, answer):
    if isinstance(request, Predict):
        return Prediction({name: _array(tensor) for name, tensor in answer.outputs.items()},
                          answer.model_spec.version.value)
    if isinstance(request, Metadata):
        definitions = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata['signature_def'].Unpack(definitions)
        return signatures.from_proto(request.spec.name, answer.model_spec.version.value, definitions.signature_def)
    if isinstance(request, Status):
        states = get_model_status_pb2.ModelVersionStatus.State
        return [VersionStatus(entry.version, states.Name(entry.state), _code_name(entry.status.error_code),
                              entry.status.error_message) for entry in answer.model_version_status]
    if isinstance(request, Reload) and answer.status.error_code:
        raise ServerError(_code_name(answer.status.error_code), answer.status.error_message)
    return None


def _code_name(number):
    return next((code.name for code in grpc.StatusCode if code.value[0] == number), str(number))


def _refusal(error):
    code, details = error.code(), error.details() or ''
    if code is grpc.StatusCode.INTERNAL and 'RST_STREAM' in details:  # a connection that ended within the answer
        code = grpc.StatusCode.UNAVAILABLE
    return ServerError(code.name, details, is_connection=code is grpc.StatusCode.UNAVAILABLE and 'queue' not in details)
