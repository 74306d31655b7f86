"""The documents by which programs find the server say what a client then meets, in the forms that are published."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from server import __version__
from server.web.discovery import CARD_PATHS, CATALOG_PATH, build_catalog, build_server_card
from tests.helpers.doors import send_rpc

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
FIXTURES = Path(__file__).parent / "fixtures"
CARD = json.loads((FIXTURES / "server_card.schema.json").read_text())
SERVER = json.loads((FIXTURES / "server.schema.json").read_text())


@pytest.mark.parametrize("path", CARD_PATHS)
async def test_anybody_may_read_the_card_and_keep_it(shared, path):
    for headers in ({}, {"accept": "application/mcp-server-card+json"}, {"origin": "https://evil.example"}):
        answer = await shared.client().get(path, headers=headers)
        assert (answer.status_code, answer.json()) == (200, build_server_card(shared.url))
        assert answer.headers["content-type"] == "application/mcp-server-card+json"
        assert answer.headers["cache-control"] == "public, max-age=3600"
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert (await shared.client().post(path)).status_code == 405


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://memory.example.com", "com.example.memory/loci"),
        ("https://memory.example.com:8443", "com.example.memory/loci"),
        ("http://127.0.0.1:8080", "127.0.0.1/loci"),
        ("http://[::1]:8080", "--1/loci"),
        ("http://localhost:8080", "localhost/loci"),
        ("https://xn--kln-sna.example", "example.xn--kln-sna/loci"),
    ],
)
def test_a_card_fits_its_schema_whatever_the_public_url_is(url, name):
    card = build_server_card(url)
    jsonschema.validate(card, CARD)
    assert card["name"] == name
    assert card["remotes"][0]["url"] == f"{url}/mcp"


async def test_the_card_says_what_the_server_says_when_a_client_connects(shared, cat):
    told = (await send_rpc(cat, "server/discover")).json()["result"]
    card = build_server_card(shared.url)
    assert set(told["supportedVersions"]) <= set(card["remotes"][0]["supportedProtocolVersions"])
    info = told["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert (info["title"], info["version"]) == (card["title"], card["version"])


async def test_the_catalogue_leads_to_the_card_and_the_card_to_the_endpoint(shared, cat):
    answer = await shared.client().get(CATALOG_PATH)
    assert answer.headers["content-type"] == "application/ai-catalog+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json() == build_catalog(shared.url)
    (entry,) = answer.json()["entries"]
    assert re.fullmatch(r"urn:air:[a-zA-Z0-9.-]+:loci", entry["identifier"])
    card = await shared.client().get(entry["url"])
    assert card.headers["content-type"] == entry["type"]
    assert card.json()["remotes"][0]["url"] == f"{cat.url}/mcp"


def test_the_registry_would_take_our_server_json():
    published = json.loads((ROOT / "server.json").read_text())
    jsonschema.validate(published, SERVER)
    assert published["$schema"] == SERVER["properties"]["$schema"]["const"]
    assert published["version"] == __version__
    (remote,) = published["remotes"]
    assert remote["url"] == "https://{host}/mcp"
    assert set(re.findall(r"{(\w+)}", remote["url"])) == set(remote["variables"])
    card = build_server_card("https://memory.example.com")
    assert (published["title"], published["description"]) == (card["title"], card["description"])


@pytest.mark.parametrize(
    "change",
    [
        {"name": "loci"},
        {"description": "x" * 101},
        {"version": "^1.0.0"},
        {"remotes": [{"type": "http", "url": "https://{host}/mcp"}]},
        {"remotes": [{"type": "streamable-http"}]},
    ],
)
def test_both_schemas_refuse_what_the_published_ones_refuse(change):
    for document, schema in (
        (build_server_card("https://memory.example.com"), CARD),
        (json.loads((ROOT / "server.json").read_text()), SERVER),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | change, schema)


async def test_health_is_told_in_the_form_of_context_memory(shared):
    answer = await shared.client().get("/health")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json() == {
        "status": "ok",
        "version": __version__,
        "timestamp": shared.services.now().isoformat(),
    }
    probe = await shared.client().get("/health", headers={"host": "10.0.0.7"})
    assert probe.status_code == 200
