"""Flags and text protos -> settings, and what the command refuses."""

import os
import subprocess
import sys

import pytest
from absl import flags
from absl.testing import flagsaver

from stylegan_serving.local_server import batching, configuration, errors, main
from stylegan_tf import commands, cores


def settings(*arguments):
    """The settings of some flags."""
    return configuration.from_flags(values(*arguments))


def values(*arguments):
    """The flag values of a command line."""
    with flagsaver.flagsaver():
        flags.FLAGS(['local_server', *arguments])
        return flags.FLAGS.flag_values_dict()


def test_one_model_of_flags_with_the_originals_defaults():
    given = settings('--model_name=pair', '--model_base_path=models/pair')
    model = given.models.model_config_list.config[0]
    assert (model.name, model.base_path) == ('pair', os.path.abspath('models/pair'))
    assert model.model_platform == 'tensorflow'
    assert (given.host, given.port, given.rest_port) == ('127.0.0.1', 8500, 0)
    assert given.grpc_calls == 4 * cores.available() - 1 and given.rest_threads == 4 * cores.available()
    assert (given.load_retries, given.retry_interval_seconds, given.rest_timeout_seconds) == (5, 60, 30)
    assert given.batching_parameters is None and given.metrics_path is None and not given.has_health_service
    assert settings('--model_base_path=gs://bucket/m').models.model_config_list.config[0].base_path == 'gs://bucket/m'


def test_flags_in_their_units():
    given = settings(
        '--model_base_path=m', '--grpc_max_threads=2', '--rest_api_num_threads=3', '--rest_api_timeout_in_ms=300',
        '--load_retry_interval_micros=1500000', '--enable_model_warmup=false', '--saved_model_tags=serve,gpu',
        '--grpc_channel_arguments=grpc.max_concurrent_streams=5,grpc.primary_user_agent=me',
        '--tensorflow_session_parallelism=2', '--tensorflow_inter_op_parallelism=1')
    assert (given.grpc_calls, given.rest_threads, given.rest_timeout_seconds) == (1, 3, 0.3)
    assert (given.retry_interval_seconds, given.warm_up_iterations, given.tags) == (1.5, 0, ('serve', 'gpu'))
    assert given.grpc_options == (('grpc.max_concurrent_streams', 5), ('grpc.primary_user_agent', 'me'))
    assert given.session_threads == (2, 1)


def test_batching_file(tmp_path):
    path = tmp_path / 'batching.config'
    path.write_text('max_batch_size { value: 8 }\nbatch_timeout_micros { value: 0 }\nallowed_batch_sizes: 4\n'
                    'allowed_batch_sizes: 8\npad_variable_length_inputs: true\nthread_pool_name { value: "p" }\n'
                    'enable_large_batch_splitting { value: true }\nmax_execution_batch_size { value: 8 }\n')
    assert configuration.read_batching(path) == batching.BatchingParameters(
        max_batch_size=8, batch_timeout_micros=0, allowed_batch_sizes=(4, 8), pad_variable_length_inputs=True,
        enable_large_batch_splitting=True, max_execution_batch_size=8)
    assert configuration.read_batching(None) == batching.BatchingParameters()


@pytest.mark.parametrize('text, path', [
    ('prometheus_config { enable: true path: "/m" }', '/m'), ('prometheus_config { enable: true }',
                                                             '/monitoring/prometheus/metrics'),
    ('prometheus_config { path: "/m" }', None), ('', None)])
def test_monitoring_file(tmp_path, text, path):
    (tmp_path / 'monitoring.config').write_text(text)
    assert configuration.read_monitoring(tmp_path / 'monitoring.config') == path


@pytest.mark.parametrize('read', [configuration.read_models, configuration.read_batching,
                                  configuration.read_monitoring])
def test_a_file_that_does_not_parse_is_named_with_the_place(tmp_path, read):
    path = tmp_path / 'a.config'
    path.write_text('nme: 3\n')
    with pytest.raises(errors.ServingError, match=f"INVALID_ARGUMENT: Invalid protobuf file: '{path}' .1:1.*nme"):
        read(path)
    path.write_bytes(b'\xff\xfe')
    with pytest.raises(errors.ServingError, match='INVALID_ARGUMENT: Invalid protobuf file'):
        read(path)
    with pytest.raises(errors.ServingError, match=r'NOT_FOUND: .*b\.config; No such file'):
        read(tmp_path / 'b.config')


def run(*arguments):
    """Runs the command, which is to end by itself."""
    return subprocess.run([sys.executable, '-m', 'stylegan_serving.local_server', *arguments], capture_output=True,
                          text=True, timeout=100, check=False,
                          env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})


@pytest.mark.parametrize('arguments, text', [
    ('--nope=1', "Unknown command line flag 'nope'"), ('--port=x', '--port'), ('stray --model_base_path=m', 'stray'),
    ('', 'Received: neither'), ('--model_base_path=m --model_config_file=f', 'Received: both'),
    ('--model_base_path=m --ssl_config_file=f', 'a proxy that speaks TLS')])
def test_bad_usage_is_one_line(arguments, text):
    ended = run(*arguments.split())
    assert ended.returncode == commands.BAD_USAGE
    assert text in ended.stderr and ended.stderr.count('\n') == 1


def test_help_imports_no_tensorflow():
    probe = ('import sys; sys.argv = ["local_server", "--help"]; import runpy\n'
             'try: runpy.run_module("stylegan_serving.local_server", run_name="__main__")\n'
             'except SystemExit: print("imported", "tensorflow" in sys.modules, "grpc" in sys.modules)')
    ended = subprocess.run([sys.executable, '-c', probe], capture_output=True, text=True, timeout=60, check=True,
                           env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
    assert '--rest_api_port' in ended.stdout and 'imported False False' in ended.stdout


def test_flags_without_effect_are_taken_with_a_note(capsys):
    main._check(values('--model_base_path=m', '--enable_profiler=true', '--prefer_tflite_model=false'))
    assert capsys.readouterr().err == 'Note: --enable_profiler has no effect on the local server.\n'


def test_missing_packages_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(main, '_PACKAGES', ('grpc', 'no_such_package'))
    with pytest.raises(commands.UsageError, match=r"no_such_package .* pip install 'stylegan-tf\[serving\]'"):
        main._check_packages()
