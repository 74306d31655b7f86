"""Large workspaces, made in seconds: rows and vectors straight into SQL, then projected by `reindex`.

Not a benchmark by itself. The vectors are seeded and clustered as embeddings are; the texts are made-up words.
"""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from helpers.common import MODELS, Site, Words, make_chance, screen
from numpy.typing import NDArray

NO_MODEL_DIMS = 384
CLUSTERS = 200
CHUNK = 5_000
STORED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Filled:
    """The contents of a workspace."""

    id: str
    generation: int
    texts: list[str]
    vectors: NDArray[np.float32]


def fill_workspaces(site: Site, names: list[str], each: int) -> list[Filled]:
    """Make these workspaces, with so many memories in each, and project them. No server may run."""
    generation, dims = _read_generation(site)
    chance, words = np.random.default_rng(11), Words()
    centres = chance.standard_normal((CLUSTERS, dims), dtype=np.float32)
    engine = sa.create_engine(f"sqlite:///{site.folder / 'loci.db'}")
    made: list[Filled] = []
    with engine.begin() as connection, screen.status(f"filling {len(names)} workspace(s) with {each:,} memories each"):
        for name in names:
            spread = chance.standard_normal((each, dims), dtype=np.float32)
            vectors = centres[chance.integers(0, CLUSTERS, each)] + spread
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            texts = [words.text() for _ in range(each)]
            made.append(
                Filled(_write_workspace(connection, name, generation, texts, vectors), generation, texts, vectors)
            )
    engine.dispose()
    with screen.status(f"projecting {len(names) * each:,} memories"):
        site.cli("reindex")
    return made


def _read_generation(site: Site) -> tuple[int, int]:
    """Return the id and the dims of the generation that the server here has made; the id is 0 without a model."""
    from server.store.embedding.models.model_folder import find_model  # noqa: PLC0415 - only after ROOT is importable

    model = find_model(MODELS, site.model)
    if model is None:
        return 0, NO_MODEL_DIMS
    with site.serving():
        pass
    with sqlite3.connect(site.folder / "loci.db") as connection:
        return connection.execute("SELECT max(id) FROM generations").fetchone()[0], model.dims


def _write_workspace(
    connection: sa.Connection, name: str, generation: int, texts: list[str], vectors: NDArray[np.float32]
) -> str:
    from server.memory.text import name_search_text_rule  # noqa: PLC0415 - only after ROOT is importable
    from server.store.record.vectors import pack_vectors  # noqa: PLC0415 - as above
    from server.store.tables import accounts, memories  # noqa: PLC0415 - as above

    chance = make_chance(f"{name}, {len(texts)}")
    ids = [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(len(texts) + 1)]
    workspace_id = ids.pop()
    row = {
        "id": workspace_id,
        "account_id": connection.execute(sa.select(accounts.users.c.account_id)).scalar_one(),
        "name": name,
        "name_key": name,
        "revision": len(texts),
        "flushed_revision": 0,
        "generation": generation,
        "search_text_rule": name_search_text_rule("english"),
        "created_at": STORED,
        "updated_at": STORED,
    }
    connection.execute(sa.insert(accounts.workspaces), row)
    for first in range(0, len(texts), CHUNK):
        rows = list(_make_rows(workspace_id, ids, texts, first))
        connection.execute(sa.insert(memories.memories), rows)
        connection.execute(sa.insert(memories.journal), [_make_entry(row) for row in rows])
        if generation:
            windows = [
                {"memory_id": row["id"], "generation": generation, "windows": pack_vectors(vectors[first + i])}
                for i, row in enumerate(rows)
            ]
            connection.execute(sa.insert(memories.vectors), windows)
            tokens = [
                {"memory_id": row["id"], "generation": generation, "tokens": _make_tokens(chance, row["content"])}
                for row in rows
            ]
            connection.execute(sa.insert(memories.token_vectors), tokens)
    return workspace_id


def _make_tokens(chance: random.Random, text: str) -> bytes:
    """Make the vectors of the tokens of a text: one for each word, as English has them."""
    from server.memory.embedding_model import TOKEN_DIMS  # noqa: PLC0415 - only after ROOT is importable

    return chance.randbytes(len(text.split()) * TOKEN_DIMS)


def _make_rows(workspace_id: str, ids: list[str], texts: list[str], first: int) -> Iterator[dict[str, Any]]:
    from server.memory.repetition import digest_text  # noqa: PLC0415 - only after ROOT is importable

    for place in range(first, min(first + CHUNK, len(texts))):
        at = STORED + timedelta(minutes=place)
        yield {
            "id": ids[place],
            "workspace_id": workspace_id,
            "revision": place + 1,
            "position": place + 1,
            "content": texts[place],
            "type": "observation",
            "tags": [f"tag{place % 20}"],
            "scope": "global",
            "author": f"author{place % 7}",
            "session": f"session{place // 20}",
            "created_at": at,
            "updated_at": at,
            "linkages": [],
            "relevance": 1.0,
            "access_count": 0,
            "consolidated": False,
            "metadata": {},
            # As long as those of a client with a key.
            "text_digest": digest_text(texts[place]),
            "user_id": workspace_id,
            "credential_id": workspace_id,
        }


def _make_entry(row: dict[str, Any]) -> dict[str, object]:
    """The journal's entry of a memory, as long as that of a client with a key."""
    some_id = row["id"]
    return {
        "workspace_id": row["workspace_id"],
        "memory_id": some_id,
        "revision": row["revision"],
        "at": row["created_at"],
        "operation": "ingest_memories",
        "user_id": some_id,
        "credential_id": some_id,
        "request_id": some_id,
    }


def measure_folder(folder: Path) -> int:
    """Return the megabytes that a folder takes up on the disk. Its files are sparse."""
    return sum(path.stat().st_blocks for path in folder.rglob("*") if path.is_file()) * 512 // 1_000_000
