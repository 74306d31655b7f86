"""The outermost and the innermost layers of Loci; docs/architecture.md has the picture.

Every process of ours imports this package first: the server, its engine processes, the commands and the tests. So the
libraries are told here, before any of them is imported, to report to nobody. docs/privacy.md promises it.
"""

import os

__version__ = "0.1.0"

#: Each variable stops a library from connecting to its vendor, or from writing outside the data folder.
SILENCED = {
    # Otherwise onnxruntime uploads usage data and keeps an id of this machine below ~/.cache. Its API can stop that
    # too, but only after the first upload has begun.
    "ORT_DISABLE_TELEMETRY": "1",
    # The client of the model hub; it is used by `model pull` alone.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",  # its second way of downloading, which keeps a cache and logs below ~/.cache
    "DO_NOT_TRACK": "1",
}
#: The variables of two libraries, which tell them where to send or write what. They may be set for other programs of
#: this machine; for metrics and traces only our own settings count.
FOREIGN = ("OTEL_", "PROMETHEUS_")
os.environ.update(SILENCED)
# The matrices of a recall are small: a second thread of numpy costs more than it saves, and spins while it waits.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
for _name in [each for each in os.environ if each.startswith(FOREIGN)]:
    del os.environ[_name]
