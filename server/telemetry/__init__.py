"""The reports of the server about itself: metrics for Prometheus, and traces for a collector of OpenTelemetry.

Nothing of it is imported or done unless a setting asks for it. Below here nobody knows the two libraries: the parts of
the server tell an `Observer` what they do.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.config import Settings
from server.observer import NOBODY, Observer, ObserverPair

if TYPE_CHECKING:
    from server.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The metrics and traces that the settings ask for.

    Attributes:
        observer: takes note of what the server does; `NOBODY` if the settings ask for nothing.
        metrics: the numbers; None if there is no listener for them.
    """

    observer: Observer
    metrics: "Metrics | None"


@asynccontextmanager
async def open_telemetry(settings: Settings) -> AsyncGenerator[Telemetry]:
    """Open what the settings ask for. When the block ends, the last spans are sent, for half a second at most."""
    metrics = None
    if settings.metrics_port:
        from server.telemetry.metrics import Metrics  # noqa: PLC0415 - the library is imported only if it is used

        metrics = Metrics()
    if not settings.traces_endpoint:
        yield Telemetry(metrics or NOBODY, metrics)
        return
    from server.telemetry.traces import Traces  # noqa: PLC0415 - as above

    traces = Traces(settings.traces_endpoint, settings.traces_sample, settings.ca_file)
    try:
        yield Telemetry(traces if metrics is None else ObserverPair(metrics, traces), metrics)
    finally:
        await traces.close()
