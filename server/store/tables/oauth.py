"""The authorization server's tables. Codes, tokens, links and sessions are kept as SHA-256 in hex."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

oauth_clients = sa.Table(
    "oauth_clients",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("redirect_uris", sa.JSON, nullable=False),
    sa.Column("grant_types", sa.JSON, nullable=False),
    sa.Column("auth_method", sa.String(40), nullable=False),
    sa.Column("secret_hash", sa.String(64)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # Set when a person first consents, and at every token after that. A client without it is garbage after a day.
    sa.Column("last_used_at", UtcDateTime),
)

# Client metadata documents that were fetched, and those that could not be fetched.
oauth_documents = sa.Table(
    "oauth_documents",
    metadata,
    sa.Column("url", sa.String(512), primary_key=True),
    sa.Column("document", sa.JSON(none_as_null=True)),
    sa.Column("failure", sa.String(300)),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

oauth_codes = sa.Table(
    "oauth_codes",
    metadata,
    sa.Column("code_hash", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
    sa.Column("client_id", sa.String(512), nullable=False),
    sa.Column("client_name", sa.String(200), nullable=False),
    sa.Column("redirect_uri", sa.Text, nullable=False),
    sa.Column("scopes", sa.String(200), nullable=False),
    sa.Column("resource", sa.String(512), nullable=False),
    sa.Column("code_challenge", sa.String(128), nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

oauth_grants = sa.Table(
    "oauth_grants",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("client_id", sa.String(512), nullable=False, index=True),
    sa.Column("client_name", sa.String(200), nullable=False),
    sa.Column("scopes", sa.String(200), nullable=False),
    sa.Column("resource", sa.String(512), nullable=False),
    # The authorization code of the grant. If it comes again, that is a replay.
    sa.Column("code_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    sa.Column("revoked_at", UtcDateTime),
)

# The chains of a grant. Each copy of an app (a window, a device) exchanges its refresh tokens along its own chain.
oauth_chains = sa.Table(
    "oauth_chains",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column(
        "grant_id", sa.String(36), sa.ForeignKey("oauth_grants.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    # None for chains that began before addresses were stored.
    sa.Column("first_address", sa.String(64)),
    sa.Column("last_address", sa.String(64)),
    # Whether it, or the chain that it branched off, came from another network than the chain before.
    sa.Column("is_from_elsewhere", sa.Boolean, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    # The last time that a used token of this chain was sent again after its grace, and the sender's address.
    sa.Column("reused_at", UtcDateTime),
    sa.Column("reused_from", sa.String(64)),
    # The hash of the used token that it began with. None for the first chain of a login, and for older chains.
    sa.Column("started_with", sa.String(64)),
)

oauth_refresh_tokens = sa.Table(
    "oauth_refresh_tokens",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column(
        "chain_id", sa.String(36), sa.ForeignKey("oauth_chains.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    sa.Column("rotated_at", UtcDateTime),
)

oauth_consents = sa.Table(
    "oauth_consents",
    metadata,
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("client_id", sa.String(512), primary_key=True),
    sa.Column("redirect_host", sa.String(255), primary_key=True),
    sa.Column("asked", sa.String(200), primary_key=True),
    sa.Column("granted", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("kid", sa.String(64), primary_key=True),
    # PKCS 8 PEM, encrypted.
    sa.Column("private_key", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("activates_at", UtcDateTime, nullable=False),
    # Set when the next key is made. Until then the key has no end.
    sa.Column("retires_at", UtcDateTime),
)

browser_sessions = sa.Table(
    "browser_sessions",
    metadata,
    sa.Column("id_hash", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    # Where it was used last, for its person. Null for a session that is older than these columns.
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("address", sa.String(64)),
    sa.Column("user_agent", sa.String(300)),
)

# Links with which somebody sets a new password. At most one for each person.
password_resets = sa.Table(
    "password_resets",
    metadata,
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("link_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

# Logins at a provider that have begun. The sealed part names the provider, the browser and the secrets of the login.
upstream_logins = sa.Table(
    "upstream_logins",
    metadata,
    sa.Column("state_hash", sa.String(64), primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

signup_links = sa.Table(
    "signup_links",
    metadata,
    sa.Column("link_hash", sa.String(64), primary_key=True),
    # A `setup` link makes the first admin. An `invite` link makes a user.
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

# The number of attempts in the window that began at `started_at`: logins, registrations, document fetches.
auth_attempts = sa.Table(
    "auth_attempts",
    metadata,
    sa.Column("key", sa.String(120), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False, index=True),
)
