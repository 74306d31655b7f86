"""Two people with the same data, and random requests of each for the things of both: by every door, from the catalogue.

The targets are read from the catalogue, the toolsets, the API's description and the routes of the pages, so that a new
operation, tool, route or page is among them.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from random import Random
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx
import sqlalchemy as sa

from auth.routes import build_routes
from server.app import describe_api
from server.store.tables import load_all_tables
from server.web.console.routes import make_routes
from server.web.live import LiveEndpoint, OpenStreams
from server.web.mcp.prompts import PROMPTS
from server.web.mcp.resources import STATIC, TEMPLATES
from tests.helpers.console import log_in
from tests.helpers.doors import ERAS, send_rpc
from tests.helpers.random_values import NOBODY_HERE, RECEIVER, WORDS, RandomValues
from tools import catalog, toolsets
from tools.core.schema import build_schema

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
#: The pages of a login, which end or begin sessions, and files that are the same for everybody.
_NOT_WALKED = re.compile(
    r"/(oauth|login|logout|setup|signup|\.well-known|welcome)\b|\.(js|css|svg|png|ico|woff2|webmanifest)$"
)
#: The seconds that a stream is read.
_A_MOMENT = 0.2


@dataclass
class Side:
    """One of the two people.

    Attributes:
        word: a word that only texts of this account have.
        calls: arguments of calls that succeed, by operation; their ids are this account's.
        ids: the ids of all rows of this account.
        planted: what this person sent of the other one's, and that was accepted, so that it may come back.
    """

    person: Any
    word: str
    calls: dict[str, list[dict[str, Any]]]
    tab: Any = None
    ids: set[str] = field(default_factory=set[str])
    planted: set[str] = field(default_factory=set[str])


@dataclass(frozen=True)
class Sent:
    """A request that was sent, as text, and its answer."""

    what: str
    text: str
    status: int
    is_by_id: bool = False


def list_targets() -> list[tuple[str, ...]]:
    """Return everything that is asked for: routes, tools of each toolset, resources, prompts, pages."""
    described = describe_api("http://127.0.0.1")["paths"]
    routes = [
        ("route", method.upper(), path) for path, each in described.items() for method in each if method in _METHODS
    ]
    tools = [("tool", "", name) for name in catalog.CANONICAL]
    tools += [("tool", "memento", name) for name in catalog.MEMENTO]
    tools += [("tool", toolset, name) for toolset, each in catalog.OTHERS.items() for name in each]
    tools += [("tool", "link", name) for name in catalog.RECALL_LINK]
    assert {each[1] for each in tools} == {*toolsets.TOOLSETS, "link"} - {"all"}
    resources = [("resource", f"memory://{name}") for name in STATIC]
    resources += [("resource", each.uri_template) for each in TEMPLATES]
    prompts = [("prompt", each.name) for each in PROMPTS]
    paths = {each.path for each in (*make_routes(LiveEndpoint(OpenStreams())), *build_routes())}
    pages = [(kind, path) for path in sorted(paths) if not _NOT_WALKED.search(path) for kind in ("page", "form")]
    return [*routes, *tools, *resources, *prompts, ("complete", "workspace"), *pages]


_METHODS = {"get", "post", "put", "patch", "delete"}
_OPERATIONS = {(method, path): (name, each) for name, each in catalog.CANONICAL.items() for method, path in each.routes}


class Walk:
    """Random requests of two sides. Each answer is searched for what is the other side's."""

    def __init__(self, site: Any, sides: tuple[Side, Side], seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311 - the same walk every time
        self.statuses: dict[int, int] = {}
        self._site = site
        self._sides = sides
        for side in sides:
            side.person.http.headers.update(SAME)

    async def refresh(self) -> None:
        """Read the ids of the rows of each side anew."""
        tables = [await list_ids(self._site.services.db, side.person) for side in self._sides]
        both = {each: (table, tables[1][each]) for each, table in tables[0].items() if each in tables[1]}
        assert not both, f"rows of both: {both}"
        for side, ids in zip(self._sides, tables, strict=True):
            side.ids = set(ids)

    async def step(self, number: int, target: tuple[str, ...]) -> None:
        """Send one request for a target, and check its answer."""
        own, other = self._sides if number % 2 else self._sides[::-1]
        sent = await getattr(self, f"_send_{target[0]}")(own, other, *target[1:])
        if sent is None:
            return
        self.statuses[sent.status] = self.statuses.get(sent.status, 0) + 1
        assert sent.status < 500 or sent.status == 503, (target, sent.what, sent.status, sent.text[:500])
        asked = {*_UUID.findall(sent.what)} & other.ids
        leaked = {*_UUID.findall(sent.text)} & other.ids - asked - own.planted
        assert not leaked, (target, sent.what, leaked, sent.text[:2000])
        assert other.word not in sent.text, (target, sent.what, sent.text[:2000])
        is_accepted = sent.status < 400
        assert not (is_accepted and sent.is_by_id), (target, sent.what, sent.text[:2000])
        if is_accepted:
            own.planted |= asked

    def _pool(self, own: Side, other: Side) -> list[str]:
        """Return some ids and addresses of both sides."""
        pick = self.chance.choice
        ids = [sorted(side.ids) for side in (own, other)]
        places = [
            f"{each}{place}" for each in ("", f"{own.person.name}/", f"{other.person.name}/") for place in _PLACES
        ]
        return [*(pick(ids[self.chance.random() < 0.6]) for _ in range(6)), *self.chance.sample(places, 3)]

    def _choose_arguments(self, own: Side, other: Side, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call of one of the two sides, or made ones."""
        known = self.chance.choice([own, other]).calls.get(name, [])
        if known and self.chance.random() < 0.6:
            arguments = dict(self.chance.choice(known))
        else:
            arguments = RandomValues(self.chance, schema, self._pool(own, other)).make(schema)
        if "workspace" in schema.get("properties", {}) and self.chance.random() < 0.4:
            arguments["workspace"] = self.chance.choice(self._pool(own, other))
        return arguments

    def _choose_headers(self, own: Side, other: Side) -> dict[str, str]:
        if self.chance.random() < 0.8:
            return {}
        name = self.chance.choice(["x-memento-workspace", "x-memento-peek-workspaces"])
        return {name: self.chance.choice(self._pool(own, other))}

    def _fill(self, path: str, arguments: dict[str, Any], pool: list[str]) -> str:
        for part in re.findall(r"{(\w+)(?::\w+)?}", path):
            value = str(arguments.pop(part, None) or self.chance.choice(pool))
            path = re.sub(rf"{{{part}(:\w+)?}}", lambda _, value=value: value.replace("/", "%2F"), path)
        return path

    async def _send_route(self, own: Side, other: Side, method: str, path: str) -> Sent | None:
        name, operation = _OPERATIONS.get((method, path), ("", None))
        schema = {} if operation is None else build_schema(operation.args)
        arguments = self._choose_arguments(own, other, name, schema) if schema else {}
        if not schema and self.chance.random() < 0.5:
            arguments = {"workspace": self.chance.choice(self._pool(own, other))}
        filled = self._fill(path, arguments, self._pool(own, other))
        headers = self._choose_headers(own, other)
        takes_body = method in {"POST", "PUT", "PATCH"}
        if takes_body and operation is not None:
            how: dict[str, Any] = {"json": arguments}
        elif takes_body:
            how = {"params": arguments, "json": {"content": self.chance.choice(WORDS)}}
        else:
            how = {"params": {key: each for key, each in arguments.items() if each is not None}}
        status, text = await _exchange(own.person.http, method, filled, headers=headers, **how)
        if status == 401:
            await self._renew_key(own)
        is_by_id = (
            operation is not None and "{id}" in path and bool({*_UUID.findall(filled)} & (other.ids - own.planted))
        )
        return Sent(f"{method} {filled} {json.dumps(how)} {headers}", text, status, is_by_id)

    async def _send_tool(self, own: Side, other: Side, toolset: str, name: str) -> Sent | None:
        table = {"": catalog.CANONICAL, "memento": catalog.MEMENTO, "link": catalog.RECALL_LINK} | dict(catalog.OTHERS)
        arguments = self._choose_arguments(own, other, name, build_schema(table[toolset][name].args))
        path = "/v1/mcp" if toolset == "link" else f"/mcp?toolset={toolset}" if toolset else "/mcp"
        if self.chance.random() < 0.3:
            joint = "&" if "?" in path else "?"
            path += joint + urlencode({"workspace": self.chance.choice(self._pool(own, other))})
        is_by_id = toolset == "" and arguments.get("id") in other.ids - own.planted
        return await self._call(own, "tools/call", {"name": name, "arguments": arguments}, path=path, is_by_id=is_by_id)

    async def _send_resource(self, own: Side, other: Side, template: str) -> Sent | None:
        uri = self._fill(template, {}, self._pool(own, other))
        return await self._call(own, "resources/read", {"uri": uri})

    async def _send_prompt(self, own: Side, other: Side, name: str) -> Sent | None:
        text = self.chance.choice([*WORDS, *self._pool(own, other)])
        prompt = next(each for each in PROMPTS if each.name == name)
        arguments = {each.name: text for each in prompt.arguments or []}
        return await self._call(own, "prompts/get", {"name": name, "arguments": arguments})

    async def _send_complete(self, own: Side, other: Side, argument: str) -> Sent | None:
        reference = {"type": "ref/resource", "uri": TEMPLATES[-1].uri_template}
        value = self.chance.choice(["", other.person.name, own.person.name])
        asked = {"ref": reference, "argument": {"name": argument, "value": value}}
        return await self._call(own, "completion/complete", asked)

    async def _call(
        self, own: Side, method: str, params: dict[str, Any], path: str = "/mcp", *, is_by_id: bool = False
    ) -> Sent:
        era = self.chance.choice(ERAS.args[1])
        answer = await send_rpc(own.person, method, params, era=era, path=path)
        if answer.status_code == 401:
            await self._renew_key(own)
        body = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else {}
        is_refused = not answer.is_success or "error" in body or bool((body.get("result") or {}).get("isError"))
        status = max(answer.status_code, 400) if is_refused else 200
        return Sent(f"{method} {path} {json.dumps(params)}", answer.text, status, is_by_id)

    async def _send_page(self, own: Side, other: Side, path: str) -> Sent | None:
        filled = self._fill(path, {}, self._pool(own, other))
        asked = {
            name: self.chance.choice(self._pool(own, other))
            for name in ("workspace", "after", "q")
            if self.chance.random() < 0.3
        }
        status, text = await _exchange(await self._open_tab(own), "GET", filled, params=asked)
        is_by_id = "{" in path and bool({*_UUID.findall(filled)} & (other.ids - own.planted))
        return Sent(f"GET {filled} {asked}", text, status, is_by_id)

    async def _send_form(self, own: Side, other: Side, path: str) -> Sent | None:
        """Send a form of a page of one's own, with ids of both in the places of its values."""
        tab = await self._open_tab(own)
        pool = self._pool(own, other)
        page = self._fill(path, {}, [each for each in pool if each in own.ids] or pool)
        status, text = await _exchange(tab, "GET", page)
        forms = _Forms.read(text) if status == 200 else []
        if not forms:
            return None
        form = self.chance.choice(forms)
        values = {
            name: value if name == "csrf" or self.chance.random() < 0.5 else self._change_value(name, value, pool)
            for name, value in form.fields
        }
        target = (form.action or page) if self.chance.random() < 0.8 else page
        for each in [*_UUID.findall(target)]:
            if self.chance.random() < 0.5:
                target = target.replace(each, self.chance.choice(sorted(other.ids)))
        status, answer = await _exchange(tab, "POST", target, data=values)
        is_by_id = bool({*_UUID.findall(target)} & (other.ids - own.planted))
        return Sent(f"POST {target} {values}", answer, status, is_by_id)

    def _change_value(self, name: str, value: str, pool: list[str]) -> str:
        """Return another value of a field: an id for an id, an address for an address, a word for a text."""
        if name == RECEIVER:
            return NOBODY_HERE
        if _UUID.fullmatch(value) or name.rpartition("_")[2] in {"id", "workspace", "to", "run", "change"}:
            return self.chance.choice(pool)
        return self.chance.choice([value, self.chance.choice(WORDS)])

    async def _open_tab(self, own: Side) -> Any:
        if own.tab is None or (await own.tab.get("/memories")).is_redirect:
            own.tab = await log_in(self._site, own.person)
            own.tab.headers.update(SAME)
        return own.tab

    async def _renew_key(self, own: Side) -> None:
        own.person = await self._site.add_person(own.person.name, SCOPES)
        own.person.http.headers.update(SAME)


SCOPES = ("memory:write", "admin")
#: A client may choose the id of a request, and another one may choose the same.
SAME = {"x-request-id": "one-for-both"}
_PLACES = ("default", "attic", "cellar")


async def _exchange(http: httpx.AsyncClient, method: str, path: str, **how: Any) -> tuple[int, str]:
    """Return the status and the text of an answer. A stream is read for a moment."""
    text = ""
    async with http.stream(method, path, **how) as answer:
        with (
            suppress(TimeoutError),
            anyio.fail_after(_A_MOMENT if "event-stream" in answer.headers.get("content-type", "") else 60),
        ):
            async for part in answer.aiter_text():
                text += part
    return answer.status_code, text


@dataclass
class _Form:
    action: str
    fields: list[tuple[str, str]]


class _Forms(HTMLParser):
    """The forms of a page that are posted: where to, and their fields with the values that they have."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Form] = []
        self._open: _Form | None = None

    @classmethod
    def read(cls, html: str) -> list[_Form]:
        reader = cls()
        reader.feed(html)
        return [each for each in reader.found if ("csrf" in dict(each.fields))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._open = _Form(given.get("action", ""), [])
            self.found.append(self._open)
        elif self._open is not None and given.get("name") and tag in {"input", "button", "textarea", "select"}:
            self._open.fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


async def list_ids(db: Any, person: Any) -> dict[str, str]:
    """Return the ids of all rows of the accounts that a person owns, and of what they belong to, with their tables."""
    tables = load_all_tables().tables
    memberships, workspaces = tables["memberships"], tables["workspaces"]
    async with db.read() as connection:
        own = sa.select(memberships.c.account_id).where(memberships.c.user_id == person.user_id)
        accounts = {person.account_id, *(await connection.execute(own)).scalars()}
        there = sa.select(workspaces.c.id).where(workspaces.c.account_id.in_(accounts))
        places = set((await connection.execute(there)).scalars())
        ids = {person.user_id: "users", **dict.fromkeys(accounts, "accounts"), **dict.fromkeys(places, "workspaces")}
        for table in tables.values():
            owners = {"user_id": {person.user_id}, "account_id": accounts, "workspace_id": places}
            conditions = [table.c[name].in_(each) for name, each in owners.items() if name in table.c]
            if conditions and "id" in table.c:
                rows = await connection.execute(sa.select(table.c.id).where(sa.or_(*conditions)))
                ids |= {each: table.name for each in rows.scalars() if isinstance(each, str)}
    return ids


async def list_crossings(db: Any, one: Any, other: Any) -> list[str]:
    """Return the changes that one person made in what is another's: from the journal, and from who may use what."""
    tables = load_all_tables().tables
    journal, workspaces, shares = tables["journal"], tables["workspaces"], tables["workspace_shares"]
    memberships = tables["memberships"]
    theirs = sa.select(memberships.c.account_id).where(memberships.c.user_id == other.user_id)
    places = sa.select(workspaces.c.id).where(workspaces.c.account_id.in_(theirs))
    queries = {
        "journal": sa.select(journal.c.operation).where(
            journal.c.workspace_id.in_(places), journal.c.user_id == one.user_id
        ),
        "shares": sa.select(shares.c.id).where(shares.c.workspace_id.in_(places), shares.c.user_id == one.user_id),
        "members": sa.select(memberships.c.role).where(
            memberships.c.account_id.in_(theirs), memberships.c.user_id == one.user_id
        ),
    }
    async with db.read() as connection:
        return [
            f"{name}: {each}" for name, query in queries.items() for each in (await connection.execute(query)).scalars()
        ]
