"""Which workspace a name means, remembered: every request asks, and the answer seldom changes."""

from collections.abc import Callable
from datetime import datetime

from server.store.db import Database
from server.store.epoch import Epoch, raise_epoch
from server.store.record import workspaces
from server.store.record.people import accounts
from server.store.record.people.plans import Plans
from server.store.record.workspaces import Workspace

REMEMBERED = 10_000
LONGEST_NAME = 100  # as wide as the column


class WorkspaceNotFound(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """The user may use no workspace that is named `asked`, because they are in no account of that name."""

    def __init__(self, asked: str) -> None:
        super().__init__(asked)
        self.asked = asked


class WorkspaceNameTooLong(Exception):  # noqa: N818 - as above
    """A workspace's name has more than `LONGEST_NAME` characters."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Directory:
    """The workspaces this process has seen; forgotten when the epoch is raised."""

    def __init__(self, db: Database, now: Callable[[], datetime], epoch: Epoch, plans: Plans) -> None:
        self._db = db
        self._now = now
        self._plans = plans
        self._by_name: dict[tuple[str, str], Workspace] = {}
        self._by_id: dict[str, Workspace] = {}
        self._defaults: dict[str, str] = {}
        self._forgotten = 0
        epoch.on_change(self.forget)

    async def locate(self, user_id: str, account_id: str, asked: str | None) -> tuple[str, str]:
        """Which account and name are meant: `name`, `account/name` of an account the user is in, or the default.

        Raises:
            WorkspaceNotFound: there is no such account, or the user is not in it.
            WorkspaceNameTooLong: the name has more than `LONGEST_NAME` characters.
        """
        if asked is None:
            return account_id, await self._default(user_id)
        account, slash, name = asked.rpartition("/")
        if len(name) > LONGEST_NAME:
            raise WorkspaceNameTooLong(name)
        if not slash:
            return account_id, name
        async with self._db.read() as connection:
            mine = await accounts.member_accounts(connection, user_id)
        if account not in mine:
            raise WorkspaceNotFound(asked)
        return mine[account], name

    async def _default(self, user_id: str) -> str:
        known = self._defaults.get(user_id)
        if known is None:
            asked_at = self._forgotten
            async with self._db.read() as connection:
                user = await accounts.user_by_id(connection, user_id)
            known = "default" if user is None else user.default_workspace
            if asked_at == self._forgotten:
                self._defaults[user_id] = known
        return known

    async def find(self, account_id: str, name: str) -> Workspace | None:
        """The account's workspace of this name."""
        known = self._by_name.get((account_id, name))
        if known is not None:
            return known
        asked_at = self._forgotten
        async with self._db.read() as connection:
            found = await workspaces.find_workspace(connection, account_id, name)
        return self._remember(found, asked_at)

    async def by_id(self, workspace_id: str) -> Workspace | None:
        """The workspace with this id."""
        known = self._by_id.get(workspace_id)
        if known is not None:
            return known
        asked_at = self._forgotten
        async with self._db.read() as connection:
            found = await workspaces.workspace_by_id(connection, workspace_id)
        return self._remember(found, asked_at)

    async def ensure(self, account_id: str, name: str, generation: int) -> tuple[Workspace, bool]:
        """The account's workspace of this name, made where it was missing; True where it was.

        Raises:
            QuotaExceeded: it was missing, and the account's plan allows no more.
        """
        known = self._by_name.get((account_id, name))
        if known is not None:
            return known, False
        asked_at = self._forgotten
        async with self._db.write() as connection:
            found, created = await self._plans.ensure_workspace(connection, account_id, name, generation, self._now())
        self._remember(found, asked_at)
        return found, created

    async def delete(self, workspace: Workspace) -> None:
        """Hide a workspace and all that is in it."""
        async with self._db.write() as connection:
            await workspaces.delete_workspace(connection, workspace.id, self._now())
            await raise_epoch(connection)
        self.forget()

    def _remember(self, found: Workspace | None, asked_at: int) -> Workspace | None:
        # What was read before something ended may be what ended.
        if found is not None and asked_at == self._forgotten:
            if len(self._by_id) >= REMEMBERED:
                self.forget()
            self._by_name[found.account_id, found.name] = self._by_id[found.id] = found
        return found

    def forget(self) -> None:
        """Ask anew about every workspace. Other processes do so when the epoch is raised."""
        self._forgotten += 1
        self._by_name.clear()
        self._by_id.clear()
        self._defaults.clear()
