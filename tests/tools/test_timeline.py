"""The timeline: days and months with what happened in them, newest first, page by page."""

import pytest

from tests.helpers.doors import call_rest

pytestmark = pytest.mark.anyio


async def read(person, **arguments):
    """A page of a timeline."""
    answer = await call_rest(person, "read_timeline", arguments)
    assert answer.error is None, answer.text
    return answer.body


async def test_days_and_months_come_newest_first_with_their_projects_and_the_newest_memories(ann):
    for n in range(7):
        await ann.store(f"Deploy {n} went out", occurred_at=f"2025-03-04T0{n}:00:00Z", project="shop")
    await ann.store("The shop opened", occurred_at="2025-03-01T10:00:00Z", project="shop")
    await ann.store("Ann joined", occurred_at="2024-12-31T23:30:00Z")
    page = await read(ann)
    assert [(each["name"], each["count"], each["is_more"]) for each in page["periods"]] == [
        ("2025-03-04", 7, False), ("2025-03-01", 1, False), ("2024-12-31", 1, False),
    ]  # fmt: skip
    first = page["periods"][0]
    assert first["projects"] == [{"project": "shop", "count": 7}]
    assert [each["title"] for each in first["memories"]] == [f"Deploy {n} went out" for n in (6, 5, 4, 3, 2)]
    months = (await read(ann, unit="month"))["periods"]
    assert [(each["name"], each["count"]) for each in months] == [("2025-03", 8), ("2024-12", 1)]
    assert (months[0]["start"], months[0]["end"]) == ("2025-03-01T00:00:00.000Z", "2025-04-01T00:00:00.000Z")
    (stored,) = (await read(ann, axis="stored"))["periods"]
    assert (stored["name"], stored["count"]) == ("2026-11-21", 9)
    of_shop = (await read(ann, unit="month", project="shop"))["periods"]
    assert [each["name"] for each in of_shop] == ["2025-03"]
    assert (await read(ann, until="2025-01-01"))["periods"][0]["memories"][0]["title"] == "Ann joined"


async def test_days_begin_by_the_time_zone(ann):
    await ann.store("Ann joined", occurred_at="2024-12-31T23:30:00Z")
    for zone, unit, name in (("Europe/Berlin", "day", "2025-01-01"), ("America/New_York", "month", "2024-12")):
        (period,) = (await read(ann, time_zone=zone, unit=unit))["periods"]
        assert period["name"] == name


async def test_pages_follow_each_other_without_a_gap_and_without_what_is_deleted(ann):
    ids = [await ann.store(f"Day {n}", occurred_at=f"2025-01-{n:02}T12:00:00Z") for n in range(1, 10)]
    await ann.http.delete(f"/v1/memories/{ids[4]}")
    names, cursor = [], None
    while True:
        page = await read(ann, limit=3, **({} if cursor is None else {"cursor": cursor}))
        names += [each["name"] for each in page["periods"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == [f"2025-01-{n:02}" for n in (9, 8, 7, 6, 4, 3, 2, 1)]
    refused = await call_rest(ann, "read_timeline", {"cursor": "eyJ4Ijo"})
    assert (refused.error, refused.body["field"]) == ("invalid", "cursor")


async def test_the_ends_of_the_calendar_are_days_too(ann):
    for at in ("0001-01-02T00:00:00Z", "9999-12-29T23:00:00Z"):
        await ann.store(f"At {at}", occurred_at=at)
    for unit in ("day", "month"):
        for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
            assert len((await read(ann, unit=unit, time_zone=zone))["periods"]) == 2
