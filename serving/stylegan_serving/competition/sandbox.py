"""Runs a stranger's model where it can do nothing but compute: bubblewrap, and a parent that watches.

Inside there is no network, no other process, a read-only system without anybody's home, an empty /tmp and one folder
to write to. The parent looks ten times a second at time, CPU time, memory, processes and what was written, and kills
everything at the first excess. Where bubblewrap cannot build that, nothing is run: `check` says why.
"""

import dataclasses
import functools
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

PROGRAM = 'bwrap'
_LOOKS_PER_SECOND = 10
_TICKS = os.sysconf('SC_CLK_TCK')
_PAGE_BYTES = os.sysconf('SC_PAGE_SIZE')
_LOG_BYTES = 1 << 16  # of what a program printed that are kept
_NOBODY = '65534'
# Fails unless the walls stand; run inside by `check`.
_PROBE = '''
import os, socket, sys
problems = []
for family, address in ((socket.AF_INET, ('127.0.0.1', 9)), (socket.AF_INET, ('192.0.2.1', 9))):
    probe = socket.socket(family, socket.SOCK_DGRAM)
    try:
        probe.connect(address)
        if address[0] != '127.0.0.1':
            problems.append('a network is reachable')
    except OSError:
        pass
problems += [path + ' can be written' for path in ('/', '/usr', '/etc', sys.prefix, '/proc/sys/kernel/hostname')
             if os.access(path, os.W_OK)]
processes = [name for name in os.listdir('/proc') if name.isdigit()]
if len(processes) > 3:
    problems.append('other processes are visible')
if os.path.exists('/home') or os.path.exists(sys.argv[1]):
    problems.append('files of others are visible')
print('; '.join(problems) or 'walls stand')
'''


class SandboxUnavailable(RuntimeError):  # noqa: N818
    """No sandbox works on this machine; models of participants must not be run."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a sandboxed program may use."""

    seconds: float = 600.0
    cpu_seconds: float = 1200.0
    memory_bytes: int = 6 << 30  # resident, of all its processes
    processes: int = 512  # and threads
    output_bytes: int = 1 << 30


@dataclasses.dataclass(frozen=True)
class Run:
    """How a sandboxed program ended.

    Attributes:
        exit_code: Its own, or None where it was killed.
        stopped_by: '' or which limit it passed: 'time', 'cpu', 'memory', 'processes', 'output', 'cancelled'.
        seconds, cpu_seconds, peak_bytes: What it used.
        log: The last of what it printed; for organisers, not for participants.
    """

    exit_code: int | None
    stopped_by: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    log: str


@functools.cache
def check():
    """Makes sure that a sandbox works here; once a process.

    Raises:
        SandboxUnavailable: It does not; the message says what is missing.
    """
    if not shutil.which(PROGRAM):
        raise SandboxUnavailable(f'{PROGRAM} is not installed: models of participants are not run. Install bubblewrap.')
    marker = pathlib.Path(__file__).resolve()
    try:
        finished = subprocess.run([*_walls({}, None), sys.executable, '-I', '-c', _PROBE, str(marker)],
                                  capture_output=True, text=True, timeout=60, env={}, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxUnavailable(f'{PROGRAM} cannot be run ({error}): models of participants are not run.') from error
    told = finished.stdout.strip()
    if finished.returncode or told != 'walls stand':
        reason = ' '.join((told or finished.stderr).split())[-300:]
        raise SandboxUnavailable(f'The sandbox does not hold on this machine ({reason}): models of participants are '
                                 'not run. User namespaces may be switched off; see docs/competition.md.')


def run(command, *, readable=None, output=None, limits=Limits(), is_cancelled=None):
    """Runs a Python program in the sandbox and waits for it.

    Args:
        command: Arguments after the interpreter, such as ['/program.py', '/model'].
        readable: {path inside: path outside} of files and folders it may read.
        output: Folder it may write to, inside /output; None for none.
        limits: Limits.
        is_cancelled: Function without arguments asked ten times a second; true stops the program.
    Returns:
        Run.
    Raises:
        SandboxUnavailable: As `check`.
    """
    check()
    if output is not None:
        pathlib.Path(output).mkdir(parents=True, exist_ok=True)
    arguments = [*_walls(readable or {}, output), sys.executable, '-I', *map(str, command)]
    reader, writer = os.pipe()
    with open(reader, 'rb', buffering=0) as log:
        try:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, env={},
                                       start_new_session=True, preexec_fn=functools.partial(_limit, limits))
        finally:
            os.close(writer)
        os.set_blocking(reader, False)
        return _watch(process, log, output, limits, is_cancelled or (lambda: False))


def _limit(limits):
    """Second fences of the kernel's own, in case the parent dies."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(limits.cpu_seconds) + 5,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _walls(readable, output):
    """The command line of bubblewrap up to the program."""
    # /proc is read-only, because the kernel's settings there obey the user who started the worker if that is root.
    walls = [shutil.which(PROGRAM) or PROGRAM, '--unshare-all', '--unshare-user', '--disable-userns',
             '--uid', _NOBODY, '--gid', _NOBODY, '--cap-drop', 'ALL', '--die-with-parent', '--new-session',
             '--clearenv', '--hostname', 'sandbox', '--proc', '/proc', '--remount-ro', '/proc', '--dev', '/dev',
             '--size', str(256 << 20), '--tmpfs', '/tmp']
    for folder in ('/usr', '/lib', '/lib64', '/lib32', '/bin', '/etc/ld.so.cache', '/etc/alternatives'):
        if os.path.islink(folder):
            walls += ['--symlink', os.readlink(folder), folder]
        elif os.path.exists(folder):
            walls += ['--ro-bind', folder, folder]
    for folder in dict.fromkeys(map(os.path.realpath, (sys.base_prefix, sys.prefix))):
        if not folder.startswith(('/usr', '/lib')) or not os.path.exists('/usr'):
            walls += ['--ro-bind', folder, folder]
    for name, value in (('HOME', '/tmp'), ('PATH', '/usr/bin:/bin'), ('LANG', 'C.UTF-8'), ('TF_CPP_MIN_LOG_LEVEL', '2'),
                        ('PYTHONDONTWRITEBYTECODE', '1'), ('CUDA_VISIBLE_DEVICES', '-1')):
        walls += ['--setenv', name, value]
    for inside, outside in readable.items():
        walls += ['--ro-bind', os.path.realpath(outside), inside]
    if output is not None:
        walls += ['--bind', os.path.realpath(output), '/output', '--chdir', '/output']
    # Last, so that not even an empty folder can be made beside the mounts.
    return [*walls, '--remount-ro', '/']


def _watch(process, log, output, limits, is_cancelled):
    start, cpu, peak, text, stopped_by = time.monotonic(), 0.0, 0, b'', ''
    while process.poll() is None and not stopped_by:
        time.sleep(1 / _LOOKS_PER_SECOND)
        used = _usage(process.pid)
        cpu, peak = max(cpu, used.cpu_seconds), max(peak, used.memory_bytes)
        text = (text + (log.read(1 << 20) or b''))[-_LOG_BYTES:]
        passed = (('time', time.monotonic() - start > limits.seconds), ('cpu', cpu > limits.cpu_seconds),
                  ('memory', used.memory_bytes > limits.memory_bytes), ('processes', used.processes > limits.processes),
                  ('output', _written(output) > limits.output_bytes), ('cancelled', is_cancelled()))
        stopped_by = next((name for name, is_passed in passed if is_passed), '')
    if stopped_by:
        # The first process of its namespace: with it the kernel ends all others.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    text = (text + (log.read(1 << 20) or b''))[-_LOG_BYTES:]
    if not stopped_by and _written(output) > limits.output_bytes:
        stopped_by = 'output'
    if process.returncode in (128 + signal.SIGXCPU, -signal.SIGXCPU):
        stopped_by = stopped_by or 'cpu'
    return Run(None if stopped_by else process.returncode, stopped_by, time.monotonic() - start, cpu, peak,
               text.decode('utf-8', 'replace'))


@dataclasses.dataclass
class _Usage:
    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    processes: int = 0


def _usage(root):
    """What a process and all its descendants use now; those that end meanwhile count nothing."""
    used, waiting = _Usage(), [root]
    while waiting:
        folder = pathlib.Path('/proc', str(waiting.pop()))
        try:
            fields = (folder / 'stat').read_text().rpartition(')')[2].split()
            # After the name: utime, stime, and those of ended children; threads; resident pages.
            used.cpu_seconds += sum(map(int, fields[11:15])) / _TICKS
            used.processes += int(fields[17])
            used.memory_bytes += int(fields[21]) * _PAGE_BYTES
            for task in (folder / 'task').iterdir():
                waiting += (task / 'children').read_text().split()
        except (OSError, IndexError, ValueError):
            continue
    return used


def _written(folder):
    """Bytes of all files below a folder, links not followed."""
    total = 0
    for place, _, names in os.walk(folder) if folder is not None else ():
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total
