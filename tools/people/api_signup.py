"""Signing up without a browser: an account, a key for it, and its first workspace.

It is no operation, because there is no principal yet. The page that people sign up on is in `auth.pages.signup`.
"""

import re
import secrets
from typing import Annotated

import structlog
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from auth.accounts.account_names import taken_name_as_failure
from auth.bearers.api_keys import issue_key
from auth.principal import WRITE
from server.errors import Failure
from server.names import clean_name
from server.store.record.people.accounts import create_user
from tools.core.arguments import Args
from tools.core.limits.quota import LimitsView
from tools.core.services import Services
from tools.core.store_refusals import refusals_as_failures

log = structlog.get_logger(__name__)

DEFAULT_NAME = "default"
LONGEST_NAME = 100  # characters; the rest of a longer name is cut off
NAME_CHARACTERS = 40  # so many characters of the name that was sent become part of the user's name


def _shorten_name(value: str) -> str:
    """Return the first characters of a name; the default name if it is empty. Memento's clients send both kinds."""
    return clean_name(value[:LONGEST_NAME]) or DEFAULT_NAME


def _to_plain_name(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", value).lower()


ShortName = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_shorten_name)]
PlainName = Annotated[ShortName, AfterValidator(_to_plain_name)]


class SignUp(Args):
    """The arguments of a sign-up; none is required."""

    name: ShortName = Field(
        default=DEFAULT_NAME,
        description="The name of the key, cut after 100 characters. The user's name is made from it, with an ending of "
        "its own.",
    )
    workspace: PlainName = Field(
        default=DEFAULT_NAME,
        description="The first workspace, which is used if a request names none. It becomes lower case; each character "
        "but a to z, digits, _ and - becomes a -.",
    )
    email: Annotated[str, StringConstraints(max_length=320)] | None = Field(
        default=None, description="Sent to the webhook of the operator, if there is one; otherwise not used."
    )


class NewAccount(BaseModel):
    """A new account, with its key: the only time it is shown."""

    api_key: str = Field(description="The key. Keep it now; it is not shown again.")
    workspace: str = Field(description="The workspace that is used if a request names none.")
    user_id: str = Field(description="The user's id.")
    name: str = Field(description="The user's name.")
    api_url: str = Field(description="The URL of the API; `/v1` and `/mcp` are under it.")
    plan: str | None = Field(default=None, description="The account's plan; null if there is none.")
    limits: LimitsView = Field(description="The limits of the plan.")


def check_signup_is_open(services: Services) -> None:
    """Check that anybody may sign up.

    Raises:
        Failure: `forbidden`, with advice.
    """
    if services.signup == "invite":
        message = (
            f"Sign-up needs an invitation: a link to {services.public_url}/signup. Ask the operator of this server."
        )
        raise Failure("forbidden", message)
    if services.signup == "closed":
        message = "Sign-up is closed. Ask the operator of this server for an account; LOCI_SIGNUP=open would open it."
        raise Failure("forbidden", message)


async def sign_up(services: Services, args: SignUp) -> NewAccount:
    """Make a user who has no password yet, a key that may read and write, and the workspace; all or nothing.

    Raises:
        Failure: `quota_exceeded` if the default plan allows no workspace.
    """
    # Of its own in any case: else strangers could take the names of people to come, or find out who is here.
    name = f"{_to_plain_name(args.name).strip('_-')[:NAME_CHARACTERS] or 'user'}-{secrets.token_hex(4)}"
    now, generation = services.now(), services.encoder.generation
    async with services.db.write() as connection:
        with taken_name_as_failure(name):
            user = await create_user(
                connection,
                name=name,
                password_hash=None,
                is_admin=False,
                now=now,
                default_workspace=args.workspace,
                outbox=services.outbox,
                email=args.email,
            )
        with refusals_as_failures():
            await services.plans.ensure_workspace(connection, user.account_id, args.workspace, generation, now)
        api_key, _ = await issue_key(connection, user_id=user.id, scopes=[WRITE], name=args.name, now=now)
        standing = await services.plans.read_standing(connection, user.account_id)
    log.info("account.created", user=user.id, is_admin=False)
    return NewAccount(
        api_key=api_key,
        workspace=args.workspace,
        user_id=user.id,
        name=name,
        api_url=services.public_url,
        plan=standing.plan,
        limits=LimitsView.from_limits(standing.limits),
    )
