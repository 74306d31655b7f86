"""`doctor`: each check says what is wrong and what to do, for people and as JSON."""

import asyncio
import json
import socket
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
import respx
import sqlalchemy as sa
from typer.testing import CliRunner

from server.cli import app
from server.clock import utc_now
from server.config import Settings
from server.ids import new_id
from server.memory.embedding_model import Model
from server.memory.vector import TextVectors
from server.store.db import Database
from server.store.migrations import HEAD
from server.store.record import vectors
from server.store.record.works import generations
from server.store.record.works.outbox import Outbox
from server.store.tables.accounts import users, workspaces
from server.store.tables.memories import memories
from server.store.tables.webhooks import webhook_events
from tests.helpers.clock import Clock
from tests.helpers.site import open_site

WEBHOOK = {
    "LOCI_WEBHOOK_URL": "https://billing.test/loci",
    "LOCI_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
FOREIGN = [
    "OPENAI_API_KEY",
    "API_KEY_SALT",
    "DATABASE_URL",
    "PORT",
    "HOST",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "EMBEDDING_PROVIDER",
    "EMBEDDING_MODEL",
]


@pytest.fixture
def data_dir(settings, monkeypatch):
    """A data folder with the schema; no other variable is set, and the public URL answers nobody."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOCI_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "none")
    monkeypatch.setenv("LOCI_PORT", "0")
    monkeypatch.setenv("LOCI_PUBLIC_URL", "http://127.0.0.1:1")
    return settings.data_dir


@pytest.fixture
def examine(data_dir, monkeypatch, kept_handlers):  # noqa: ARG001 - its variables, and a command configures the logs
    """Runs `doctor --json` with some variables; the findings by their subjects."""

    def run(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(app, ["doctor", "--json"])
        findings = json.loads(result.stdout)
        assert all(set(each) == {"subject", "state", "detail", "cure"} for each in findings)
        assert result.exit_code == (1 if any(each["state"] == "fail" for each in findings) else 0)
        return {each["subject"]: each for each in findings}

    return run


def write(data_dir, *statements: Any):
    """Carry out statements, or functions of a connection, on the record."""

    async def carry_out():
        db = Database(f"sqlite+aiosqlite:///{data_dir / 'loci.db'}")
        try:
            async with db.write() as connection:
                for each in statements:
                    if isinstance(each, sa.Executable):
                        await connection.execute(each)
                    else:
                        await each(connection)
        finally:
            await db.close()

    asyncio.run(carry_out())


def test_the_findings_are_told_to_programs_and_in_the_same_words_to_people(examine):
    findings = examine()
    assert findings["record"]["state"] == "ok"
    assert findings["record"]["detail"].endswith(f"schema {HEAD}")
    assert (findings["public URL"]["state"], bool(findings["public URL"]["cure"])) == ("fail", True)
    told = " ".join(CliRunner().invoke(app, ["doctor"]).stderr.split())
    assert all(each["detail"] in told for each in findings.values() if each["subject"] not in {"clock", "data folder"})


def test_each_variable_of_context_memory_is_told_with_its_setting_and_without_its_value(examine):
    found = examine(**dict.fromkeys(FOREIGN, "hunter2"), LOCI_PORT="0")["other variables"]
    assert found["state"] == "warn"
    for name in FOREIGN:
        assert (name in found["detail"].split(":")[0].split(", ")) == (name not in {"PORT", "EMBEDDING_MODEL"})
    assert "LOCI_DATABASE_URL" in found["cure"]
    assert "LOCI_WEBHOOK_URL" in found["cure"]
    assert "hunter2" not in f"{found}"


def test_a_variable_whose_setting_is_set_is_no_warning(examine):
    assert (
        examine(DATABASE_URL="postgresql://x", LOCI_DATABASE_URL="sqlite:////dev/null/x")["other variables"]["state"]
        == "ok"
    )


def test_a_port_that_another_program_has_is_told(examine):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with respx.mock:
            respx.get(f"http://127.0.0.1:{port}/health").mock(return_value=httpx.Response(200, json={"name": "other"}))
            respx.route().mock(side_effect=httpx.ConnectError("no"))
            found = examine(LOCI_PORT=str(port))["port"]
    assert (found["state"], found["detail"]) == ("fail", f"another program listens on 127.0.0.1:{port}")
    assert "LOCI_PORT" in found["cure"]
    assert examine(LOCI_PORT=str(port))["port"]["detail"] == f"127.0.0.1:{port} is free"


def test_a_port_on_which_loci_listens_is_fine(examine, data_dir):
    settings = Settings(data_dir=data_dir, embedding_model="none")

    async def meanwhile():
        async with open_site(settings, Clock()) as site:
            return await asyncio.to_thread(examine, LOCI_PORT=site.url.rpartition(":")[2], LOCI_PUBLIC_URL=site.url)

    found = asyncio.run(meanwhile())
    assert (found["port"]["state"], "a Loci server listens" in found["port"]["detail"]) == ("ok", True)
    assert found["public URL"]["state"] == "ok"


def test_a_host_that_is_not_here_is_told(examine):
    found = examine(LOCI_HOST="192.0.2.1", LOCI_PORT="8099")["port"]
    assert (found["state"], "LOCI_HOST" in found["cure"]) == ("fail", True)


def test_a_clock_that_is_behind_the_record_is_told(examine, data_dir):
    assert examine()["clock"]["state"] == "ok"
    later = utc_now() + timedelta(hours=1)
    account = {"id": "a", "name": "a", "name_key": "a", "created_at": later}
    user = {"id": new_id(later), "name": "a", "name_key": "a", "account_id": "a", "created_at": later}
    write(
        data_dir,
        sa.insert(users.metadata.tables["accounts"]).values(**account),
        sa.insert(users).values(**user),
    )
    found = examine()["clock"]
    assert (found["state"], "60 minutes before the newest row" in found["detail"]) == ("fail", True)
    assert "timedatectl" in found["cure"]


@pytest.fixture
def remembered(data_dir):
    """A workspace with a memory, whose vectors are of a model with three dimensions."""
    settings = Settings(data_dir=data_dir, embedding_model="none")

    async def fill():
        async with open_site(settings, Clock()) as site:
            await (await site.add_person()).store("heron")

    asyncio.run(fill())

    async def embed(connection):
        model = Model("old", "0" * 64, 3, 256, "")
        generation = await generations.ensure_generation(connection, model, Clock()())
        memory_id = (await connection.execute(sa.select(memories.c.id))).scalar_one()
        await vectors.put_vectors(connection, generation, {memory_id: TextVectors(np.ones((1, 3), np.float32))})
        await connection.execute(sa.update(workspaces).values(generation=generation))

    write(data_dir, embed)


@pytest.mark.usefixtures("remembered")
def test_another_model_or_length_than_that_of_the_stored_vectors_is_a_warning_and_no_loss(examine):
    assert examine()["vectors"] == {
        "subject": "vectors",
        "state": "ok",
        "detail": "1 of 1 memories have vectors of old, 3 dimensions",
        "cure": "",
    }
    with respx.mock:
        respx.route().mock(side_effect=httpx.ConnectError("refused"))
        for model, dims in (("new", "0"), ("old", "2")):
            variables = {"LOCI_EMBEDDING_MODEL": model, "LOCI_EMBEDDING_DIMS": dims}
            found = examine(LOCI_EMBEDDING_URL="http://127.0.0.1:9/v1", **variables)
            assert found["vectors"]["state"] == "warn"
            assert f"LOCI_EMBEDDING_MODEL is {model} now" in found["vectors"]["detail"]
            assert "Nothing is lost" in found["vectors"]["cure"]
            assert found["embedding model"]["detail"] == "the embedding endpoint cannot be reached (ConnectError)"


def test_events_that_were_given_up_are_told_with_the_command(examine, data_dir):
    assert examine()["webhook"]["detail"] == "none is set"
    write(data_dir, lambda connection: Outbox(utc_now).put(connection, "plan.changed", {}))
    assert examine(**WEBHOOK)["webhook"]["state"] == "ok"
    write(data_dir, sa.update(webhook_events).values(state="failed"))
    found = examine(**WEBHOOK)["webhook"]
    assert (found["state"], "1 were given up" in found["detail"]) == ("fail", True)
    assert "webhook retry --failed" in found["cure"]


def test_copies_of_the_record_are_named_with_their_end(examine, data_dir):
    assert examine()["copies of the record"]["detail"] == "none"
    (data_dir / "loci.before-0002.db").touch()
    found = examine()["copies of the record"]
    assert (found["state"], "loci.before-0002.db is the record from before an upgrade" in found["detail"]) == (
        "ok",
        True,
    )
    (data_dir / "loci.before-restore-20261101.db").touch()
    found = examine()["copies of the record"]
    assert (found["state"], "whoever runs the server deletes it" in found["detail"]) == ("warn", True)


@pytest.mark.parametrize("url", ["postgresql://loci:hunter2@127.0.0.1:1/loci", "sqlite:////proc/nowhere/loci.db"])
def test_a_record_that_cannot_be_reached_is_told_once(examine, url):
    found = examine(LOCI_DATABASE_URL=url)
    assert found["record"]["state"] == "fail"
    assert not {"clock", "copies of the record", "vectors", "webhook"} & set(found)
    assert "hunter2" not in f"{found}"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(200, json={"title": "qdrant", "version": "1.9.0"}), "Qdrant 1.9.0 is too old"),
        (httpx.ConnectError("refused"), ""),
    ],
)
def test_a_qdrant_server_that_is_too_old_or_away_is_told(examine, answer, told):
    with respx.mock:
        respx.route().mock(side_effect=[answer] * 9)
        found = examine(LOCI_QDRANT_URL="http://127.0.0.1:6333")["search store"]
    assert (found["state"], told in found["detail"]) == ("fail", True)
    assert "LOCI_QDRANT_URL" in found["cure"]


def test_a_record_that_lacks_parts_of_its_schema_is_told_which(examine, data_dir):
    examine()  # makes the record
    with closing(sqlite3.connect(data_dir / "loci.db")) as connection:
        connection.execute("DROP TABLE observation_sources")
        connection.execute("ALTER TABLE images RENAME COLUMN mimetype TO kind")
        connection.commit()
    found = examine()["record"]
    assert found["state"] == "fail"
    assert found["detail"].endswith(": images.mimetype, observation_sources")
    assert "restore a backup" in found["cure"]


def test_a_record_that_names_two_steps_is_a_sentence_in_every_command(examine, data_dir):
    examine()
    with closing(sqlite3.connect(data_dir / "loci.db")) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('0003')")
        connection.commit()
    assert f"at step 0003 and {HEAD}" in examine()["record"]["detail"]
    result = CliRunner().invoke(app, ["user", "list"])
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert f"at step 0003 and {HEAD}: the record names several steps" in " ".join(result.output.split())
