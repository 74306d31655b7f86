"""Carries out a Dockerfile without a Docker engine: each stage in a folder of its own, made by debootstrap."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
#: The way to the registries of this machine; none of it is left in the image.
PASSED = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """The file system of a stage, and what its instructions have set."""

    root: Path
    environ: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    folder: str = "/"
    user: str = "0:0"
    commands: dict[str, list[str]] = field(default_factory=dict)


def read_instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, each with its arguments, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def run_in(root: Path, command: list[str], **environ: str) -> None:
    """Run a command in the folder as its root, with this machine's way to the registries."""
    passed = {"PATH": PATH} | {name: os.environ[name] for name in PASSED if name in os.environ}
    subprocess.run(
        ["chroot", str(root), *command],
        env=passed | environ | {"PIP_CERT": "/run/certificates.crt", "SSL_CERT_FILE": "/run/certificates.crt"},
        check=True,
        timeout=600,
    )


def copy_base(base: Path, root: Path) -> Path:
    """Copy a bare Debian, and give the copy this machine's way to the registries."""
    subprocess.run(["cp", "--archive", base, root], check=True)  # with its devices
    shutil.copy(CERTIFICATES, root / "run/certificates.crt")
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    return root


class Builder:
    """Carries out the instructions of a Dockerfile, stage by stage."""

    def __init__(self, base: Path, context: Path, folder: Path) -> None:
        self.base, self.context, self.folder = base, context, folder
        self.stages: dict[str, Stage] = {}
        self.arguments: dict[str, str] = {}
        self.stage = Stage(base)

    def build(self, text: str) -> Stage:
        """Return the last stage."""
        for name, rest in read_instructions(text):
            getattr(self, f"do_{name.lower()}")(rest)
        return self.stage

    def do_arg(self, rest: str) -> None:
        name, _, value = rest.partition("=")
        self.arguments[name] = value

    def do_from(self, rest: str) -> None:
        image, _, name = rest.partition(" AS ")
        assert image == "${BASE}"
        self.stage = Stage(copy_base(self.base, self.folder / (name or "final")))
        self.stages[name] = self.stage

    def do_run(self, rest: str) -> None:
        stage = self.stage
        run_in(stage.root, ["/bin/sh", "-c", f"cd {stage.folder} && {rest}"], **self.arguments, **stage.environ)

    def do_copy(self, rest: str) -> None:
        *flags, source, target = shlex.split(rest)
        origin = self.context
        for flag in flags:
            origin = self.stages[flag.removeprefix("--from=")].root
        place = self.stage.root / os.path.join(self.stage.folder, target).lstrip("/")  # noqa: PTH118 - an absolute target wins
        place.parent.mkdir(parents=True, exist_ok=True)
        # Symbolic links stay links: the virtual environment is made of them.
        subprocess.run(["cp", "--archive", "--no-target-directory", origin / source.lstrip("/"), place], check=True)
        for cache in place.rglob("__pycache__") if not flags else []:
            shutil.rmtree(cache)
        assert place.exists()

    def do_env(self, rest: str) -> None:
        for pair in shlex.split(rest.replace("$PATH", self.stage.environ["PATH"])):
            name, _, value = pair.partition("=")
            self.stage.environ[name] = value

    def do_workdir(self, rest: str) -> None:
        self.stage.folder = rest
        (self.stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def do_user(self, rest: str) -> None:
        self.stage.user = rest

    def do_healthcheck(self, rest: str) -> None:
        self.stage.commands["HEALTHCHECK"] = json.loads(rest.partition(" CMD ")[2])

    def do_entrypoint(self, rest: str) -> None:
        self.stage.commands["ENTRYPOINT"] = json.loads(rest)

    def do_cmd(self, rest: str) -> None:
        self.stage.commands["CMD"] = json.loads(rest)

    def do_volume(self, rest: str) -> None:
        self.stage.commands["VOLUME"] = [rest]

    def do_expose(self, rest: str) -> None:
        self.stage.commands["EXPOSE"] = [rest]


_RUN = """
set -e
mount --bind "$ROOT" "$ROOT"
[ -z "$DATA" ] || mount --bind "$DATA" "$ROOT/data"
mount -t tmpfs tmpfs "$ROOT/tmp"
mount -t proc proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
[ -z "$READ_ONLY" ] || mount -o remount,bind,ro "$ROOT"
cd "$ROOT"
exec chroot --userspec="$LOCI_TEST_USER" . /usr/bin/env -i "$@"
"""


def container_command(
    stage: Stage, data: Path | None, command: list[str], **environ: str
) -> tuple[list[str], dict[str, str]]:
    """Return a command, and its environment, that runs in a stage as `docker run --read-only` does.

    The root cannot be written, `data` is the volume, /tmp is a RAM disk, and the user is the stage's own. Without a
    volume the root can be written.
    """
    settings = [f"{name}={value}" for name, value in (stage.environ | environ).items()]
    script = ["sh", "-c", f'cd {stage.folder} && exec "$@"', "sh", *command]
    outer = {"ROOT": str(stage.root), "DATA": str(data or ""), "READ_ONLY": "yes" if data else ""}
    outer |= {"LOCI_TEST_USER": stage.user, "PATH": os.environ["PATH"]}
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _RUN, "sh", *settings, *script], outer


async def run_in_stage(stage: Stage, data: Path | None, *command: str, **environ: str) -> str:
    """Run a command in a stage until it ends, as `container_command` says; its output."""
    line, outer = container_command(stage, data, list(command), **environ)
    process = await asyncio.create_subprocess_exec(
        *line, env=outer, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
