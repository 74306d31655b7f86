"""The reports of agents at work: sessions, events, the jobs made of events, and the sources of observations.

Also what reading them has cost.
"""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

# The folders and repositories of a project: a workspace is found by them, too.
project_places = sa.Table(
    "project_places",
    metadata,
    sa.Column("account_id", sa.String(36), sa.ForeignKey("accounts.id"), primary_key=True),
    # The hash of the kind and the place: an index cannot hold any length of text.
    sa.Column("place_key", sa.String(64), primary_key=True),
    # path, repository
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("place", sa.String(1000), nullable=False),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    # The hash of what makes it the same session if it is started again; null if nothing does.
    sa.Column("session_key", sa.String(64)),
    # The ids that the agent gave it: the session's own, and that of its transcript.
    sa.Column("external_id", sa.String(200)),
    sa.Column("content_id", sa.String(200)),
    sa.Column("agent_id", sa.String(200)),
    sa.Column("agent_type", sa.String(200)),
    sa.Column("platform", sa.String(100)),
    sa.Column("metadata", sa.JSON, nullable=False),
    # The user who started it.
    sa.Column("user_id", sa.String(36), nullable=False),
    sa.Column("credential_id", sa.String(36), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    # The project in which the agent works: its name, and the key of its place.
    sa.Column("project", sa.String(200)),
    sa.Column("place_key", sa.String(64)),
    # When the agent was told what a session begins with.
    sa.Column("briefed_at", UtcDateTime),
    # When observations were last made of it.
    sa.Column("observed_at", UtcDateTime),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index("uq_sessions_workspace_id_session_key", "workspace_id", "session_key", unique=True),
    sa.Index("ix_sessions_workspace_id_content_id", "workspace_id", "content_id"),
    sa.Index("ix_sessions_workspace_id_place_key_started_at", "workspace_id", "place_key", "started_at"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("session_id", sa.String(36), sa.ForeignKey("sessions.id")),
    # The hash of everything that makes two events the same one, sent twice.
    sa.Column("event_key", sa.String(64), nullable=False, unique=True),
    # The part of the agent's software that reports it: hook, worker, provider, server, api.
    sa.Column("source", sa.String(20), nullable=False),
    sa.Column("type", sa.String(100), nullable=False),
    sa.Column("platform", sa.String(100)),
    # JSON, without private texts and credentials. Null once it is erased.
    sa.Column("payload", sa.JSON(none_as_null=True)),
    sa.Column("user_id", sa.String(36), nullable=False),
    sa.Column("credential_id", sa.String(36), nullable=False),
    sa.Column("occurred_at", UtcDateTime, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("erased_at", UtcDateTime),
    sa.Index("ix_events_session_id_occurred_at", "session_id", "occurred_at", "id"),
    sa.Index("ix_events_workspace_id_id", "workspace_id", "id"),
    sa.Index("ix_events_received_at", "received_at"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    # event, summary
    sa.Column("kind", sa.String(10), nullable=False),
    # The event, or the session of a summary. There is one job for each.
    sa.Column("source_id", sa.String(36), nullable=False, unique=True),
    sa.Column("session_id", sa.String(36)),
    # queued, processing, completed, failed, cancelled
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # How often a person had it done again.
    sa.Column("retries", sa.Integer, nullable=False),
    # The next attempt; while it is being done, the time from which another process may do it.
    sa.Column("due_at", UtcDateTime, nullable=False),
    # The claim under which it is being done. A process that lost the claim writes nothing.
    sa.Column("claim", sa.String(36)),
    sa.Column("problem", sa.String(200)),
    # Whether the problem was of the kind that passes: transient, or not: permanent
    sa.Column("problem_kind", sa.String(20)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Index(
        "ix_jobs_due_at_open",
        "due_at",
        "id",
        sqlite_where=sa.text("state IN ('queued', 'processing')"),
        postgresql_where=sa.text("state IN ('queued', 'processing')"),
    ),
    sa.Index("ix_jobs_workspace_id_id", "workspace_id", "id"),
    sa.Index("ix_jobs_session_id", "session_id"),
)

# The memories that were made of events.
observations = sa.Table(
    "observations",
    metadata,
    sa.Column("memory_id", sa.String(36), sa.ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    # The hash of the session (or the event) and the text: the same observation is made once.
    sa.Column("observation_key", sa.String(64), nullable=False),
    sa.Column("session_id", sa.String(36)),
    sa.Column("job_id", sa.String(36), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("workspace_id", "observation_key"),
)

observation_sources = sa.Table(
    "observation_sources",
    metadata,
    sa.Column("memory_id", sa.String(36), sa.ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    # The event may be deleted before the memory.
    sa.Column("event_id", sa.String(36), primary_key=True, index=True),
)

# The texts that the agent was told in a session, so that each is told once, and is not stored a second time.
told_texts = sa.Table(
    "told_texts",
    metadata,
    sa.Column("session_id", sa.String(36), sa.ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # The memory, the item of working memory or the crystal that has the text.
    sa.Column("source_id", sa.String(36), primary_key=True, index=True),
    # See server/memory/capture/fingerprints.py. Another one says that the text has changed.
    sa.Column("fingerprint", sa.Text, nullable=False),
)

# The tokens that the language model has cost an account on a day, for its agents' reports.
llm_usage = sa.Table(
    "llm_usage",
    metadata,
    sa.Column("account_id", sa.String(36), sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("tokens", sa.BigInteger, nullable=False),
)
