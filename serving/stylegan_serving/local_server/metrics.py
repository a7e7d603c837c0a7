"""What the server counts, as Prometheus text.

Two sorts of series. Those about requests that TensorFlow Serving has, under its names, which begin with a colon, with
its labels, units (microseconds) and buckets; dashboards made for it work here. And our own, `stylegan_serving_*`:
requests in flight, bytes, rows and padding of batches, rows that wait, versions that answer, anomaly scores.
"""

import bisect
import itertools
import math
import threading

import numpy as np
import prometheus_client
from prometheus_client.core import GaugeMetricFamily

SCORE_OUTPUT = 'anomaly_score'
ROWS_OF_SCORES = 1024  # of one answer that are counted
UNKNOWN_NAMES = 100
OTHER_NAMES = '(other)'
_TIMED = frozenset(('', 'predict', 'classify', 'regress', 'Predict', 'Classify', 'Regress'))

# Upper bounds of the original's histograms: a start, a factor, how many.
_MICROSECONDS = tuple(10 * 1.8**power for power in range(33))
_WAITS = tuple(100 * 1.2**power for power in range(52))
_EXAMPLES = tuple(2.**power for power in range(20))

# Fine enough that the share of scores above a threshold can be asked for whatever the threshold is.
_SCORES = (0.01, 0.02, *(step / 20 for step in range(1, 20)), 0.98, 0.99, 1, 2, 5, 10)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counts for one server; every method may be called from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._unknown_names = set()
        self._known_names = set()
        serving = ':tensorflow:serving:'
        self._requests = _Counter(f'{serving}request_count', ('model_name', 'status'))
        self._latency = _Histogram(f'{serving}request_latency', ('model_name', 'API', 'entrypoint'), _MICROSECONDS)
        self._runtime = _Histogram(f'{serving}runtime_latency', ('model_name', 'API', 'runtime'), _MICROSECONDS)
        self._examples = _Counter(f'{serving}request_example_count_total', ('model',))
        self._example_counts = _Histogram(f'{serving}request_example_counts', ('model',), _EXAMPLES)
        self._batches = _Counter(f'{serving}batching_session:wrapped_run_count', ())
        self._waits = _Histogram(f'{serving}batching_session:queuing_latency', ('thread_pool_name',), _WAITS)
        self._of_original = (self._requests, self._latency, self._runtime, self._examples, self._example_counts,
                             self._batches, self._waits)
        self._make_own()

    def _make_own(self):
        prometheus_client.disable_created_metrics()  # a series more for each counter, which nobody reads
        self._registry = registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=registry)
        own = {'namespace': 'stylegan_serving', 'registry': registry}
        self._in_flight = prometheus_client.Gauge(
            'requests_in_flight', 'Requests that are being answered', ['entrypoint'], **own)
        self._received = prometheus_client.Counter('received_bytes', 'Bytes of requests', ['entrypoint'], **own)
        self._sent = prometheus_client.Counter('sent_bytes', 'Bytes of answers', ['entrypoint'], **own)
        self._rows = prometheus_client.Counter('answered_rows', 'Rows of answers', ['model'], **own)
        self._scores = prometheus_client.Histogram(
            'anomaly_score', f'Values of the output {SCORE_OUTPUT}', ['model'], buckets=_SCORES, **own)
        self._batch_rows = prometheus_client.Histogram(
            'batch_rows', 'Rows of a batch that clients asked for', ['model'], buckets=_ROWS, **own)
        self._padding = prometheus_client.Counter(
            'batch_padding_rows', 'Rows that filled batches up to an allowed size', ['model'], **own)

    def request(self, model, api, entrypoint, status, seconds):
        """Counts an answered request.

        Args:
            model: The name that the client asked for, '' without one.
            api: 'Predict', 'Classify', ... of gRPC; 'predict', 'classify', 'regress' or '' of REST.
            entrypoint: 'GRPC' or 'REST'.
            status: Name of the gRPC status.
            seconds: From the request to its answer; recorded of successes only.
        """
        with self._lock:
            name = self._admitted(model, is_known=status == 'OK')
            self._requests.add(1, (name, status))
            if status == 'OK' and api in _TIMED:
                self._latency.add(seconds * 1e6, (name, api, entrypoint))

    def _admitted(self, model, is_known):
        """The name a model is counted under. A client may ask for any name, and each would stay for ever."""
        if model in self._known_names or model in self._unknown_names:
            return model
        if is_known:
            self._known_names.add(model)
        elif len(self._unknown_names) < UNKNOWN_NAMES:
            self._unknown_names.add(model)
        else:
            return OTHER_NAMES
        return model

    def run(self, model, api, seconds, outputs):
        """Counts a run of a graph, its rows and its anomaly scores.

        Args:
            model: The model's name.
            api: 'Predict', 'Classify' or 'Regress'.
            seconds: Waiting for a batch included.
            outputs: Dict output name -> array.
        """
        rows = max((len(array) for array in outputs.values() if array.ndim), default=0)
        with self._lock:
            self._runtime.add(seconds * 1e6, (model, api, 'TF1'))
            if api != 'Predict':
                self._examples.add(rows, (model,))
                self._example_counts.add(rows, (model,))
        self._rows.labels(model).inc(rows)
        if SCORE_OUTPUT in outputs and outputs[SCORE_OUTPUT].dtype.kind == 'f':
            histogram = self._scores.labels(model)
            for score in outputs[SCORE_OUTPUT].ravel()[:ROWS_OF_SCORES].tolist():
                if not math.isnan(score):
                    histogram.observe(score)

    def batch(self, servable, rows, padded_rows, waited_seconds):
        """Counts a batch that ran.

        Args:
            servable: Has the model's `name`.
            rows: Rows that were asked for.
            padded_rows: Rows that the graph saw.
            waited_seconds: Of each request, from its arrival until the batch ran.
        """
        with self._lock:
            self._batches.add(1, ())
            for seconds in waited_seconds:
                self._waits.add(seconds * 1e6, ('',))
        self._batch_rows.labels(servable.name).observe(rows)
        self._padding.labels(servable.name).inc(padded_rows - rows)

    def in_flight(self, entrypoint):
        """Context manager around the answering of one request; 'GRPC' or 'REST'."""
        return self._in_flight.labels(entrypoint).track_inprogress()

    def traffic(self, entrypoint, received_bytes, sent_bytes):
        """Counts the bytes of a request and of its answer."""
        self._received.labels(entrypoint).inc(received_bytes)
        self._sent.labels(entrypoint).inc(sent_bytes)

    def watch(self, catalog=None, scheduler=None):
        """Adds what is asked for when the page is: versions that answer, rows that wait.

        Args:
            catalog: `catalog.Catalog`, or None.
            scheduler: `batching.Scheduler`, or None.
        """
        self._registry.register(_Watched(catalog, scheduler))

    def render(self):
        """The page, bytes."""
        with self._lock:
            lines = list(itertools.chain.from_iterable(family.lines() for family in self._of_original))
        return ''.join(f'{line}\n' for line in lines).encode() + prometheus_client.generate_latest(self._registry)


class _Watched:
    """Gauges whose values others know."""

    def __init__(self, catalog, scheduler):
        self._catalog, self._scheduler = catalog, scheduler

    def collect(self):
        """Yields the metrics, as prometheus_client asks collectors to."""
        if self._catalog:
            family = GaugeMetricFamily('stylegan_serving_model_version_available', 'Versions that answer requests',
                                       labels=['model', 'version'])
            for model, version in self._catalog.available():
                family.add_metric([model, str(version)], 1)
            yield family
        if self._scheduler:
            yield GaugeMetricFamily('stylegan_serving_waiting_rows', 'Rows that wait for their batch to run',
                                    value=self._scheduler.waiting_rows())


class _Counter:
    """One of the original's counters. prometheus_client would add `_total` to the name."""

    def __init__(self, name, labels):
        self._name, self._labels, self._series = name, labels, {}

    def add(self, value, labels):
        self._series[labels] = self._series.get(labels, 0) + value

    def lines(self):
        yield f'# TYPE {self._name} counter'
        for labels, value in sorted(self._series.items()):
            yield f'{self._name}{{{_label_text(self._labels, labels)}}} {value}' if labels else f'{self._name} {value}'


class _Histogram:
    """One of the original's histograms."""

    def __init__(self, name, labels, bounds):
        self._name, self._labels, self._bounds, self._series = name, labels, bounds, {}

    def add(self, value, labels):
        if labels not in self._series:
            self._series[labels] = [np.zeros(len(self._bounds) + 1, np.int64), 0.]
        series = self._series[labels]
        series[0][bisect.bisect_left(self._bounds, value)] += 1
        series[1] += value

    def lines(self):
        yield f'# TYPE {self._name} histogram'
        bounds = [f'{bound:.6g}' for bound in self._bounds] + ['+Inf']
        for labels, (counts, total) in sorted(self._series.items()):
            text = _label_text(self._labels, labels)
            reached = np.cumsum(counts).tolist()
            for bound, count in zip(bounds, reached, strict=True):
                yield f'{self._name}_bucket{{{text},le="{bound}"}} {count}'
            yield f'{self._name}_sum{{{text}}} {total!r}'
            yield f'{self._name}_count{{{text}}} {reached[-1]}'


def _label_text(names, values):
    return ','.join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))


def _escaped(value):
    value = value.encode('utf-8', 'replace').decode()
    return value.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')
