"""The collaborators of all operations: the composition root builds them once, and each handler gets them first."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.bearers.bearer import Authenticator
from server.clock import Clock
from server.network.llm import Llm
from server.observer import NOBODY, Observer
from server.store.audit.log import AuditLog
from server.store.db import Database
from server.store.directory import Directory
from server.store.embedding.encoder import Encoder
from server.store.embedding.reranker import Reranker
from server.store.entities.known_names import KnownNames
from server.store.projection.accesses import Accesses
from server.store.projection.projection import Projection
from server.store.projection.upkeep.backfill import Pace
from server.store.projection.upkeep.gap_counts import GapCounts
from server.store.projection.vocabulary import Vocabularies
from server.store.record.erasure.tombstones import Tombstones
from server.store.record.people.plans import Plans
from server.store.record.works.outbox import Outbox
from server.store.webhooks.delivery import WebhookSender
from tools.core.conversations import Conversations
from tools.core.limits.metering import Meter
from tools.core.limits.rate_limit import RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every collaborator of an operation. Frozen: nothing is swapped while the server runs."""

    now: Clock
    db: Database
    projection: Projection
    vocabularies: Vocabularies
    #: The names of entities that were read last.
    known_names: KnownNames = field(default_factory=KnownNames)
    encoder: Encoder
    gap_counts: GapCounts
    reranker: Reranker
    directory: Directory
    plans: Plans
    accesses: Accesses
    #: What was erased and stays forgotten.
    tombstones: Tombstones
    #: Signs exports.
    export_key: Ed25519PrivateKey
    audit: AuditLog
    authenticator: Authenticator
    rate_limit: RateLimit
    meter: Meter
    conversations: Conversations
    #: Both are None if no webhook is set.
    outbox: Outbox | None
    webhook: WebhookSender | None
    #: None if no language model is set.
    llm: Llm | None
    #: The tokens of it that an account may spend on one day on reports; 0: no bound.
    llm_daily_tokens: int
    public_url: str
    #: What the night merges in the workspaces that have not set it.
    consolidation: Literal["off", "duplicates", "tags"]
    #: The people who may make an account: nobody, those with an invitation, or everybody.
    signup: Literal["closed", "invite", "open"]
    #: Whether people log in with a password, at a provider, or in both ways.
    login: Literal["password", "upstream", "both"]
    #: For how long a deleted memory can be brought back.
    undo_time: timedelta
    #: For how long entries of the audit are kept; None: for ever.
    audit_time: timedelta | None
    #: For how long what agents report is kept.
    event_time: timedelta
    #: How fast missing vectors are filled in.
    backfill_pace: Pace
    #: Whether the search store is the embedded engine, whose files this process keeps.
    is_search_embedded: bool
    #: Watches what the server does, for metrics and traces.
    observer: Observer = NOBODY

    async def start_models(self) -> None:
        """Begin to load the models, or to ask their endpoint."""
        await self.encoder.start()
        self.reranker.start()
