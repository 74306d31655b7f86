"""A bound on the processor time of a process, by a control group of Linux. Needs the rights to make one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 20_000
_numbers = count()


def can_bound() -> bool:
    """Whether this process may make control groups that bound processor time."""
    parent = _find_parent()
    return parent is not None and os.access(parent, os.W_OK)


@contextmanager
def bound_process(pid: int, share: float) -> Iterator[None]:
    """Have a process use at most this share of one processor, its later threads too, until the block ends."""
    parent = _find_parent()
    assert parent is not None
    group = parent / f"loci-bench-{os.getpid()}-{next(_numbers)}"
    group.mkdir()
    try:
        quota = round(share * PERIOD_US)
        if parent == ROOT:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        if Path(f"/proc/{pid}").exists():
            (parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def _find_parent() -> Path | None:
    """Return the folder in which groups with a bound can be made: of the second version, else of the first."""
    control = ROOT / "cgroup.subtree_control"
    if control.exists():
        return ROOT if "cpu" in control.read_text().split() else None
    first = ROOT / "cpu"
    return first if (first / "cpu.cfs_quota_us").exists() else None
