"""Members of an account, on both databases."""

import asyncio

import pytest

from server.store.record.people import accounts, members

pytestmark = pytest.mark.anyio


async def test_of_two_owners_who_leave_at_once_one_stays(db, clock):
    async with db.write() as connection:
        ids = [
            (await accounts.create_user(connection, name=name, password_hash=None, is_admin=False, now=clock())).id
            for name in ("ann", "ben")
        ]
        team = (await members.create_account(connection, "team", ids[0], clock())).id
        await members.put_member(connection, team, ids[1], "owner", clock())

    async def leave(user_id):
        async with db.write() as connection:
            await members.hold_account(connection, team)
            await members.remove_member(connection, team, user_id)

    results = await asyncio.gather(*map(leave, ids), return_exceptions=True)
    assert [type(each) for each in results if each is not None] == [members.LastOwner]
    async with db.read() as connection:
        assert len(await members.list_members(connection, team)) == 1
