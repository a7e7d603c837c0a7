"""The golden record of TensorFlow Serving, replayed against the local server and, where there is one, a real server.

TF_SERVING_GRPC=host:port and TF_SERVING_REST=http://host:port name a real server that serves the fixture models with
the flags of `main` in the record; a `tensorflow_model_server` on PATH is started with all recorded flags.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from stylegan_tf import cores
from tests.serving import golden_record, server_process

# Scenarios of one row run one after another; rows beside each other: some mostly wait for polls and retries.
ROWS = (('main', 'limits', 'batching'), ('life', 'labels'), ('retries',))
# 20 calls meet 4 threads for each core; the record was made on two.
DEPENDS_ON_CORES = {'limits.grpc_threads.default'} if cores.available() != 2 else set()
# Two operations refuse an empty vector, and threads decide which is told: the one on record or this other one.
DEPENDS_ON_THREADS = {'predict.batch_zero.col', 'predict.inputs_empty'}
OTHER_REFUSAL = 'Invalid reduction dimension (1 for input with 1 dimension(s)'
# Texts of gRPC's own and a crash, in which another build of the real server may differ from the recorded one.
DEPENDS_ON_BUILD = {'limits.grpc_threads.default', 'limits.grpc_threads.two', 'limits.tensor_content.rest',
                    'limits.tensor_content.rest.process', 'prometheus.metrics'}


def is_other_refusal(identifier, told):
    """Whether a difference is only which of two failing operations was told."""
    return identifier in DEPENDS_ON_THREADS and OTHER_REFUSAL in str(told)


def compared(capsys, monkeypatch, *arguments):
    """Ids that differ -> what `check.py` says, and how many exchanges it compared."""
    monkeypatch.setattr(sys, 'argv', ['check.py', *arguments])
    golden_record.checker().main()
    lines = capsys.readouterr().out.splitlines()
    differing = {line.split()[1]: line for line in lines if line.startswith('DIFFERS')}
    return differing, int(lines[-1].split()[0])


@pytest.fixture(scope='module')
def main_server(local_server, golden_models, tmp_path_factory):
    """A local server with the models and flags of the recorded server `main`."""
    flags = golden_record.server_flags('main', golden_models, tmp_path_factory.mktemp('main'))
    with local_server(*flags) as server:
        yield server


def test_single_exchanges_agree_with_the_record(main_server, capsys, monkeypatch):
    addresses = ['--rest', main_server.rest, '--grpc', main_server.grpc]
    differing, count = compared(capsys, monkeypatch, *addresses)
    listed = golden_record.listed_differences()
    assert count == 323
    assert [line for identifier, line in differing.items()
            if identifier not in listed and not is_other_refusal(identifier, line)] == []
    only = '|'.join(f'^{re.escape(identifier)}$' for identifier in listed)
    still, of_them = compared(capsys, monkeypatch, *addresses, '--only', only)
    assert len(still) == of_them, 'serving/local_server_differences.md lists differences that there are not'


def test_the_listed_differences_are_exchanges_of_the_record():
    assert golden_record.listed_differences() - golden_record.read().keys() == set()


def test_the_record_agrees_with_itself_and_not_with_an_altered_one():
    record = golden_record.read()
    assert len(record) == 555
    assert {identifier for identifier, exchange in record.items()
            if golden_record.differences(exchange, exchange)} == set()
    for altered, part in (('status.model', {'status': 404}), ('predict.row.bare', {'text': '{}', 'json': {}}),
                          ('status.model', {'headers': []}), ('http.keepalive.4', {'status': 200}),
                          ('http.accept_encoding_gzip.large', {'sha256': '0'}),
                          ('grpc.predict.default', {'message': {}}), ('grpc.predict.last_dim', {'details': 'no'}),
                          ('grpc.predict.last_dim', {'code': 'UNKNOWN'}), ('start.corrupt_only', {'observed': {}}),
                          ('prometheus.metrics', {'serving_series_without_buckets': []})):
        exchange = record[altered]
        assert golden_record.differences(exchange, {'response': {**exchange['response'], **part}}), altered


class Replay:
    """Runs `record.py` against a server program; a row of scenarios at a time, rows beside each other."""

    def __init__(self, program, models, folder, rows):
        self.logs, self.outputs, self.processes = {}, {}, {}
        for row in rows:
            name = '_'.join(row)
            self.logs[row], self.outputs[row] = folder / f'{name}.log', folder / f'{name}.jsonl'
            words = [sys.executable, golden_record.GOLDEN / 'record.py', '--server', program, '--models', models,
                     '--work', folder / name, '--out', self.outputs[row], '--port', server_process.free_ports(2), *row]
            with open(self.logs[row], 'w') as log:
                self.processes[row] = subprocess.Popen(
                    list(map(str, words)), stdout=log, stderr=log, env=server_process.environment(),
                    start_new_session=True)

    def exchanges(self, row):
        """Dict id -> exchange of a row, once it is over."""
        code = self.processes[row].wait(600)
        assert code == 0, self.logs[row].read_text()[-4000:]
        return golden_record.read(self.outputs[row])

    def stop(self):
        """Ends what still runs, servers included."""
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.wait()


@pytest.fixture(scope='module')
def local_replay(golden_models, tmp_path_factory):
    """The whole record, sent to local servers."""
    folder = tmp_path_factory.mktemp('replay')
    program = folder / 'local_server.sh'
    program.write_text(f'#!/bin/sh\nexec {shlex.join(server_process.LOCAL_SERVER)} "$@"\n')
    program.chmod(0o755)
    replay = Replay(program, golden_models, folder, ROWS)
    yield replay
    replay.stop()


def ids_of(row):
    """Ids of the record that the scenarios of a row produce."""
    servers = {'main': 'main', 'limits': 'defaults|small|tensor_content|one_thread', 'batching': 'batching.*',
               'life': 'start_.*|versions|reload.*|config_poll', 'labels': 'labels_flag', 'retries': 'retry_.*'}
    pattern = '|'.join(servers[scenario] for scenario in row)
    return {identifier for identifier, exchange in golden_record.read().items()
            if re.fullmatch(pattern, exchange['server'])}


def test_every_exchange_belongs_to_a_row():
    assert sorted(identifier for row in ROWS for identifier in ids_of(row)) == sorted(golden_record.read())


def compare(row, exchanges, listed, may_differ):
    record = golden_record.read()
    assert exchanges.keys() == ids_of(row)
    differing = {identifier: golden_record.differences(record[identifier], exchange)
                 for identifier, exchange in exchanges.items()}
    assert {identifier: found for identifier, found in differing.items()
            if found and identifier not in listed | may_differ and not is_other_refusal(identifier, found)} == {}
    assert {identifier for identifier in listed & exchanges.keys() if not differing[identifier]} == set(), (
        'serving/local_server_differences.md lists differences that there are not')


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize('row', ROWS, ids='+'.join)
def test_all_exchanges_agree_with_the_record(local_replay, row):
    compare(row, local_replay.exchanges(row), golden_record.listed_differences(), DEPENDS_ON_CORES)


def test_a_real_server_that_runs_agrees_with_the_record(capsys, monkeypatch):
    grpc, rest = (os.environ.get(f'TF_SERVING_{transport}') for transport in ('GRPC', 'REST'))
    if not grpc and not rest:
        pytest.skip('no real server: TF_SERVING_GRPC and TF_SERVING_REST are not set')
    arguments = [word for name, address in (('--grpc', grpc), ('--rest', rest)) if address for word in (name, address)]
    differing, count = compared(capsys, monkeypatch, *arguments)
    assert count > 100 and differing == {}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize('row', ROWS, ids='+'.join)
def test_a_real_server_program_agrees_with_the_record(golden_models, tmp_path, row):
    program = shutil.which('tensorflow_model_server')
    if program is None:
        pytest.skip('no real server: tensorflow_model_server is not on PATH')
    replay = Replay(program, golden_models, tmp_path, [row])
    try:
        compare(row, replay.exchanges(row), set(), DEPENDS_ON_BUILD)
    finally:
        replay.stop()
