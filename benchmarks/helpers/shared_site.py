"""A site whose servers and workers share a record and a search store."""

import os
import secrets
import sys
from dataclasses import dataclass, field

from helpers.common import Process, Site


@dataclass
class SharedSite(Site):
    """A site on a Qdrant server, and on the Postgres database that a URL names; without one, on a SQLite file."""

    qdrant_url: str = ""
    database_url: str = field(default_factory=lambda: os.environ.get("LOCI_BENCH_POSTGRES_URL", ""))
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def environment(self) -> dict[str, str]:
        """The settings, whatever this shell has set."""
        shared = {"LOCI_QDRANT_URL": self.qdrant_url, "LOCI_LAYOUT": "shared", "LOCI_SECRET_KEY": self.secret}
        if self.database_url:
            shared["LOCI_DATABASE_URL"] = self.database_url
        return super().environment | shared

    def start_at(self, port: int) -> Process:
        """Start a server at a port, without waiting for it."""
        settings = self.environment | {"LOCI_PORT": str(port)}
        return Process([sys.executable, "-m", "server", "serve"], port, settings, self.folder / f"{port}.log")

    def start_worker(self) -> Process:
        """Start a worker, without waiting for it."""
        return Process([sys.executable, "-m", "server", "worker"], 0, self.environment, self.folder / "worker.log")
