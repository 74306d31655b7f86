"""`install-service`: a systemd unit for this installation."""

import os
import pwd
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from server.cli.common import fail, print_line, stderr
from server.config import load_settings
from server.places import ROOT, find_settings_file, is_checkout
from server.store.embedding.models.model_folder import find_model
from server.variables import FILE_VARIABLE, PREFIX, is_for_others

UNIT = "loci.service"
SYSTEM_FOLDER = Path("/etc/systemd/system")

#: The folders that `ProtectHome=tmpfs` empties.
_HOMES = tuple(Path(path) for path in ("/home", "/root", "/run/user"))
#: The variables that stand in the unit.
_IN_THE_UNIT = frozenset({FILE_VARIABLE, f"{PREFIX}DATA_DIR"})

#: A manager of one user may do no more than this: the kernel lets only an administrator hide folders and devices.
_USER_HARDENING = """\
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
UMask=0077
"""

_SYSTEM_HARDENING = (
    _USER_HARDENING
    + """\
CapabilityBoundingSet=
DevicePolicy=closed
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=tmpfs
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
"""
)


@dataclass(frozen=True, slots=True)
class Installation:
    """All that a unit says about an installation. It reads the folders `readable` and writes the folder `data`."""

    user: str
    program: Path
    readable: tuple[Path, ...]
    settings_file: Path
    data: Path


def install_service(
    *,
    system: Annotated[
        bool | None,
        typer.Option("--system/--user", help="For the whole machine, or for you alone. Default: --system for root."),
    ] = None,
    show: Annotated[bool, typer.Option("--print", help="Print the unit and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a unit that is there.")] = False,
) -> None:
    """Write a systemd unit that runs this installation on this data folder, and print the commands to start it.

    The service runs as the owner of the installation. It reads its settings from `loci.env`; the unit holds none.
    """
    for_system = os.geteuid() == 0 if system is None else system
    installation = _find_installation()
    if for_system and installation.user == "root":
        fail(
            "This installation belongs to root, and the service must not run as root. Make a user, and install Loci as "
            "that user: useradd --system --create-home --home-dir /srv/loci loci; docs/running.md goes on from there."
        )
    unit = render_unit(installation, for_system=for_system)
    if show:
        print(unit, end="")
        return
    path = (SYSTEM_FOLDER if for_system else Path("~/.config/systemd/user").expanduser()) / UNIT
    _write_unit(path, unit, force=force)
    _print_next_steps(path, installation, for_system=for_system)


def _find_installation() -> Installation:
    """Return this installation as its owner sees it, also if somebody else calls."""
    program, home = Path(sys.prefix), ROOT if is_checkout() else Path(sys.prefix)
    if "archive-v0" in program.parts:
        fail(
            "This copy lies in the cache of uv, which may be emptied at any time. Install Loci first: "
            "uv tool install loci-memory-server"
        )
    owner = pwd.getpwuid(home.stat().st_uid)
    if owner.pw_uid != os.getuid():  # with sudo; the home of root is not the one to look in
        os.environ["HOME"] = owner.pw_dir
        for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            os.environ.pop(variable, None)
    file = Path(os.environ.get(FILE_VARIABLE) or find_settings_file()).absolute()
    settings = load_settings(dict(os.environ) | ({FILE_VARIABLE: str(file)} if file.exists() else {}))
    script = ROOT / ".venv/bin/loci" if is_checkout() else program / "bin/loci"
    data = settings.data_dir.absolute()
    if not data.exists():
        if owner.pw_uid != os.getuid():
            fail(f"There is no {data} yet. First run, as {owner.pw_name}: {script} model pull")
        data.mkdir(parents=True, mode=0o700)
    return Installation(
        user=owner.pw_name,
        program=script,
        # Python itself is elsewhere than the libraries.
        readable=(home, program, Path(sys.base_prefix), file.parent, settings.models.absolute()),
        settings_file=file,
        data=data,
    )


def render_unit(installation: Installation, *, for_system: bool) -> str:
    """Return the text of the unit, for the manager of the system or for that of a user."""
    data = installation.data
    return f"""\
# Written by `loci install-service`. Settings stand in {installation.settings_file}, and not here: it holds secrets.
[Unit]
Description=Loci, the memory server for AI agents
After=network-online.target
Wants=network-online.target
# It waits for a database that starts later, however long that takes.
StartLimitIntervalSec=0

[Service]
Type=notify
{f"User={installation.user}{chr(10)}" if for_system else ""}\
WorkingDirectory={_escape(str(data))}
ExecStart={_quote(installation.program).replace("$", "$$")} serve
Environment={_quote(f"LOCI_DATA_DIR={data}")}
{_name_file(installation)}\
Restart=on-failure
RestartSec=5
# The first start of a new version may have to migrate a large record.
TimeoutStartSec=infinity
# The engine's processes are ended by the server, after its last write.
KillMode=mixed
TimeoutStopSec=30
LimitNOFILE=65536

{_list_access(installation) + _SYSTEM_HARDENING if for_system else _USER_HARDENING}
[Install]
WantedBy={"multi-user.target" if for_system else "default.target"}
"""


def _list_access(installation: Installation) -> str:
    """Return the lines for the folders that the hardening would hide. Only the data folder can be written."""
    folders, data = dict.fromkeys(installation.readable), installation.data
    hidden = [each for each in folders if _is_hidden(each) and not {*each.parents} & {*folders, data}]
    lines = [f"BindReadOnlyPaths={_quote(f'-{folder}')}" for folder in hidden]
    lines += [f"BindPaths={_quote(data)}"] * _is_hidden(data)
    return "".join(f"{line}\n" for line in [*lines, f"ReadWritePaths={_quote(data)}"])


def _is_hidden(path: Path) -> bool:
    return any(path.is_relative_to(home) for home in _HOMES)


def _name_file(installation: Installation) -> str:
    """Return the line of the file of settings. Without it the server looks in the usual place, where one may come."""
    file = installation.settings_file
    return f"Environment={_quote(f'{FILE_VARIABLE}={file}')}\n" if file.exists() else ""


def _escape(text: str) -> str:
    """Return a text without the specifiers of systemd.unit(5)."""
    return text.replace("%", "%%")


def _quote(value: str | Path) -> str:
    """Return a value as one word of systemd.syntax(7)."""
    text = _escape(str(value)).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if any(character in text for character in " \t'\"\\") else text


def _write_unit(path: Path, unit: str, *, force: bool) -> None:
    try:
        if path.exists() and not force and path.read_text(encoding="utf-8") != unit:
            fail(f"{path} is there, and says something else. --force replaces it; --print shows the new one.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unit, encoding="utf-8")
        path.chmod(0o644)
    except OSError as error:
        cure = "Run the command with sudo." if isinstance(error, PermissionError) else ""
        fail(f"{path}: {error.strerror}. {cure}")


def _print_next_steps(path: Path, installation: Installation, *, for_system: bool) -> None:
    before, after = ("sudo ", "") if for_system else ("", " --user")
    control = f"{before}systemctl{after}"
    steps = [f"{control} daemon-reload", f"{control} enable --now loci"]
    steps.append(f"{before}journalctl{after} --unit loci --follow")
    if not for_system:
        steps.insert(0, "loginctl enable-linger   # so that it also runs while you are not logged in")
    if find_model(installation.data / "models", "auto") is None:
        pull = f"{shlex.quote(str(installation.program))} model pull"
        steps.insert(0, f"{pull}   # as {installation.user}; recall by meaning needs it")
    lines = "".join(f"  {step}\n" for step in steps)
    stderr.print(f"Wrote {path}\n\nNow run:\n{lines}", markup=False, highlight=False, soft_wrap=True, end="")
    ours = (name for name in os.environ if name.startswith(PREFIX) and not is_for_others(name))
    kept = sorted(set(ours) - set(_IN_THE_UNIT))
    if kept:
        hint = f"The service does not get {', '.join(kept)} of your shell. Put them into {installation.settings_file}."
        print_line(hint, "yellow")
