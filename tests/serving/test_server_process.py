"""The servers that tests start: ports, readiness, logs, ends."""

import sys

import pytest

from tests.serving import server_process

LISTENER = '''
import socketserver, sys, threading
ports = [int(word.split('=')[1]) for word in sys.argv[1:3]]
print('listens', flush=True)
for port in ports:
    server = socketserver.TCPServer(('127.0.0.1', port), socketserver.BaseRequestHandler)
    threading.Thread(target=server.serve_forever).start()
'''


def process_of(code, tmp_path):
    return server_process.ServerProcess([], tmp_path / 'log', command=(sys.executable, '-c', code))


def test_it_is_ready_when_started_and_gone_when_stopped(tmp_path):
    with process_of(LISTENER, tmp_path) as server:
        assert server in server_process.running and server.log() == 'listens\n'
    assert server not in server_process.running and server.process.returncode == -15


def test_one_that_ends_at_once_fails_the_test_with_its_log(tmp_path):
    with pytest.raises(AssertionError, match=r'ended with 3:\nwhy it ended'):
        process_of('import sys; print("why it ended", flush=True); sys.exit(3)', tmp_path).start()


def test_one_that_does_not_listen_in_time_is_killed_and_fails_the_test(tmp_path):
    server = process_of('import time; print("no ports", flush=True); time.sleep(60)', tmp_path)
    with pytest.raises(AssertionError, match='not ready in time:\nno ports'):
        server.start(ready_seconds=1)
    assert server.process.returncode == -9


def test_one_that_does_not_end_in_time_is_killed_and_fails_the_test(tmp_path):
    server = process_of('import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)' + LISTENER, tmp_path).start()
    with pytest.raises(AssertionError, match='still running'):
        server.stop(limit_seconds=0.5)
    assert server.process.returncode == -9


def test_free_ports_follow_each_other(free_port):
    assert 20000 <= free_port() < 32000
    assert server_process.free_ports(3) + 2 < 32000
