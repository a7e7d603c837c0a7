"""From flags and text protos to frozen settings.

The messages of the batching and monitoring files are not in tensorflow-serving-api; their few fields are declared
here, so that protobuf's own parser reads the files.
"""

import dataclasses
import os
import pathlib

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

from stylegan_serving.local_server import batching, errors
from stylegan_tf import cores

METRICS_PATH = '/monitoring/prometheus/metrics'
_PLATFORM = 'tensorflow'


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a server is told to do. Times are in seconds, sizes in bytes.

    Attributes:
        models: ModelServerConfig, the first list of models.
        models_file: Path of the file it came from; None with --model_name.
        models_text: Text of that file.
        models_poll_seconds: Time between two looks at the file; 0 for none.
        host: Address the ports are bound to.
        port: gRPC port; 0 takes a free one.
        rest_port: REST port; 0 for no REST, -1 takes a free one.
        socket_path: Unix socket that answers gRPC, too; '' for none.
        grpc_options: gRPC channel arguments, tuple of (name, value).
        grpc_calls: PredictionService calls that may run at a time; the rest is refused at once.
        rest_threads: REST requests that run at a time; the rest waits.
        rest_timeout_seconds: Time limit of a REST request.
        max_request_bytes: Largest request, and largest tensor of one.
        drain_seconds: How long running requests may take after SIGTERM.
        outputs_as_content: Whether gRPC answers hold `tensor_content`.
        has_health_service: Whether gRPC health is answered.
        has_cors: Whether REST sends CORS headers.
        metrics_path: REST path of the Prometheus metrics; None for no metrics.
        batching_parameters: `batching.BatchingParameters`; None for no batching.
        tags: Tags of the graphs to load.
        load_threads: Versions that load at the same time.
        load_retries: Attempts after a failed one.
        retry_interval_seconds: Time between them.
        poll_seconds: Time between two looks for versions; 0 and less for none.
        allows_unavailable_labels: Whether new labels may be on versions that are not available.
        forces_unavailable_labels: Whether labels may be moved to such versions.
        warm_up_iterations: How often each warm-up request is run; 0 for no warm-up.
        session_threads: (intra-op, inter-op) threads of TensorFlow; 0 for its own choice.
        gpu_memory_fraction: Share of a GPU's memory to take; 0 takes what is needed.
    """

    models: object
    models_file: str | None = None
    models_text: str = ''
    models_poll_seconds: float = 0.0
    host: str = '127.0.0.1'
    port: int = 8500
    rest_port: int = 0
    socket_path: str = ''
    grpc_options: tuple = ()
    grpc_calls: int = 7
    rest_threads: int = 8
    rest_timeout_seconds: float = 30.0
    max_request_bytes: int = 256 << 20
    drain_seconds: float = 30.0
    outputs_as_content: bool = False
    has_health_service: bool = False
    has_cors: bool = False
    metrics_path: str | None = None
    batching_parameters: batching.BatchingParameters | None = None
    tags: tuple[str, ...] = ('serve',)
    load_threads: int = 1
    load_retries: int = 5
    retry_interval_seconds: float = 60.0
    poll_seconds: float = 1.0
    allows_unavailable_labels: bool = False
    forces_unavailable_labels: bool = False
    warm_up_iterations: int = 1
    session_threads: tuple[int, int] = (0, 0)
    gpu_memory_fraction: float = 0.0


def from_flags(values):
    """The settings of the flags of `main`.

    Args:
        values: Dict flag name -> value.
    Returns:
        Settings.
    Raises:
        ServingError: INVALID_ARGUMENT, with the original's words, for a file that is none.
    """
    threads = 4 * cores.available()
    models, text = _models(values)
    return Settings(
        models=models,
        models_file=values['model_config_file'] or None,
        models_text=text,
        models_poll_seconds=values['model_config_file_poll_wait_seconds'],
        host=values['host'],
        port=values['port'],
        rest_port=values['rest_api_port'],
        socket_path=values['grpc_socket_path'],
        grpc_options=_channel_arguments(values['grpc_channel_arguments']),
        grpc_calls=max(1, (values['grpc_max_threads'] or threads) - 1),  # the original's last thread only polls
        rest_threads=values['rest_api_num_threads'] or threads,
        rest_timeout_seconds=values['rest_api_timeout_in_ms'] / 1e3,
        max_request_bytes=values['max_request_bytes'],
        drain_seconds=values['drain_seconds'],
        outputs_as_content=values['enable_serialization_as_tensor_content'],
        has_health_service=values['enable_grpc_healthcheck_service'],
        has_cors=values['rest_api_enable_cors_support'],
        metrics_path=read_monitoring(values['monitoring_config_file']),
        batching_parameters=read_batching(values['batching_parameters_file']) if values['enable_batching'] else None,
        tags=tuple(values['saved_model_tags'].split(',')),
        load_threads=max(1, values['num_load_threads']),
        load_retries=values['max_num_load_retries'],
        retry_interval_seconds=values['load_retry_interval_micros'] / 1e6,
        poll_seconds=values['file_system_poll_wait_seconds'],
        allows_unavailable_labels=values['allow_version_labels_for_unavailable_models'],
        forces_unavailable_labels=values['force_allow_any_version_labels_for_unavailable_models'],
        warm_up_iterations=values['num_request_iterations_for_warmup'] if values['enable_model_warmup'] else 0,
        session_threads=(values['tensorflow_intra_op_parallelism'] or values['tensorflow_session_parallelism'],
                         values['tensorflow_inter_op_parallelism'] or values['tensorflow_session_parallelism']),
        gpu_memory_fraction=values['per_process_gpu_memory_fraction'],
    )


def _models(values):
    if values['model_config_file']:
        text, config = read_models(values['model_config_file'])
        return config, text
    config = model_server_config_pb2.ModelServerConfig()
    base_path = values['model_base_path']
    # A laptop's user types relative paths; a config file must not hold them.
    config.model_config_list.config.add(
        name=values['model_name'], model_platform=_PLATFORM,
        base_path=base_path if '://' in base_path else os.path.abspath(base_path))
    return config, ''


def read_models(path):
    """Reads a model config file.

    Returns:
        (its text, ModelServerConfig).
    Raises:
        ServingError: INVALID_ARGUMENT if it cannot be parsed; NOT_FOUND if it cannot be read.
    """
    text = _text(path)
    return text, _parse(text, model_server_config_pb2.ModelServerConfig(), path)


def read_batching(path):
    """Reads a batching parameters file.

    Args:
        path: The file; None for the defaults.
    Returns:
        `batching.BatchingParameters`, not checked.
    Raises:
        ServingError: As `read_models`.
    """
    if not path:
        return batching.BatchingParameters()
    parsed = _parse(_text(path), _MESSAGES['BatchingParameters'](), path)
    given = {}
    for field in dataclasses.fields(batching.BatchingParameters):
        value = getattr(parsed, field.name)
        if field.name == 'allowed_batch_sizes':
            given[field.name] = tuple(value)
        elif isinstance(value, bool):
            given[field.name] = value
        elif parsed.HasField(field.name):
            given[field.name] = value.value
    return batching.BatchingParameters(**given)


def read_monitoring(path):
    """The path of the metrics that a monitoring config file enables.

    Args:
        path: The file; None for no metrics.
    Returns:
        str, or None.
    Raises:
        ServingError: As `read_models`.
    """
    if not path:
        return None
    config = _parse(_text(path), _MESSAGES['MonitoringConfig'](), path).prometheus_config
    return (config.path or METRICS_PATH) if config.enable else None


def _text(path):
    try:
        return pathlib.Path(path).read_text(encoding='utf-8')
    except UnicodeDecodeError as error:
        raise errors.ServingError('INVALID_ARGUMENT', f"Invalid protobuf file: '{path}'") from error
    except OSError as error:
        raise errors.ServingError('NOT_FOUND', f'{path}; {error.strerror}') from error


def _parse(text, message, path):
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise errors.ServingError('INVALID_ARGUMENT', f"Invalid protobuf file: '{path}' ({error})") from error


def _channel_arguments(text):
    """(name, value) pairs of 'name=value,...'; whole numbers become int."""
    pairs = [part.partition('=')[::2] for part in text.split(',') if part]
    return tuple((name, int(value) if value.lstrip('-').isdecimal() else value) for name, value in pairs)


def _messages():
    """The message classes of the batching and monitoring files: their fields in the original's .proto files."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name='local_server.proto', package='local_server', syntax='proto3',
        dependency=['google/protobuf/wrappers.proto'])
    for message, fields in _DECLARED.items():
        declared = file.message_type.add(name=message)
        for number, (name, kind) in enumerate(fields.items(), 1):
            field = declared.field.add(name=name, number=number, label=3 if kind.startswith('repeated') else 1)
            scalar = kind.removeprefix('repeated ')
            if scalar in _SCALARS:
                field.type = _SCALARS[scalar]
            else:
                field.type_name = scalar
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f'local_server.{name}'))
            for name in _DECLARED}


_INT, _BOOL, _STRING = '.google.protobuf.Int64Value', '.google.protobuf.BoolValue', '.google.protobuf.StringValue'
_SCALARS = {'bool': descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
            'int64': descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
            'string': descriptor_pb2.FieldDescriptorProto.TYPE_STRING}
_DECLARED = {
    'BatchingParameters': {
        'max_batch_size': _INT, 'batch_timeout_micros': _INT, 'max_enqueued_batches': _INT, 'num_batch_threads': _INT,
        'thread_pool_name': _STRING, 'allowed_batch_sizes': 'repeated int64', 'pad_variable_length_inputs': 'bool',
        'enable_large_batch_splitting': _BOOL, 'max_execution_batch_size': _INT},
    'PrometheusConfig': {'enable': 'bool', 'path': 'string'},
    'MonitoringConfig': {'prometheus_config': '.local_server.PrometheusConfig'},
}
_MESSAGES = _messages()
