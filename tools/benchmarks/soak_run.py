"""One run of a soak: a server, clients that mix good and bad requests, and what happens between."""

import collections
import itertools
import statistics
import threading
import time

import numpy as np
from benchmarks import server_process

MAX_BODY_BYTES = 4 << 20
PATIENCE_SECONDS = 120
WARM_UP_SHARE = 0.3  # of a version's time
BATCHING_PARAMETERS = '''max_batch_size { value: 8 }
batch_timeout_micros { value: 1000 }
max_enqueued_batches { value: 100 }
num_batch_threads { value: 2 }
allowed_batch_sizes: 4
allowed_batch_sizes: 8
'''


class Soak:
    """One run: a server, clients, and the events between.

    Args:
        folder: An empty folder.
        requests: Number of requests.
        versions: Number of versions.
        clients: Number of clients.
    """

    def __init__(self, folder, requests, versions, clients):
        from benchmarks import tiny_model

        generator = np.random.default_rng(0)
        self._files = [_picture(generator) for _ in range(12)]
        base = folder / 'tiny'
        base.mkdir()
        self._versions = [tiny_model.Version(base, number, self._files) for number in range(1, versions + 1)]
        self._versions[0].publish()
        parameters = folder / 'batching.config'
        parameters.write_text(BATCHING_PARAMETERS)
        self._server = server_process.ServerProcess(
            ['--model_name=tiny', f'--model_base_path={base}', '--file_system_poll_wait_seconds=1', '--enable_batching',
             f'--batching_parameters_file={parameters}', f'--max_request_bytes={MAX_BODY_BYTES}',
             '--grpc_max_threads=64'], folder / 'server.log')
        self._count, self._clients = requests, clients
        self._next, self._limit, self._lock = 0, 0, threading.Lock()
        self._oldest = self._newest = 1
        self._phase, self._memory = 'version 1', collections.defaultdict(list)
        self._retries = collections.Counter()
        self._wrong, self._lost, self._latencies = [], [], collections.defaultdict(list)
        self._is_over = threading.Event()

    def run(self):
        """Sends everything; returns the report, a dict."""
        self._server.start()
        start = time.perf_counter()
        try:
            watcher = threading.Thread(target=self._watch_memory, daemon=True)
            workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._clients)]
            for thread in (watcher, *workers):
                thread.start()
            self._events()
            for worker in workers:
                worker.join()
            self._is_over.set()
            watcher.join()
        finally:
            self._is_over.set()
            exit_code = self._server.stop()
        return self._report(time.perf_counter() - start, exit_code)

    def _events(self):
        """Versions at even distances, and a restart in the middle; requests go on meanwhile."""
        distance = self._count / len(self._versions)
        events = [(distance * place, lambda version=version: self._follow(version))
                  for place, version in enumerate(self._versions) if place]
        events.append((self._count / 2 + distance / 2 * (len(self._versions) % 2 == 0), self._restart))
        events.sort(key=lambda pair: pair[0])
        self._limit = events[0][0]
        for (number, event), (following, _) in itertools.pairwise([*events, (self._count, None)]):
            while self._next < number:
                time.sleep(0.01)
            self._limit = (number + following) / 2  # some requests during the event, some after it
            event()
            self._limit = following

    def _follow(self, version):
        """Publishes a version and waits until the one before is gone."""
        client = self._client()
        self._phase, self._newest = None, version.number
        version.publish()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            states = client.versions()
            if states.get(version.number) == 'AVAILABLE' and 'AVAILABLE' not in (
                    state for number, state in states.items() if number != version.number):
                break
            time.sleep(0.05)
        else:
            self._wrong.append(f'version {version.number} did not follow: {states}')
        client.close()
        self._oldest, self._phase = version.number, f'version {version.number}'

    def _restart(self):
        self._phase = None
        self._server.stop()
        self._server.start()
        self._phase = f'version {self._newest}, restarted'

    def _client(self):
        from benchmarks import soak_requests

        return soak_requests.Client(self._server.grpc_port, self._server.rest_port, self._files, self._is_expected,
                                    MAX_BODY_BYTES)

    def _is_expected(self, file, answer, version, oldest):
        numbers = range(oldest, self._newest + 1) if version is None else [version]
        return oldest <= numbers[0] and any(self._versions[number - 1].expected[file] == answer for number in numbers)

    def _work(self):
        from benchmarks import soak_requests

        client = self._client()
        while True:
            with self._lock:
                number, self._next = self._next, self._next + 1
            if number >= self._count:
                return client.close()
            while number >= self._limit and not self._is_over.is_set():
                time.sleep(0.005)
            kind, start = soak_requests.kind_of(number), time.monotonic()
            while True:
                try:
                    client.send(number, self._oldest)
                except soak_requests.UnansweredError as error:
                    if time.monotonic() - start < PATIENCE_SECONDS:
                        with self._lock:
                            self._retries[str(error)] += 1
                        time.sleep(0.1)
                        continue
                    self._lost.append(f'{number} {kind}: {error}')
                except soak_requests.WrongAnswerError as error:
                    self._wrong.append(f'{number} {kind}: {error}')
                break
            with self._lock:
                self._latencies[kind].append(time.monotonic() - start)

    def _watch_memory(self):
        while not self._is_over.wait(0.1):
            phase = self._phase
            if phase:
                self._memory[phase].append(self._server.resident_bytes())

    def _report(self, seconds, exit_code):
        kinds = {}
        for kind, latencies in sorted(self._latencies.items()):
            ordered = sorted(latencies)
            kinds[kind] = {'requests': len(ordered), **{
                f'p{percent}_ms': round(1000 * ordered[(len(ordered) - 1) * percent // 100], 1)
                for percent in (50, 95, 100)}}
        return {'requests': self._count, 'seconds': round(seconds, 1), 'clients': self._clients, 'kinds': kinds,
                'retries': dict(self._retries), 'lost': self._lost, 'wrong': self._wrong,
                'memory': growth(self._memory), 'exit_code': exit_code}


def growth(phases):
    """How memory grew, once warm: within the time of a version, and from one version to the next of a process.

    Args:
        phases: Dict name -> samples of the memory in bytes, in order of time; a name with 'restarted' begins a process.
    Returns:
        Dict of megabytes at the start and the end of each phase's warm time, and the largest growth as a share. The
        first version of a process is left out of the steps between versions: the first swap makes room for two.
    """
    rows, largest, process = {}, 0.0, []
    for name, samples in phases.items():
        warm = samples[int(len(samples) * WARM_UP_SHARE):]
        third = max(1, len(warm) // 3)
        first, last = statistics.median(warm[:third]), statistics.median(warm[-third:])
        process = [last] if 'restarted' in name else [*process, last]
        step = last / process[-2] - 1 if len(process) > 2 else 0.0
        rows[name] = {'first_mb': round(first / 1e6, 1), 'last_mb': round(last / 1e6, 1),
                      'growth': round(last / first - 1, 4), 'growth_from_version_before': round(step, 4)}
        largest = max(largest, last / first - 1, step)
    return {'versions': rows, 'largest_growth': round(largest, 4)}


def _picture(generator):
    from stylegan_tf import images

    return images.encode(generator.integers(0, 256, (24, 20, 3), np.uint8))
