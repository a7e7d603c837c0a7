"""A server under test: a process with free ports, a log, and an end by SIGTERM."""

import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCAL_SERVER = (sys.executable, '-m', 'stylegan_serving.local_server')
# Below the ports that the system gives to outgoing connections, so that none of those takes one before the server does.
PORTS = range(20000, 32000)
running = []


def free_ports(count):
    """The first of `count` consecutive ports of 127.0.0.1 that nothing listens on."""
    for first in random.sample(PORTS[:-count], 200):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(('127.0.0.1', port))
            except OSError:
                continue
        return first
    raise AssertionError(f'expected {count} free ports in {PORTS}')


def environment():
    """Environment in which a Python process finds both packages of this checkout."""
    path = os.pathsep.join([str(ROOT), str(ROOT / 'serving')])
    return {**os.environ, 'PYTHONPATH': path, 'TF_CPP_MIN_LOG_LEVEL': '2'}


class ServerProcess:
    """A server on free ports of 127.0.0.1: `grpc` is 'host:port', `rest` is 'http://host:port'.

    Args:
        flags: Its flags, without those of the ports.
        log: Path of a file for what it prints.
        command: The words that start it, before the flags.
    """

    def __init__(self, flags, log, command=LOCAL_SERVER):
        self.grpc_port = free_ports(2)
        self.rest_port = self.grpc_port + 1
        self.grpc, self.rest = f'127.0.0.1:{self.grpc_port}', f'http://127.0.0.1:{self.rest_port}'
        self.command = [*command, f'--port={self.grpc_port}', f'--rest_api_port={self.rest_port}', *map(str, flags)]
        self.log_path = pathlib.Path(log)
        self.process = None

    def start(self, *, ready_seconds=240):
        """Starts it, on the same ports each time, and waits until both are open: its models are loaded then."""
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=environment())
        running.append(self)
        try:
            self._wait_until_ready(time.monotonic() + ready_seconds)
        except BaseException:
            self.stop(with_signal=signal.SIGKILL)
            raise
        return self

    def stop(self, *, with_signal=signal.SIGTERM, limit_seconds=30):
        """Ends it and returns its exit code; one that does not end in time is killed and fails the test."""
        if self in running:
            running.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'still running {limit_seconds} s after {with_signal!r}:\n{self.log()}') from None

    def log(self, characters=6000):
        """The end of what it printed."""
        return self.log_path.read_text(errors='replace')[-characters:]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _wait_until_ready(self, deadline):
        for port in (self.grpc_port, self.rest_port):
            while not _listens(port):
                assert self.process.poll() is None, f'it ended with {self.process.returncode}:\n{self.log()}'
                assert time.monotonic() < deadline, f'not ready in time:\n{self.log()}'
                time.sleep(0.05)


def _listens(port):
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(('127.0.0.1', port)) == 0
