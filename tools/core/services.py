"""What operations work with: built once by the composition root, handed to every handler as its first argument."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from auth.bearer import Authenticator
from server.config import Settings
from server.store.consolidation.llm import Llm
from server.store.db import Database
from server.store.directory import Directory
from server.store.embedding.encoder import Encoder
from server.store.embedding.reranker import Reranker
from server.store.projection.accesses import Accesses
from server.store.projection.gap_counts import GapCounts
from server.store.projection.projection import Projection
from server.store.record.people.plans import Plans
from tools.core.rate_limit import RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every collaborator of an operation. Frozen: nothing is swapped while the server runs."""

    settings: Settings
    now: Callable[[], datetime]
    db: Database
    projection: Projection
    encoder: Encoder
    gap_counts: GapCounts
    reranker: Reranker
    directory: Directory
    plans: Plans
    accesses: Accesses
    authenticator: Authenticator
    rate_limit: RateLimit
    #: None where no language model is set.
    llm: Llm | None

    async def start_models(self) -> None:
        """Begin to load the models, or to ask their endpoint."""
        await self.encoder.start()
        self.reranker.start()
