"""The table of our metrics: the name, the kind, the labels and the meaning of each.

docs/operations/README.md repeats it, and a test compares the two. No label has a value from a request or of the
record, such as a path, the name of a workspace or a user: each has a few known values.
"""

from dataclasses import dataclass
from typing import Literal

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A counter's name ends with `_total`; `buckets` are the bounds of a histogram, in seconds."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


#: These are counted when something happens.
COUNTED = (
    Metric(
        "loci_http_requests_total",
        "counter",
        ("method", "route", "status"),
        "HTTP requests, by the pattern of their route (`none`: no route) and the status of the answer "
        "(`abandoned`: the client went away).",
    ),
    Metric("loci_http_request_seconds", "histogram", ("route",), "The time from a request's head to its answer.", SLOW),
    Metric(
        "loci_mcp_calls_total",
        "counter",
        ("tool", "outcome"),
        "Calls over MCP, by tool (`unknown`: there is no such tool) and outcome: `ok`, `cancelled`, or the code of "
        "the refusal.",
    ),
    Metric(
        "loci_recall_stage_seconds",
        "histogram",
        ("stage",),
        "The time of a recall's stages: `embedding` of the question, `search` in a collection, `ranking`, and "
        "`whole`, from the question to the matches.",
        FAST,
    ),
    Metric(
        "loci_embedding_texts_total",
        "counter",
        ("kind",),
        "Texts that got vectors: `documents`, and each `question`, the remembered ones included.",
    ),
    Metric("loci_embedding_windows_total", "counter", (), "Windows of documents that got a vector."),
    Metric(
        "loci_embedding_seconds",
        "histogram",
        ("kind",),
        "The time of a call for vectors, the wait in the queue included.",
        SLOW,
    ),
    Metric("loci_embedding_failures_total", "counter", ("kind",), "Calls for vectors that failed or were too late."),
    Metric("loci_engine_call_seconds", "histogram", ("verb",), "The time of the search engine's calls.", FAST),
    Metric("loci_engine_failures_total", "counter", ("verb",), "Calls of the search engine that failed."),
    Metric(
        "loci_work_steps_total",
        "counter",
        ("work", "outcome"),
        "Steps of the background work: `ok`, `failed`, or `cancelled` because the server stops.",
    ),
    Metric(
        "loci_work_last_success_timestamp_seconds",
        "gauge",
        ("work",),
        "When a step of the background work last ended well in this process.",
    ),
    Metric(
        "loci_event_loop_lag_seconds",
        "histogram",
        (),
        "How much later than asked for the event loop wakes a task; it is asked twice a second.",
        (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    ),
)

#: These are read when Prometheus asks.
READ = (
    Metric(
        "loci_build_info",
        "gauge",
        ("version", "python", "record", "search"),
        "Always 1; the labels tell the versions, and the kind of the two stores.",
    ),
    Metric("loci_record_up", "gauge", (), "1 if the record (SQL) answers."),
    Metric("loci_record_connections", "gauge", (), "Connections to the record that are in use."),
    Metric("loci_record_connections_limit", "gauge", (), "The most connections to the record that there may be."),
    Metric(
        "loci_record_errors_total",
        "counter",
        ("kind",),
        "Errors of the record: `down`, `full` (its disk), `damaged`, or `other`.",
    ),
    Metric("loci_engine_up", "gauge", (), "1 if the search engine answers and can write."),
    Metric(
        "loci_engine_collections_open", "gauge", (), "Workspaces whose collection is known to be open in this process."
    ),
    Metric(
        "loci_projection_lag_revisions",
        "gauge",
        (),
        "Changes that are in the record and not yet in the search engine, of the workspaces open in this process.",
    ),
    Metric("loci_projection_workspaces_behind", "gauge", (), "Workspaces that have such changes."),
    Metric("loci_embedding_ready", "gauge", (), "1 if there are vectors now; at 0 recall ranks by keyword."),
    Metric("loci_embedding_queue", "gauge", (), "Calls that wait for vectors."),
    Metric("loci_access_queue", "gauge", (), "Memories whose recall is counted and not yet written; a second's worth."),
    Metric(
        "loci_runs",
        "gauge",
        ("state",),
        "Background runs that a command or a request has filed: `filed`, `running` and `failed`, in all processes.",
    ),
    Metric("loci_tick_due", "gauge", ("work",), "1 if work that is due at a set time waits for a process to begin it."),
    Metric("loci_tick_running", "gauge", ("work",), "1 if a process is doing such work now."),
    Metric(
        "loci_tick_failed_workspaces", "gauge", ("work",), "The workspaces in which such work failed the last time."
    ),
    Metric(
        "loci_tick_last_success_timestamp_seconds",
        "gauge",
        ("work",),
        "When such work last ended without a failure in any workspace.",
    ),
    Metric(
        "loci_logins_refused_total",
        "counter",
        ("reason",),
        "Logins that were refused: `wrong_password`, `too_many_tries`, or `upstream` (at a provider).",
    ),
    Metric("loci_rate_limited_requests_total", "counter", (), "Calls refused because of LOCI_RATE_LIMIT."),
    Metric(
        "loci_cache_hits_total",
        "counter",
        ("cache",),
        "The hits of a cache: `questions` (their vectors) and `principals` (verified bearers).",
    ),
    Metric("loci_cache_misses_total", "counter", ("cache",), "The misses of a cache."),
)

METRICS = {metric.name: metric for metric in (*COUNTED, *READ)}

#: Metrics of the process that prometheus_client makes, and which our dashboard and alerts may use.
PROCESS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
    "python_gc_collections_total",
    "python_gc_objects_collected_total",
    "python_gc_objects_uncollectable_total",
)
