"""How long a step takes, told fairly: tracing and snapshots are left out."""

import collections
import statistics

WINDOW = 60  # recent steps
OUTLIER = 5.0  # times the median: such a step traced a new function


class Stopwatch:
    """Averages the recent steps, without those that traced.

    A device may work asynchronously, so that single steps end too early; `synchronised` spreads
    what was waited for over the steps since the last call.
    """

    def __init__(self):
        self._steps = collections.deque(maxlen=WINDOW)
        self._since = 0

    def add(self, seconds):
        """Notes one step."""
        self._steps.append(seconds)
        self._since += 1

    def synchronised(self, seconds):
        """Notes `seconds` of waiting for the device after the steps since the last call."""
        count = min(self._since, len(self._steps))
        for index in range(1, count + 1):
            self._steps[-index] += seconds / self._since
        self._since = 0

    @property
    def step_seconds(self):
        """Mean seconds of the recent steps; None before the first."""
        if not self._steps:
            return None
        usual = statistics.median(self._steps)
        return statistics.fmean(s for s in self._steps if s <= OUTLIER * usual)


class Waiting:
    """The share of their time that steps wait for data."""

    def __init__(self):
        self._seconds = self._waited = 0.0

    def add(self, seconds, waited):
        """Notes one step and how much of it was waiting, seconds."""
        self._seconds += seconds
        self._waited += waited

    def take(self):
        """Share of the steps since the last call, 0..1; None if there was none."""
        seconds, waited = self._seconds, self._waited
        self._seconds = self._waited = 0.0
        return min(1.0, waited / seconds) if seconds else None
