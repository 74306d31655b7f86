"""The ownership of the data folder: one process at a time has it, by a lock that ends with the process.

The kernel releases the lock when the owner ends, however it ends, so there is nothing to clean up
after a crash. The process id in the file is only for the message to a second process. A child
made by fork would hold the lock too; workers are spawned.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

LOCK_NAME = "owner.lock"


class AlreadyOwned(Exception):  # noqa: N818 - it is a state of the folder that the caller acts on
    """Another process owns the folder.

    Args:
        pid: the owner's process id; None if the owner has not written it yet.
    """

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"process {pid} owns this folder" if pid else "another process owns this folder")
        self.pid = pid


class FolderOwnership:
    """The ownership of a data folder, from `acquire` to `release` or to the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Become the owner of the folder, which is made if it is not there.

        Raises:
            AlreadyOwned: it has an owner already, in this process or another.
        """
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        except BlockingIOError:
            pid = os.read(descriptor, 20)
            os.close(descriptor)
            raise AlreadyOwned(int(pid) if pid.isdigit() else None) from None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give up the folder; a second call does nothing."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
