"""Processor time that the audit and the metering add to a call through `/mcp`: servers with both, and with neither.

Half of the calls are recalls and half are fetches; every one is noted, counted and held against its plan. Of the rounds
the quieter half counts. Target: both together add at most 5 %.
"""

import json

from helpers.common import Figure
from observing import measure_added

PLANS = json.dumps({"most": {"monthly_requests": 100_000_000, "monthly_tokens": 100_000_000}})
METERED = {"LOCI_PLANS": PLANS, "LOCI_DEFAULT_PLAN": "most"}
MOST_PERCENT = 5.0


def measure(*, quick: bool) -> list[Figure]:
    rounds, calls = (40, 50) if quick else (160, 50)
    settings = {
        "neither": {"LOCI_AUDIT": "off"},
        "metering": {"LOCI_AUDIT": "off"} | METERED,
        "audit and metering": {"LOCI_AUDIT": "all"} | METERED,
    }
    micros, added = measure_added(settings, rounds, calls, "calls with audit and metering")
    return [
        Figure(
            f"{name} add to a call",
            f"{percent:+.1f} %",
            f"{rounds * calls} calls",
            f"without {micros:.0f} µs",
            f"≤ {MOST_PERCENT:.0f} %",
            percent <= MOST_PERCENT,
        )
        for name, percent in added.items()
    ]
