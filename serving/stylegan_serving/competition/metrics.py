"""Counters for Prometheus: requests as they come, and the platform's state whenever it is asked."""

import prometheus_client
from prometheus_client.core import GaugeMetricFamily

_PREFIX = 'stylegan_competition'


class Metrics:
    """The counters of one application; several applications in a process share nothing.

    Args:
        statistics: Function -> dict of name -> number, None (left out) or {kind: number}: what the store counts.
    """

    content_type = prometheus_client.CONTENT_TYPE_LATEST

    def __init__(self, statistics):
        self._registry = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            f'{_PREFIX}_requests', 'HTTP requests.', ('method', 'route', 'status'), registry=self._registry)
        self._seconds = prometheus_client.Histogram(
            f'{_PREFIX}_request_seconds', 'Time to answer.', ('route',), registry=self._registry,
            buckets=(.005, .01, .025, .05, .1, .2, .5, 1, 2, 5, 10))
        self._streams = prometheus_client.Gauge(
            f'{_PREFIX}_event_streams', 'Open event streams.', registry=self._registry)
        self._registry.register(_StoreCollector(statistics))

    def observe(self, method, route, status, seconds):
        """Counts one answered request."""
        self._requests.labels(method, route, status).inc()
        # An event stream's length says nothing about how fast answers come.
        if not route.endswith('/events'):
            self._seconds.labels(route).observe(seconds)

    def set_streams(self, count):
        """How many event streams are open now."""
        self._streams.set(count)

    def text(self):
        """All of it in Prometheus' text format, bytes."""
        return prometheus_client.generate_latest(self._registry)


class _StoreCollector:
    def __init__(self, statistics):
        self._statistics = statistics

    def describe(self):
        return ()  # so that registering asks no database

    def collect(self):
        for name, value in self._statistics().items():
            if value is None:
                continue
            if isinstance(value, dict):
                family = GaugeMetricFamily(f'{_PREFIX}_{name}', _described(name), labels=('kind',))
                for label, number in value.items():
                    family.add_metric((str(label),), number)
            else:
                family = GaugeMetricFamily(f'{_PREFIX}_{name}', _described(name), value=value)
            yield family


def _described(name):
    return name.replace('_', ' ').capitalize() + '.'
