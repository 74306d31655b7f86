"""What the audit has beside the operations: people log in, let an app in, and are refused; apps get tokens."""

from collections.abc import Mapping
from typing import Literal

from server.store.audit.entry import EffectName

Act = Literal[
    "sign_up",
    "accept_invitation",
    "log_in",
    "log_out",
    "end_browser_session",
    "set_password",
    "reset_password",
    "connect_provider",
    "disconnect_provider",
    "allow_app",
    "issue_tokens",
    "refresh_tokens",
    "end_app",
    "end_copy",
    "use_bearer",
]
#: Each act, with the change that it makes.
EFFECTS: Mapping[Act, EffectName] = {
    "sign_up": "create",
    "accept_invitation": "create",
    "log_in": "create",
    "log_out": "delete",
    "end_browser_session": "delete",
    "set_password": "update",
    "reset_password": "update",
    "connect_provider": "create",
    "disconnect_provider": "delete",
    "allow_app": "create",
    "issue_tokens": "create",
    "refresh_tokens": "update",
    "end_app": "delete",
    "end_copy": "delete",
    "use_bearer": "read",
}
