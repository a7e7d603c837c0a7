"""The local server as a process of a benchmark."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from stylegan_tf import commands

PACKAGES = ('grpc', 'grpc_health', 'httptools', 'prometheus_client', 'tensorflow_serving', 'uvicorn')  # [serving]
ROOT = pathlib.Path(__file__).resolve().parents[2]


class ServerProcess:
    """`python -m stylegan_serving.local_server` on free ports of 127.0.0.1, which it keeps over restarts.

    Args:
        flags: Its flags, without those of the ports.
        log: Path of a file for what it prints.
    """

    def __init__(self, flags, log):
        with socket.socket() as first, socket.socket() as second:
            first.bind(('127.0.0.1', 0))
            second.bind(('127.0.0.1', 0))
            self.grpc_port, self.rest_port = first.getsockname()[1], second.getsockname()[1]
        self.flags, self.log, self.process = list(flags), pathlib.Path(log), None

    def start(self):
        """Starts it and waits until both ports are open, which is when its models are loaded."""
        command = [sys.executable, '-m', 'stylegan_serving.local_server', f'--port={self.grpc_port}',
                   f'--rest_api_port={self.rest_port}', *self.flags]
        path = os.pathsep.join([str(ROOT), str(ROOT / 'serving'), os.environ.get('PYTHONPATH', '')])
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, 'PYTHONPATH': path})
        deadline = time.monotonic() + 120
        while not all(map(_listens, (self.grpc_port, self.rest_port))):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise commands.UsageError(f'The server did not start: {self.log.read_text(errors="replace")[-600:]}')
            time.sleep(0.05)

    def stop(self):
        """Ends it by SIGTERM, or by force when it does not drain within a minute; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def cpu_seconds(self):
        """CPU seconds it has used so far."""
        fields = pathlib.Path(f'/proc/{self.process.pid}/stat').read_text().rpartition(')')[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf('SC_CLK_TCK')

    def resident_bytes(self):
        """Memory it holds at this moment."""
        fields = pathlib.Path(f'/proc/{self.process.pid}/statm').read_text().split()
        return int(fields[1]) * os.sysconf('SC_PAGE_SIZE')


def _listens(port):
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(('127.0.0.1', port)) == 0
