"""Names that their shape shows: files, hosts, identifiers, and products with capital letters inside."""

import re
from typing import NamedTuple

from server.memory.entities.names import MOST_CHARACTERS, FoundType
from server.memory.entities.word_lists import COMMON


class Span(NamedTuple):
    """A name in a text: the place where it begins, that behind its end, the name, and its type."""

    start: int
    end: int
    name: str
    type: FoundType


_EXTENSIONS = (
    "py|pyi|js|jsx|ts|tsx|mjs|cjs|md|mdx|rst|txt|json|jsonl|yaml|yml|toml|ini|cfg|conf|env|sh|bash|zsh|fish|ps1|sql|db|"
    "sqlite|csv|tsv|parquet|rs|go|java|kt|swift|c|h|cc|cpp|hpp|cs|rb|php|lua|pl|r|html|htm|css|scss|sass|less|svg|png|jpg|"
    "jpeg|gif|webp|pdf|doc|docx|xls|xlsx|ppt|pptx|odt|zip|gz|tgz|tar|log|lock|ipynb|proto|tf|tfvars|gradle|xml|vue|svelte|"
    "service|crt|pem|key|wasm|onnx|bak"
)
_ENDS_OF_HOSTS = (
    "com|org|net|io|dev|ai|app|co|uk|de|fr|eu|us|edu|gov|info|cloud|example|test|local|localhost|internal|lan|corp|home|"
    "intranet|me|tv|ch|at|nl|it|es|se|no|jp|cn|in|br|au|ca|xyz|tech|so|sh|invalid"
)
_FILES_WITHOUT_END = "Makefile|Dockerfile|Jenkinsfile|Procfile|Vagrantfile|Gemfile|Rakefile|Caddyfile|Justfile"

# The order matters: the first that fits a place is taken.
_SHAPES = re.compile(
    rf"""
      (?P<ticks>`[^`\n]{{1,100}}`)
    | (?P<url>\bhttps?://(?P<url_host>[\w.-]+(?::\d+)?)[^\s)>\]"'`]*)
    | (?P<mail>\b[\w.+-]{{1,64}}@[\w-]+(?:\.[\w-]+)+\b)
    | (?P<scoped>(?<!\w)@[a-z][\w-]*/[\w.-]+\w)
    | (?P<path>(?<![\w/.~-])(?:~/|\.{{1,2}}/|/)?(?:[\w.@+-]{{1,80}}/){{1,20}}[\w.@+*-]*\w\b(?:\.\w+)?/?)
    | (?P<root>(?<![\w/.~<-])(?:~/|/)[\w.-]+\w(?:/[\w.@+-]+)*)
    | (?P<handle>(?<![\w@.])@[A-Za-z][\w-]{{1,38}}\b)
    | (?P<address>\b(?:\d{{1,3}}\.){{3}}\d{{1,3}}\b(?::\d{{2,5}}\b)?)
    | (?P<named_file>\b(?:{_FILES_WITHOUT_END})\b)
    | (?P<dotted>(?<![\w.-])\.?\w[\w-]*(?:\.[\w-]+)+(?:\(\))?(?::\d{{2,5}}\b)?)
    | (?P<dot_file>(?<![\w./])\.(?:env|gitignore|dockerignore|bashrc|zshrc|npmrc|editorconfig|prettierrc|nvmrc|vimrc)\b)
    | (?P<ticket>\b[A-Z][A-Z0-9]{{1,9}}-\d{{1,6}}\b)
    | (?P<number>(?<![\w#&/])\#\d{{1,6}}\b)
    | (?P<call>\b[A-Za-z_]\w*\(\))
    | (?P<flag>(?<![\w-])--[a-z][a-z0-9]+(?:-[a-z0-9]+)*\b)
    | (?P<snake>\b_*[A-Za-z][A-Za-z0-9]*(?:_+[A-Za-z0-9]+)+\b)
    | (?P<camel>\b[a-z]+[A-Z][a-z0-9]\w*\b|\b[a-z]{{1,5}}[A-Z]{{2,4}}\b)
    | (?P<machine>\b[a-z]{{2,}}(?:-[a-z0-9]+)*-(?:\d{{1,3}}|prod|staging|dev|db)\b)
    """,
    re.VERBOSE,
)
_FILE = re.compile(rf"(?:[\w.@+*-]+)\.(?:{_EXTENSIONS})$|^\.[a-z]\w+(?:\.\w+)?$", re.IGNORECASE)
_HOST = re.compile(rf"^(?:[\w-]+\.)+(?:{_ENDS_OF_HOSTS})(?::\d{{2,5}})?$|^[\w-]+:\d{{2,5}}$", re.IGNORECASE)
_PRODUCT_WITH_DOT = re.compile(r"^(?:[A-Z][A-Za-z0-9]*\.(?:js|ts|io|ai|NET|py|rs)|llama\.cpp|[A-Z]+\.NET)$")
_CAMEL_PRODUCT = re.compile(r"^(?:i|e|mac|watch|tv|pg|web|open)[A-Z]+[a-z]*[A-Z]?[a-z]*\d*$")
_IDENTIFIER = re.compile(r"^\$?[A-Za-z_@][\w./:@#-]*(?:\(\))?$")
_NO_TICKETS_TEXT = "UTF SHA ISO RFC AES MD UTC GMT COVID MP H ES ECMA CVE RSA TLS HTTP IEEE USB A B C PS WW CO Q"
#: Standards and other things with a number, which are no tickets.
_NO_TICKETS = frozenset(_NO_TICKETS_TEXT.split())
_LARGEST_BYTE = 255
_VALUES = frozenset(["true", "false", "null", "none"])
_MODELS = frozenset(["GPT", "BERT", "T5", "GLM", "O"])


def find_shapes(text: str) -> list[Span]:
    """Return the names that their shape shows, in their order. No two overlap."""
    found: list[Span] = []
    for match in _SHAPES.finditer(text):
        span = _READERS[match.lastgroup or ""](match)
        if span is not None and 1 < len(span.name) <= MOST_CHARACTERS:
            found.append(span)
    return found


def _make_span(match: re.Match[str], name: str, kind: FoundType) -> Span:
    return Span(match.start(), match.end(), name, kind)


def _read_ticks(match: re.Match[str]) -> Span | None:
    """A text that somebody marked as code: a file, a host or an identifier, if it is one word."""
    name = match.group()[1:-1].strip().rstrip("/")
    if (
        " " in name
        or not _IDENTIFIER.match(name)
        or name.lower() in COMMON
        or name in ("true", "false", "null", "None")
    ):
        return None
    return _make_span(match, name.removesuffix("()"), _tell_type(name))


def _tell_type(name: str) -> FoundType:
    if "/" in name or _FILE.search(name):
        return "file"
    return "host" if _HOST.match(name) else "identifier"


def _read_url(match: re.Match[str]) -> Span | None:
    return _make_span(match, match["url_host"].rstrip("."), "host")


def _read_mail(match: re.Match[str]) -> Span | None:
    return _make_span(match, match.group(), "identifier")


def _read_path(match: re.Match[str]) -> Span | None:
    name = match.group().rstrip("/.,")
    first, _, rest = name.partition("/")
    if _HOST.match(first) and "." in first and not _FILE.search(first):
        return _make_span(match, first, "host")
    is_rooted = name.startswith(("/", "~", "./", "../"))
    has_end = _FILE.search(rest.rpartition("/")[2] or rest) is not None
    if has_end or (is_rooted and len(name) > len("~/") and any(map(str.isalpha, name))):
        return _make_span(match, name, "file")
    is_deep = name.count("/") > 1 and not any(part.isdigit() for part in name.split("/"))
    if match.group().endswith("/") and any(map(str.isalpha, name)):
        return _make_span(match, name, "file")
    return _make_span(match, name, "file") if is_deep and name.islower() else None


def _read_handle(match: re.Match[str]) -> Span | None:
    return _make_span(match, match.group(), "person")


def _read_address(match: re.Match[str]) -> Span | None:
    parts = match.group().partition(":")[0].split(".")
    return _make_span(match, match.group(), "host") if all(int(part) <= _LARGEST_BYTE for part in parts) else None


def _read_dotted(match: re.Match[str]) -> Span | None:
    name = match.group()
    if _PRODUCT_WITH_DOT.match(name):
        return _make_span(match, name, "product")
    if _FILE.search(name):
        return _make_span(match, name, "file")
    if _HOST.match(name):
        return _make_span(match, name, "host")
    if name.endswith("()") or (re.fullmatch(r"[a-z_]\w+(?:\.[a-z_]\w+)+", name, re.IGNORECASE) and "_" in name):
        return _make_span(match, name.removesuffix("()"), "identifier")
    return None


def _read_ticket(match: re.Match[str]) -> Span | None:
    head = match.group().partition("-")[0]
    if head in _MODELS:
        return _make_span(match, match.group(), "product")
    return None if head in _NO_TICKETS else _make_span(match, match.group(), "identifier")


def _read_identifier(match: re.Match[str]) -> Span | None:
    return _make_span(match, match.group().removesuffix("()"), "identifier")


def _read_camel(match: re.Match[str]) -> Span | None:
    name = match.group()
    if len(name) <= len("ID") or name.endswith(("PMs", "IDs")):
        return None
    return _make_span(match, name, "product" if _CAMEL_PRODUCT.match(name) else "identifier")


def _read_file(match: re.Match[str]) -> Span | None:
    return _make_span(match, match.group(), "file")


def _read_machine(match: re.Match[str]) -> Span | None:
    name = match.group()
    head = name.partition("-")[0]
    return None if head in COMMON or head in _NOT_MACHINES else _make_span(match, name, "host")


_NOT_MACHINES_TEXT = """
    top non pre mid sub ten twenty thirty forty fifty sixty seventy eighty ninety hundred covid gpt utf sha iso
    part phase stage level grade type tier class chapter round zone plan python node java
"""
_NOT_MACHINES = frozenset(_NOT_MACHINES_TEXT.split())
_READERS = {
    "ticks": _read_ticks,
    "url": _read_url,
    "mail": _read_mail,
    "scoped": _read_identifier,
    "path": _read_path,
    "root": _read_path,
    "handle": _read_handle,
    "address": _read_address,
    "named_file": _read_file,
    "dotted": _read_dotted,
    "dot_file": _read_file,
    "ticket": _read_ticket,
    "number": _read_identifier,
    "call": _read_identifier,
    "flag": _read_identifier,
    "snake": _read_identifier,
    "camel": _read_camel,
    "machine": _read_machine,
}
