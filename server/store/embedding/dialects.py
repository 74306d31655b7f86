"""The forms of requests and answers of the services that make embeddings: OpenAI's, Cohere's, Voyage's and Ollama's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from server.store.embedding.calls import Purpose

#: Some models at Ollama expect words before a text, which Ollama does not add: before a query, and before a document.
_PREFIXES: dict[str, tuple[str, str]] = {
    "nomic-embed-text": ("search_query: ", "search_document: "),
    "embeddinggemma": ("task: search result | query: ", "title: none | text: "),
    "mxbai-embed-large": ("Represent this sentence for searching relevant passages: ", ""),
    "snowflake-arctic-embed2": ("query: ", ""),
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of one service.

    Attributes:
        name: names the form in a digest; empty for OpenAI's, whose vectors are older than the other forms.
        service: how messages call the API.
        path: the path behind the URL.
        batch_texts: the texts of one request: below each limit of the service, and an answer takes a few milliseconds
            to read.
        build_body: makes the body of a request for a model, a length of vectors (0: the model's own), texts, purpose.
        read_rows: returns the vectors in a parsed answer; a wrong form raises one of Python's own errors.
        find_lasting_cause: returns the cause of a 429 that waiting does not end, from the parsed answer; else empty. A
            wrong form raises one of Python's own errors.
        advise_missing: returns the advice for a model that is not there, or empty.
    """

    name: str
    service: str
    path: str
    batch_texts: int
    build_body: Callable[[str, int, Sequence[str], Purpose], dict[str, Any]]
    read_rows: Callable[[Any], Sequence[Any]]
    find_lasting_cause: Callable[[Any], str] = lambda _: ""
    advise_missing: Callable[[str], str] = lambda _: ""


def _build_openai(model: str, dims: int, texts: Sequence[str], _purpose: Purpose) -> dict[str, Any]:
    return {"model": model, "input": list(texts)} | ({"dimensions": dims} if dims else {})


def _read_indexed(answer: Any) -> Sequence[Any]:
    rows = sorted(answer["data"], key=lambda row: row.get("index", 0))
    return [row["embedding"] for row in rows]


def _find_missing_credit(answer: Any) -> str:
    error = answer["error"]
    return "; the account there has no credit left" if "insufficient_quota" in (error["code"], error["type"]) else ""


def _build_cohere(model: str, dims: int, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "texts": list(texts),
        "input_type": f"search_{purpose}",
        "embedding_types": ["float"],
    }
    return body | ({"output_dimension": dims} if dims else {})


def _build_voyage(model: str, dims: int, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "input": list(texts), "input_type": purpose}
    return body | ({"output_dimension": dims} if dims else {})


def _build_ollama(model: str, dims: int, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
    for_query, for_document = _PREFIXES.get(model.partition(":")[0], ("", ""))
    prefix = for_query if purpose == "query" else for_document
    body: dict[str, Any] = {"model": model, "input": [f"{prefix}{text}" for text in texts]}
    return body | ({"dimensions": dims} if dims else {})


OPENAI = Dialect(
    "",
    "OpenAI's embeddings API",
    "/embeddings",
    16,  # an answer of half a megabyte at 1536 dimensions, a millisecond to parse
    _build_openai,
    _read_indexed,
    find_lasting_cause=_find_missing_credit,
)
DIALECTS: dict[str, Dialect] = {
    "openai": OPENAI,
    "cohere": Dialect(
        "cohere", "Cohere's API", "/embed", 32, _build_cohere, lambda answer: answer["embeddings"]["float"]
    ),
    "voyage": Dialect("voyage", "Voyage's API", "/embeddings", 32, _build_voyage, _read_indexed),
    "ollama": Dialect(
        "ollama",
        "Ollama's API",
        "/api/embed",
        16,
        _build_ollama,
        lambda answer: answer["embeddings"],
        advise_missing=lambda model: f"run `ollama pull {model}` there",
    ),
}
