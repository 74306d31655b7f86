"""The variables that set the settings: those of the environment and of the file `loci.env`, and the files of secrets.

Which settings there are, and which values they may have, is the business of config.py.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import parse_stream

from server.places import find_settings_file
from server.small_files import UnusableFile, read_small_file

PREFIX = "LOCI_"
#: Names another file of settings. It stands in the environment alone.
FILE_VARIABLE = "LOCI_ENV_FILE"
#: The usual file of settings.
SETTINGS_FILE = find_settings_file()
#: The bytes of a file of settings.
MOST_BYTES = 1 << 20
#: Variables of the tests, the hook, the Caddyfile and docker compose. They are no settings of the server, but its
#: environment may hold them.
_OTHERS = re.compile(
    r"LOCI_((TEST|BENCH|HOOK)_\w+|URL|API_KEY|WORKSPACE"
    r"|TLS|UPSTREAM|HTTP_PORT|IMAGE|MEMORY|FRONT_SUBNET|PROXY_ADDRESS)"
)


@dataclass(frozen=True, slots=True)
class Given:
    """The text that somebody has set for a setting, and the variable that they set, with its file if it has one.

    `folder` is the folder in which a relative path in the text begins: the working folder, or that of the file.
    """

    text: str
    variable: str
    folder: Path = Path()


class _UnusableFile(Exception):  # noqa: N818 - it names a state of the file
    """A file of settings cannot be read. The message names the file, and the line if one is wrong."""


def is_for_others(name: str) -> bool:
    """Whether a variable with our prefix is for the tests, the benchmarks or the hook, and no setting of the server."""
    return _OTHERS.fullmatch(name) is not None


def read_variables(environ: Mapping[str, str], settings: Mapping[str, bool]) -> tuple[dict[str, Given], list[str]]:
    """Read the file of settings, the environment, which wins, and the files of secrets that both name.

    A variable with an empty value is as if it was not set.

    Args:
        environ: the environment.
        settings: for each setting, in lower case and without the prefix, whether it is a secret.

    Returns:
        The settings that are set, and one line for each variable or file that is wrong.
    """
    problems: list[str] = []
    wanted = environ.get(FILE_VARIABLE, "").strip()
    path = Path(wanted) if wanted else SETTINGS_FILE
    given: dict[str, Given] = {}
    if wanted or path.exists():
        try:
            given = _choose_settings(_read_settings_file(path), path, settings, problems)
        except _UnusableFile as error:
            problems.append(str(error))
    ours = {name: value for name, value in environ.items() if name.startswith(PREFIX) and name != FILE_VARIABLE}
    return given | _choose_settings(ours, None, settings, problems), problems


def _read_settings_file(path: Path) -> dict[str, str]:
    """Return the variables that a file sets. Quotes and comments are those of a shell; nothing is expanded."""
    try:
        text = read_small_file(path, MOST_BYTES).decode("utf-8-sig")
    except UnusableFile as error:
        raise _UnusableFile(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise _UnusableFile(f"{path}: must be UTF-8 text") from None
    lines = list(parse_stream(io.StringIO(text, newline=None)))
    variables: dict[str, str] = {}
    for line in lines:
        # an empty line and a comment have neither a key nor a value
        if line.error or (line.key is not None and line.value is None):
            text = line.original.string  # with the empty lines before it
            number = line.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            raise _UnusableFile(f"{path}, line {number}: must be NAME=value")
        if line.key is not None and line.value is not None:
            variables[line.key] = line.value
    return variables


def has_foreign_bytes(text: str) -> bool:
    """Whether a text of the environment or the command line has bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _choose_settings(
    variables: Mapping[str, str], file: Path | None, settings: Mapping[str, bool], problems: list[str]
) -> dict[str, Given]:
    """Return the settings that the variables of a file or of the environment set, by their names.

    Wrong variables are added to the problems.
    """
    place, folder = (f" in {file}", file.absolute().parent) if file else ("", Path())
    found: dict[str, Given] = {}
    for variable, value in variables.items():
        if is_for_others(variable):
            continue
        name, label = variable.removeprefix(PREFIX).lower() if variable.startswith(PREFIX) else "", variable + place
        base = name if name in settings else name.removesuffix("_file")
        if base not in settings or (base != name and not settings[base]):
            problems.append(f"{label}: there is no such setting; docs/configuration.md lists them")
            continue
        text = value.strip()
        if has_foreign_bytes(text):
            problems.append(f"{label}: must be UTF-8 text")
            continue
        if text and base != name:
            text = _read_secret(folder / text, label, problems)
        if text and base in found:
            problems.append(f"{label}: {found[base].variable} is set too; leave one of them out")
        elif text:
            found[base] = Given(text, label, folder)
    return found


def _read_secret(path: Path, label: str, problems: list[str]) -> str:
    """Return the text of a secret's file. If it cannot be read or is empty, return no text, and add a problem."""
    try:
        text = read_small_file(path).decode("utf-8-sig").strip()
    except UnusableFile as error:
        problems.append(f"{label}: {path}: {error}")
    except UnicodeDecodeError:
        problems.append(f"{label}: {path}: must be UTF-8 text")
    else:
        if not text:
            problems.append(f"{label}: {path}: the file is empty")
        return text
    return ""
