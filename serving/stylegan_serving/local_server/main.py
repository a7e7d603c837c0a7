"""A TensorFlow-Serving-compatible server for laptops, tests and the quick start.

    python -m stylegan_serving.local_server --model_name=first --model_base_path=models/first --rest_api_port=8501

Takes the flags of tensorflow_model_server and answers the same gRPC and REST requests, in one process of Python and
TensorFlow. Listens on this machine only unless --host says otherwise. SIGTERM or Ctrl-C ends it after the running
requests (exit code 0); a second one ends it at once. Exit codes: 2 bad usage; 255 the models did not load.
"""

import importlib.util
import os
import socket
import sys

from absl import flags

from stylegan_tf import commands

flags.DEFINE_string('host', '127.0.0.1', 'Address to listen on; 0.0.0.0 for all. There is no authentication.')
flags.DEFINE_integer('port', 8500, 'gRPC port; 0 takes a free one and prints it.', 0, 65535)
flags.DEFINE_integer('rest_api_port', 0, 'REST port; 0 for no REST, -1 takes a free one and prints it.', -1, 65535)
flags.DEFINE_string('grpc_socket_path', '', 'Unix socket that answers gRPC, too.')
flags.DEFINE_string('model_name', 'default', 'Name of the model at --model_base_path.')
flags.DEFINE_string('model_base_path', None, "Folder of the model's versions: its subfolders 1, 2, ...")
flags.DEFINE_string('model_config_file', None, 'Text proto ModelServerConfig that lists several models.')
flags.DEFINE_float('model_config_file_poll_wait_seconds', 0, 'Time between two looks at that file; 0 for none.', 0)
flags.DEFINE_float('file_system_poll_wait_seconds', 1, 'Time between two looks for versions; 0 for none.')
flags.DEFINE_bool('allow_version_labels_for_unavailable_models', False,
                  'New labels may be on versions that are not loaded; needed for labels in the first config.')
flags.DEFINE_bool('force_allow_any_version_labels_for_unavailable_models', False,
                  'Labels may also be moved to versions that are not loaded.')
flags.DEFINE_string('saved_model_tags', 'serve', 'Tags of the graph to load, separated by commas.')
flags.DEFINE_bool('enable_model_warmup', True, 'Replay assets.extra/tf_serving_warmup_requests of each version.')
flags.DEFINE_integer('num_request_iterations_for_warmup', 1, 'How often each warm-up request is run.', 1)
flags.DEFINE_integer('num_load_threads', 0, 'Versions that load at the same time; 0 is 1.', 0)
flags.DEFINE_integer('max_num_load_retries', 5, 'Attempts to load a version after one that failed.', 0)
flags.DEFINE_integer('load_retry_interval_micros', 60 * 1000 * 1000, 'Time between them.', 0)
flags.DEFINE_bool('enable_batching', False, 'Join requests for one signature into batches.')
flags.DEFINE_string('batching_parameters_file', None, 'Text proto BatchingParameters.')
flags.DEFINE_string('monitoring_config_file', None, 'Text proto MonitoringConfig: Prometheus metrics on the REST port.')
flags.DEFINE_bool('enable_grpc_healthcheck_service', False, 'Answer grpc.health.v1.')
flags.DEFINE_integer('grpc_max_threads', 0, 'gRPC calls that run at a time, plus one; further ones are refused with '
                     'RESOURCE_EXHAUSTED. 0 is 4 for each core.', 0)
flags.DEFINE_string('grpc_channel_arguments', '', 'gRPC server options: name=value, separated by commas.')
flags.DEFINE_integer('rest_api_num_threads', 0, 'REST requests that run at a time; others wait. 0 is 4 for each core.',
                     0)
flags.DEFINE_integer('rest_api_timeout_in_ms', 30000, 'Time limit of a REST request.', 1)
flags.DEFINE_bool('rest_api_enable_cors_support', False, 'Send CORS headers, so that web pages may call REST.')
flags.DEFINE_bool('enable_serialization_as_tensor_content', False, 'gRPC answers hold tensor_content.')
flags.DEFINE_integer('max_request_bytes', 256 << 20, 'Largest request.', 1)
flags.DEFINE_float('drain_seconds', 30, 'How long running requests may take after SIGTERM or Ctrl-C.', 0)
flags.DEFINE_integer('tensorflow_session_parallelism', 0, "Threads of TensorFlow, as the next two; 0 is TensorFlow's "
                     'own choice.', 0)
flags.DEFINE_integer('tensorflow_intra_op_parallelism', 0, 'Threads within an operation.', 0)
flags.DEFINE_integer('tensorflow_inter_op_parallelism', 0, 'Operations at the same time.', 0)
flags.DEFINE_float('per_process_gpu_memory_fraction', 0, "Share of a GPU's memory to take; 0 takes what is needed.",
                   0, 1)
flags.DEFINE_bool('version', False, 'Print the version and end.')

# What tensorflow_model_server takes and what would be wrong to pass over in silence here.
_REFUSED = {'ssl_config_file': 'put a proxy that speaks TLS in front', 'platform_config_file': 'use the real server',
            'use_alts_credentials': 'use the real server', 'prefer_tflite_model': 'use the real server',
            'tensorflow_session_config_file': 'use the real server'}
_IGNORED = ('flush_filesystem_caches', 'remove_unused_fields_from_bundle_metagraph', 'num_unload_threads',
            'enable_signature_method_name_check', 'xla_cpu_compilation_enabled', 'enable_profiler', 'mixed_precision',
            'skip_initialize_tpu', 'num_tflite_pools', 'num_tflite_interpreters_per_pool',
            'thread_pool_factory_config_file', 'enable_per_model_batching_parameters')
for _name in (*_REFUSED, *_IGNORED):
    flags.DEFINE_string(_name, None, 'Taken for compatibility; ' + (
        'refused: ' + _REFUSED[_name] if _name in _REFUSED else 'has no effect') + '.')

_PACKAGES = ('grpc', 'grpc_health', 'httptools', 'prometheus_client', 'tensorflow_serving', 'uvicorn')


def main():
    """Reads the flags and serves; returns the exit code."""
    values = flags.FLAGS.flag_values_dict()
    if values['version']:
        from stylegan_serving import __version__
        print(f'stylegan_serving local server {__version__}')
        return commands.DONE
    _check(values)
    _check_packages()
    _check_ports(values['host'], {name: values[name] for name in ('port', 'rest_api_port')})
    commands.import_tensorflow()
    from stylegan_serving.local_server import configuration, errors, server
    try:
        settings = configuration.from_flags(values)
    except errors.ServingError as error:
        server.print_failure(error)
        return server.NOT_STARTED
    server.serve(settings)


def _check(values):
    for name, remedy in _REFUSED.items():
        if (values[name] or 'false').lower() not in ('false', '0'):
            raise commands.UsageError(f'The local server does not have --{name}: {remedy}.')
    for name in _IGNORED:
        if values[name] is not None:
            print(f'Note: --{name} has no effect on the local server.', file=sys.stderr)
    if bool(values['model_base_path']) == bool(values['model_config_file']):
        raise commands.UsageError('Expected --model_base_path=FOLDER (with --model_name) or --model_config_file=FILE. '
                                  f"Received: {'both' if values['model_base_path'] else 'neither'}.")


def _check_packages():
    for package in _PACKAGES:
        if not importlib.util.find_spec(package):
            raise commands.UsageError(f"The package {package} is not installed: pip install 'stylegan-tf[serving]'.")


def _check_ports(host, ports):
    """Says now what would else be said when the models are loaded."""
    for name, port in ports.items():
        if port > 0:
            family = socket.AF_INET6 if ':' in host else socket.AF_INET
            try:
                socket.create_server((host, port), family=family).close()
            except OSError as error:
                if error.errno < 0:  # of the look-up of the name
                    raise commands.UsageError(f'Expected an address of this machine as --host. Received: {host}.'
                                              ) from error
                raise commands.UsageError(f'Cannot listen on {host}:{port}: {os.strerror(error.errno)}. '
                                          f'Give another --{name}.') from error
