"""The walls of the sandbox, tried from inside, and the limits that the parent holds."""

import os
import pathlib
import shutil
import socket
import threading
import time

import pytest

from stylegan_serving.competition import sandbox

needs_sandbox = pytest.mark.skipif(not shutil.which(sandbox.PROGRAM), reason='bubblewrap is not installed')


@pytest.fixture
def program(tmp_path):
    """Function that runs a Python text in the sandbox with /output."""
    def run(text, **limits):
        path = tmp_path / 'program.py'
        path.write_text(text)
        cancelled = limits.pop('is_cancelled', None)
        return sandbox.run(['/program.py'], readable={'/program.py': path}, output=tmp_path / 'output',
                           limits=sandbox.Limits(**{'seconds': 60, **limits}), is_cancelled=cancelled)

    return run


@needs_sandbox
def test_computes_and_writes_its_folder_alone(program, tmp_path):
    secret = tmp_path / 'secret'
    secret.write_text('x')
    finished = program(f'''
import os
open("/output/a", "w").write("done")
print(os.path.exists({str(secret)!r}), sorted(os.listdir("/")), os.getuid(), sorted(os.environ))
for path in ("/a", "/usr/a", "/etc/a", "/proc/sys/kernel/hostname", "/program.py"):
    try:
        open(path, "w")
        print("WROTE", path)
    except OSError:
        pass
''')
    assert finished.exit_code == 0 and finished.stopped_by == '', finished.log
    assert (tmp_path / 'output/a').read_text() == 'done'
    assert finished.log.startswith('False') and 'WROTE' not in finished.log and '65534' in finished.log
    assert 'home' not in finished.log and 'STYLEGAN' not in finished.log


@needs_sandbox
def test_no_network_not_even_this_machine(program):
    with socket.create_server(('127.0.0.1', 0)) as server:
        finished = program(f'''
import socket
for address in (("127.0.0.1", {server.getsockname()[1]}), ("192.0.2.1", 80)):
    try:
        socket.create_connection(address, 2)
        print("CONNECTED")
    except OSError as error:
        print(error)
''')
    assert finished.exit_code == 0 and 'CONNECTED' not in finished.log


@needs_sandbox
def test_sees_no_other_process_and_cannot_open_a_room_of_its_own(program):
    finished = program('''
import ctypes, os
print(len([n for n in os.listdir("/proc") if n.isdigit()]), "processes")
print("unshare", ctypes.CDLL(None).unshare(0x10000000))
''')
    assert '2 processes' in finished.log or '1 processes' in finished.log
    assert 'unshare -1' in finished.log


@needs_sandbox
@pytest.mark.parametrize('text, limits, stopped_by', [
    ('import time; time.sleep(60)', {'seconds': 1}, 'time'),
    ('while True: pass', {'cpu_seconds': 1}, 'cpu'),
    ('x = bytearray(400 << 20); x[::4096] = b"x" * len(x[::4096]); import time; time.sleep(30)',
     {'memory_bytes': 200 << 20}, 'memory'),
    ('import threading, time\nfor _ in range(200): threading.Thread(target=time.sleep, args=(30,)).start()',
     {'processes': 50}, 'processes'),
    ('import os\nfor n in range(10**6): open(f"/output/{n}", "wb").write(bytes(1 << 20))', {'output_bytes': 20 << 20},
     'output')])
def test_limits(program, text, limits, stopped_by):
    finished = program(text, **limits)
    assert (finished.stopped_by, finished.exit_code) == (stopped_by, None), finished.log
    assert finished.seconds < 50


@needs_sandbox
def test_a_fork_bomb_and_its_children_are_gone_afterwards(program):
    finished = program('import os, time\nfor _ in range(6):\n    os.fork()\ntime.sleep(1234.5)', processes=40)
    assert finished.stopped_by == 'processes'
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _left_over():
        time.sleep(0.1)
    assert not _left_over()


def _left_over():
    left = []
    for folder in pathlib.Path('/proc').iterdir():
        try:
            if folder.name.isdigit() and b'/program.py' in (folder / 'cmdline').read_bytes().split(b'\0'):
                left.append(folder.name)
        except OSError:
            continue
    return left


@needs_sandbox
def test_can_be_cancelled(program):
    asked = threading.Event()
    threading.Timer(0.5, asked.set).start()
    assert program('import time; time.sleep(60)', is_cancelled=asked.is_set).stopped_by == 'cancelled'


@needs_sandbox
def test_its_own_exit_code_and_words_come_back(program):
    finished = program('import sys; print("x" * 10**6); print("the end"); sys.exit(7)')
    assert finished.exit_code == 7 and finished.log.endswith('the end\n') and len(finished.log) <= 1 << 16


def test_refuses_where_no_sandbox_works(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, 'check', sandbox.check.__wrapped__)
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(sandbox.SandboxUnavailable, match='not installed'):
        sandbox.run(['-c', 'print()'])
    pretender = tmp_path / sandbox.PROGRAM
    # A program that builds no walls, as one whose options a kernel ignores.
    pretender.write_text('#!/bin/sh\nwhile [ "$1" != "/" ]; do shift; done; shift; exec "$@"\n')
    pretender.chmod(0o755)
    with pytest.raises(sandbox.SandboxUnavailable, match='does not hold'):
        sandbox.run(['-c', 'print()'])
    pretender.write_text('#!/bin/sh\necho no permission to make a namespace >&2; exit 1\n')
    with pytest.raises(sandbox.SandboxUnavailable, match='no permission'):
        sandbox.run(['-c', 'print()'])
    assert os.path.exists(pretender)
