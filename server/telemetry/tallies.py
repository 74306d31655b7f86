"""The numbers of the metrics that are counted when something happens. They are plain numbers until Prometheus asks.

Counting is a look-up and an addition: the library's own counters take a lock each time and look through all buckets,
which was most of the cost of the metrics. The event loop alone counts.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from server.telemetry.metric_table import Metric


class Tally:
    """A counter or a gauge: one number for each combination of its labels."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._values: dict[tuple[str, ...], float] = {} if metric.labels else {(): 0.0}

    def add(self, *labels: str, amount: float = 1) -> None:
        """Count something under these labels."""
        self._values[labels] = self._values.get(labels, 0.0) + amount

    def put(self, value: float, *labels: str) -> None:
        """Set the number under these labels."""
        self._values[labels] = value

    def make_family(self) -> Family:
        """Return the metric as Prometheus reads it."""
        metric = self._metric
        kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family = kind(metric.name, metric.meaning, labels=metric.labels)
        for labels, value in self._values.items():
            family.add_metric(labels, value)
        return family


class Spread:
    """A histogram: for each combination of its labels the number of times in each bucket, and their sum."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._bounds = metric.buckets
        self._names = [*map(str, metric.buckets), "+Inf"]
        # The numbers of all buckets, the last of which has no bound, and the sum of seconds at the end.
        self._values: dict[tuple[str, ...], list[float]] = {} if metric.labels else {(): self._make_series()}

    def add(self, seconds: float, *labels: str) -> None:
        """Count a time under these labels."""
        series = self._values.get(labels)
        if series is None:
            series = self._values[labels] = self._make_series()
        series[bisect_left(self._bounds, seconds)] += 1
        series[-1] += seconds

    def make_family(self) -> Family:
        """Return the metric as Prometheus reads it."""
        family = HistogramMetricFamily(self._metric.name, self._metric.meaning, labels=self._metric.labels)
        for labels, series in self._values.items():
            *counts, seconds = series
            family.add_metric(labels, list(zip(self._names, accumulate(counts), strict=True)), seconds)
        return family

    def _make_series(self) -> list[float]:
        return [0.0] * (len(self._names) + 1)


class Tallies(Collector):
    """The collector that the library asks for these numbers."""

    def __init__(self, tallies: Sequence[Tally | Spread]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Family]:
        """Yield the metrics as they are now."""
        for each in self._tallies:
            yield each.make_family()
