"""A Qdrant server for tests: the part of its REST interface that we speak, over the embedded engine.

It lets the real client run over real HTTP. It knows nothing of replicas, time limits or optimizers.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import qdrant_edge as edge
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

VERSION = "1.16.0"
READS = ("query/batch", "scroll", "count")
SEGMENTS = {"hnsw": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}, "flush": {"flush_interval_sec": 5}}


def answer_result(result):
    return JSONResponse({"result": result, "status": "ok", "time": 0.0})


def answer_error(status, message):
    return JSONResponse({"status": {"error": message}, "time": 0.0}, status)


def build_condition(said: dict[str, Any]) -> edge.HasIdCondition | edge.Filter | edge.FieldCondition:
    if "has_id" in said:
        return edge.HasIdCondition(set(said["has_id"]))
    if "key" not in said:
        return build_filter(said)
    if said.get("range"):
        return edge.FieldCondition(said["key"], range=edge.RangeFloat(lte=said["range"]["lte"]))
    values = said["match"].get("any", [said["match"].get("value")])
    return edge.FieldCondition(said["key"], match=edge.MatchAny(values))


def build_optional_filter(said: dict[str, Any] | None) -> edge.Filter | None:
    return None if said is None else build_filter(said)


def build_filter(said: dict[str, Any]) -> edge.Filter:
    must, should = said.get("must"), said.get("should")
    return edge.Filter(
        must=[build_condition(one) for one in must] if must else None,
        should=[build_condition(one) for one in should] if should else None,
    )


def build_vector(said):
    return edge.SparseVector(said["indices"], said["values"]) if isinstance(said, dict) else said


def list_vectors(vectors):
    def said(vector):
        if isinstance(vector, edge.SparseVector):
            return {"indices": vector.indices, "values": vector.values}
        return vector

    return {name: said(vector) for name, vector in (vectors or {}).items()}


def build_query(said):
    vector = edge.Query.Nearest(build_vector(said["query"]["nearest"]), using=said["using"])
    idf = (said.get("params") or {}).get("idf")
    params = edge.SearchParams(exact=True, idf=edge.IdfParams(build_optional_filter(idf["corpus"])) if idf else None)
    return edge.QueryRequest(
        said["limit"],
        query=vector,
        filter=build_optional_filter(said.get("filter")),
        with_payload=said["with_payload"],
        with_vector=said.get("with_vector"),
        params=params,
        score_threshold=said.get("score_threshold"),
    )


def build_operation(said):
    if "upsert" in said:
        points = [
            edge.Point(
                one["id"], {name: build_vector(vector) for name, vector in one["vector"].items()}, one["payload"]
            )
            for one in said["upsert"]["points"]
        ]
        return edge.UpdateOperation.upsert_points(
            points, condition=build_optional_filter(said["upsert"].get("update_filter"))
        )
    said = said["set_payload"]
    return edge.UpdateOperation.set_payload_by_filter(build_filter(said["filter"]), said["payload"])


def build_params(said):
    nearest_part = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim) if said.get("multivector_config") else None
    return edge.EdgeVectorParams(size=said["size"], distance=edge.Distance.Cosine, multivector_config=nearest_part)


class QdrantDouble:
    """The server. It refuses each write with the status `refused`, unless that is None."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.refused: int | None = None
        self.shards = {}
        self.made_with = {}

    async def root(self, request):  # noqa: ARG002 - Starlette passes it
        return JSONResponse({"title": "qdrant", "version": VERSION})

    async def names(self, request):  # noqa: ARG002 - Starlette passes it
        return answer_result({"collections": [{"name": name} for name in self.shards]})

    async def exists(self, request):
        return answer_result({"exists": request.path_params["name"] in self.shards})

    async def collection(self, request: Request):
        name = request.path_params["name"]
        if request.method == "PUT":
            return self.create(name, await request.json())
        if name not in self.shards:
            return answer_error(404, f"Collection `{name}` doesn't exist!")
        if request.method == "DELETE":
            self.shards.pop(name).close()
            return answer_result(True)
        return answer_result(self.info(name))

    def create(self, name, said):
        if name in self.shards:
            return answer_error(409, f"Collection `{name}` already exists!")
        path = self.folder / f"{len(self.made_with)}-{name}"
        path.mkdir()
        config = edge.EdgeConfig(
            vectors={key: build_params(one) for key, one in said["vectors"].items()} or None,
            sparse_vectors={"text": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
            max_search_threads=1,
        )
        self.shards[name] = edge.EdgeShard.create(str(path), config)
        self.made_with[name] = said["vectors"]
        return answer_result(True)

    def info(self, name):
        shard = self.shards[name].info()
        schema = {key: {"data_type": "keyword", "points": one.points} for key, one in shard.payload_schema.items()}
        optimizer = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "segments_count": shard.segments_count,
            "config": {
                "params": {"vectors": self.made_with[name]},
                "hnsw_config": SEGMENTS["hnsw"],
                "optimizer_config": optimizer | SEGMENTS["flush"],
            },
            "payload_schema": schema,
        }

    async def points(self, request):
        name, verb = request.path_params["name"], request.path_params["verb"]
        if name not in self.shards:
            return answer_error(404, f"Collection `{name}` doesn't exist!")
        return answer_result(getattr(self, verb.replace("/", "_"))(self.shards[name], await request.json()))

    async def index(self, request):
        said = await request.json()
        operation = edge.UpdateOperation.create_field_index(said["field_name"], edge.PayloadSchemaType.Keyword)
        self.shards[request.path_params["name"]].update(operation)
        return answer_result({"operation_id": 1, "status": "completed"})

    def batch(self, shard, said):
        for one in said["operations"]:
            shard.update(build_operation(one))
        return [{"operation_id": 1, "status": "completed"} for _ in said["operations"]]

    def delete(self, shard, said):
        shard.update(edge.UpdateOperation.delete_points_by_filter(build_filter(said["filter"])))
        return {"operation_id": 1, "status": "completed"}

    def query_batch(self, shard, said):
        answers = shard.query_batch(edge.QueryBatchRequest([build_query(one) for one in said["searches"]]))
        return [
            {
                "points": [
                    {
                        "id": str(p.id),
                        "version": 0,
                        "score": p.score,
                        "payload": p.payload,
                        "vector": list_vectors(p.vector),
                    }
                    for p in answer
                ]
            }
            for answer in answers
        ]

    def scroll(self, shard, said):
        request = edge.ScrollRequest(
            offset=said.get("offset"),
            limit=said["limit"],
            filter=build_optional_filter(said.get("filter")),
            with_payload=said["with_payload"],
            with_vector=said.get("with_vector"),
        )
        records, offset = shard.scroll(request)
        points = [{"id": str(r.id), "payload": r.payload, "vector": list_vectors(r.vector)} for r in records]
        return {"points": points, "next_page_offset": None if offset is None else str(offset)}

    def count(self, shard, said):
        return {"count": shard.count(edge.CountRequest(exact=True, filter=build_optional_filter(said.get("filter"))))}

    def refuse_writes(self, endpoint):
        """The endpoint, which refuses if the request writes and the double is told to."""

        async def answer(request: Request):
            if request.method == "GET" or request.path_params.get("verb") in READS:
                return await endpoint(request)
            return await endpoint(request) if self.refused is None else answer_error(self.refused, "no writes")

        return answer

    def app(self):
        refuse_writes = self.refuse_writes
        return Starlette(
            routes=[
                Route("/", self.root),
                Route("/collections", self.names),
                Route("/collections/{name}", refuse_writes(self.collection), methods=["GET", "PUT", "DELETE"]),
                Route("/collections/{name}/exists", self.exists),
                Route("/collections/{name}/index", refuse_writes(self.index), methods=["PUT"]),
                Route("/collections/{name}/points/{verb:path}", refuse_writes(self.points), methods=["POST"]),
            ]
        )


@contextlib.contextmanager
def serve_double(double: QdrantDouble) -> Iterator[str]:
    """A server on a free port of the loopback, by its URL; the socket listens before the thread starts."""
    config = uvicorn.Config(double.app(), lifespan="off", log_level="error", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            for shard in double.shards.values():
                shard.close()
