"""Shell commands: which program each part runs, whether it only looks, and which packages it adds."""

import re
from collections.abc import Iterator

_SEPARATOR = re.compile(r"&&|\|\||;|\n")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", re.DOTALL)
_BEFORE_PROGRAM = re.compile(
    r"^(?:\s*(?:sudo|time|env|command|exec|nohup|then|do|else|if|\(|!|uv run|poetry run|pipenv run|npx|bunx|"
    r"pnpm exec|yarn exec|"
    r"bundle exec|docker compose exec \S+|timeout \d+[smh]?|[A-Za-z_][A-Za-z0-9_]*=\S*)\s+)+"
)
#: Programs that only look at something: that they fail, and pass later, is no news.
_LOOKING_WORDS = """grep rg ag ls cat head tail find fd which whereis type test [ [[ diff cmp wc file stat du df ps
    pgrep dig nslookup host ping echo printf pwd cd env tree less more man jq sed awk sort uniq cut
    curl wget sleep kill pkill true false mkdir rm cp mv touch chmod export source . set for while"""
_LOOKING = frozenset(_LOOKING_WORDS.split())
#: A program whose second word says what it does.
_PROGRAMS = """npm pnpm yarn bun cargo go git docker kubectl helm terraform make just python python3 node deno
    dotnet gradle ./gradlew mvn ./mvnw bundle rails mix composer php poetry uv pip pip3 conda gh aws
    gcloud az flutter dart swift xcodebuild alembic sqlx ruby systemctl apt apt-get brew certbot
    ansible-playbook Rscript rscript sh bash tsx ts-node npm-run"""
_WITH_VERB = frozenset(_PROGRAMS.split())
_GIT_WORDS = """status log diff show branch fetch remote rev-parse blame grep ls-files"""
_GIT_LOOKS = frozenset(_GIT_WORDS.split())

_ADDING = re.compile(
    r"^(?P<tool>npm (?:i|install|add)|pnpm (?:add|i|install)|yarn(?: global)? add|bun (?:add|install|i)|"
    r"(?:python3? -m )?pip3? install|uv add|"
    r"uv pip install|poetry add|pipenv install|conda install|cargo add|go get|gem install|bundle add|composer require|"
    r"dotnet add(?: \S+)? package|flutter pub add|dart pub add|mix deps\.get|brew install|apt(?:-get)? install|"
    r"apk add)\s+(?P<rest>[^|<>]+)"
)
_PACKAGE = re.compile(
    r"^[\"']?(?P<name>@?[A-Za-z][\w.+/-]*?)(?:\[[\w,-]+\])?(?:(?:==|@|~=|>=|\^|=|:)v?(?P<version>\d[\w.+-]*|"
    r"latest))?[\"',]?$"
)
_FLAG_WITH_VALUE = frozenset(
    {
        "-r",
        "--requirement",
        "-c",
        "--index-url",
        "-i",
        "--prefix",
        "--group",
        "-C",
        "--version",
        "-v",
        "-e",
        "--features",
    }
)


def split_command(command: str) -> list[str]:
    """Return the single commands of a command line, without `sudo`, variables and the like before the program."""
    command = command.partition("<<")[0]  # what follows is the text of a document
    masked = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), command)
    places = [0, *(place for each in _SEPARATOR.finditer(masked) for place in each.span()), len(command)]
    parts = (command[start:end] for start, end in zip(places[::2], places[1::2], strict=True))
    found = (_BEFORE_PROGRAM.sub("", part.strip()).strip() for part in parts)
    return [part for part in found if part]


def name_program(part: str) -> str:
    """Return the words by which two runs of one program are known: `npm test`, `pytest`, `git push`."""
    words = part.split()
    program = words[0].rsplit("/", 1)[-1] if not words[0].startswith("./") else words[0]
    if words[0] in _WITH_VERB or program in _WITH_VERB:
        following = next((word for word in words[1:] if not word.startswith("-") or word == "-m"), "")
        if following in {"-m", "run"}:
            after = words.index(following) + 1
            following = f"{following} {words[after]}" if after < len(words) else following
        return f"{program} {following}".strip()
    return program


def is_looking(part: str) -> bool:
    """Whether a single command only looks at something, or moves files about."""
    words = part.split()
    program = words[0].rsplit("/", 1)[-1]
    return (
        program in _LOOKING
        or (program == "git" and len(words) > 1 and words[1] in _GIT_LOOKS)
        or program.startswith(("#", "}", "done", "fi"))
    )


def find_added_packages(part: str, output: str) -> Iterator[tuple[str, str | None]]:
    """Yield each package that a single command adds, with its version, if the command or its output tells it."""
    adding = _ADDING.match(part)
    if adding is None:
        return
    words = adding["rest"].split()
    for place, word in enumerate(words[:30]):
        if word.startswith("-") or (place and words[place - 1] in _FLAG_WITH_VALUE):
            continue
        package = _PACKAGE.match(word)
        if package is None or len(word) > 100 or package["name"].endswith((".txt", ".whl", ".gz", ".toml")):  # noqa: PLR2004
            continue
        version = package["version"] if package["version"] != "latest" else None
        yield package["name"], _find_version(package["name"], output) or version


def _find_version(name: str, output: str) -> str | None:
    """Return the version that a package manager printed: `+ name 1.2`, `Successfully installed name-1.2`."""
    plain = re.escape(name.replace("_", "-"))
    found = re.search(
        rf"(?:^|[\s+]){plain}(?:==|@|[ ]v?|-|:\s?)(?P<version>\d[\w.+]*)", output.replace("_", "-"), re.IGNORECASE
    )
    return found["version"].rstrip(".") if found else None
