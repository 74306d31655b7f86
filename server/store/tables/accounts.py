"""Accounts, the users in them, their workspaces and keys."""

import sqlalchemy as sa

from server.store.tables import metadata
from server.store.utc_datetime import UtcDateTime

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    # The form in which the name is compared; see `fold_name`. Folding makes some letters into three.
    sa.Column("name_key", sa.String(400), nullable=False, unique=True),
    # One of the settings' plans; without one, or if it is not among them any more, the default plan applies.
    sa.Column("plan", sa.String(60)),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    # The form in which the name is compared; see `fold_name`. Folding makes some letters into three.
    sa.Column("name_key", sa.String(400), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(255)),
    sa.Column("is_admin", sa.Boolean, nullable=False, default=False),
    # The account of the workspaces that the user names without an account.
    sa.Column("account_id", sa.String(36), sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("default_workspace", sa.String(201), nullable=False, default="default"),
    # By which days begin, as a name of the IANA database; null: UTC.
    sa.Column("time_zone", sa.String(100)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("disabled_at", UtcDateTime),
    # In a browser; an app and a key log nobody in.
    sa.Column("last_login_at", UtcDateTime),
)

# The people as issuers know them. A subject is one user for ever, also if the other claims of its tokens change.
external_subjects = sa.Table(
    "external_subjects",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("issuer", sa.String(512), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("issuer", "subject"),
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("account_id", sa.String(36), sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), primary_key=True, index=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

workspaces = sa.Table(
    "workspaces",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("account_id", sa.String(36), sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    # The form in which the name is compared; see `fold_name`. Folding makes some letters into three.
    sa.Column("name_key", sa.String(400), nullable=False),
    # Rises by one with every change of a memory. The projection follows it.
    sa.Column("revision", sa.BigInteger, nullable=False, default=0),
    # The engine has every change up to this revision on its disk.
    sa.Column("flushed_revision", sa.BigInteger, nullable=False, default=0),
    # The generation of the vectors in the collection; 0 if it holds none.
    sa.Column("generation", sa.Integer, nullable=False, default=0),
    # The rule by which the collection's search texts were made: a number that rises, and the language.
    sa.Column("key_rule", sa.String(40), key="search_text_rule", nullable=False, server_default="1-english"),
    # Whether the collection is the workspace's own (`workspace`) or one that others share (`shared`), and the kind of
    # store that it is in (`embedded`, `server`). Null: the process that makes the collection settles both.
    sa.Column("layout", sa.String(20)),
    sa.Column("search_store", sa.String(20)),
    # The number of texts that were erased, and the number of those that were removed from the collection's files.
    sa.Column("erasures", sa.BigInteger, nullable=False, default=0, server_default="0"),
    sa.Column("vacuumed", sa.BigInteger, nullable=False, default=0, server_default="0"),
    # The value of each setting and the time when it was set, by the name. Other settings have their defaults.
    sa.Column("settings", sa.JSON(none_as_null=True)),
    sa.Column("settings_set_at", sa.JSON(none_as_null=True)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index(
        "uq_workspaces_account_id_name_live",
        "account_id",
        "name_key",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

# Links that make somebody a member: each works once. `made_by` is a user, or `operator` for a command.
invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("account_id", sa.String(36), sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("link_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("role", sa.String(20), nullable=False),
    # The only user who may accept it; null: anybody with the link.
    sa.Column("name", sa.String(200)),
    sa.Column("made_by", sa.String(36), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("accepted_by", sa.String(36)),
    sa.Column("accepted_at", UtcDateTime),
)

# The permissions of people, and of the members of other accounts, to use a workspace: each for one of the two.
workspace_shares = sa.Table(
    "workspace_shares",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), index=True),
    sa.Column("account_id", sa.String(36), sa.ForeignKey("accounts.id"), index=True),
    sa.Column("may_write", sa.Boolean, nullable=False),
    # The user who shared it.
    sa.Column("made_by", sa.String(36), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("workspace_id", "user_id"),
    sa.UniqueConstraint("workspace_id", "account_id"),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("prefix", sa.String(12), nullable=False),
    sa.Column("name", sa.String(120), nullable=False, default=""),
    sa.Column("scopes", sa.String(200), nullable=False),
    sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id")),
    # The OAuth grant through which the key was made. The key ends with it.
    sa.Column("grant_id", sa.String(36), index=True),
    # The key that made this one, or the chain of the app that did: this one ends when somebody ends that.
    sa.Column("made_by", sa.String(36), index=True),
    # The calls of a minute that it may send, in place of the server's limit.
    sa.Column("requests_per_minute", sa.Integer),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
)

# One row. Its number rises when a key, a grant or a workspace ends, since other processes remember those.
epoch = sa.Table(
    "epoch",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
