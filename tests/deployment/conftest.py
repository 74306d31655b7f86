"""The proxies in front of Loci, caddy with our Caddyfile and nginx with the snippet of the docs, and a bare Debian."""

import asyncio
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.logins.local_ca import LocalCa
from tests.helpers.programs.processes import find_free_port, wait_for_port

ROOT = Path(__file__).parent.parent.parent
PROXIES = ("caddy", "nginx")


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs: the URL that people paste, its plain http port, and the authority of its certificate."""

    name: str
    url: str
    http_port: int
    tls: ssl.SSLContext


@asynccontextmanager
async def start_process(*command: str, cwd: Path, port: int, **environ: str) -> AsyncGenerator[None]:
    """Run a server until the block ends; it is ready if it listens on this port."""
    with (cwd / "output.txt").open("w") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=cwd, env=os.environ | environ, stdout=output, stderr=output
        )
        try:
            await wait_for_port(port, 20)
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            async with asyncio.timeout(20):
                await process.wait()


@asynccontextmanager
async def start_caddy(folder: Path, upstream: str, port: int) -> AsyncGenerator[Proxy]:
    """Run caddy with the Caddyfile of the project, as in a home network."""
    http_port, url = find_free_port(), f"https://localhost:{port}"
    command = ("caddy", "run", "--config", str(ROOT / "Caddyfile"), "--adapter", "caddyfile")
    settings = {"LOCI_PUBLIC_URL": url, "LOCI_TLS": "internal", "LOCI_UPSTREAM": upstream}
    places = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "LOCI_HTTP_PORT": str(http_port)}
    async with start_process(*command, cwd=folder, port=port, **settings, **places):
        root = folder / "caddy/pki/authorities/local/root.crt"
        yield Proxy("caddy", url, http_port, ssl.create_default_context(cafile=root))


def read_nginx_snippet() -> str:
    """Return the configuration that the docs give to copy."""
    (snippet,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/proxies.md").read_text(), re.DOTALL)
    return snippet


@asynccontextmanager
async def start_nginx(folder: Path, upstream: str, port: int) -> AsyncGenerator[Proxy]:
    """Run nginx with the snippet of the docs; only its names, ports and places are others."""
    ca, http_port, url = LocalCa.make(folder), find_free_port(), f"https://localhost:{port}"
    key, certificate = ca.issue("localhost")
    (folder / "key.pem").write_text(key)
    (folder / "certificate.pem").write_text(certificate)
    live = "/etc/letsencrypt/live/memory.example.com"
    snippet = read_nginx_snippet()
    for documented, here in {
        f"{live}/fullchain.pem": str(folder / "certificate.pem"),
        f"{live}/privkey.pem": str(folder / "key.pem"),
        "https://memory.example.com": url,
        "memory.example.com": "localhost",
        "listen 80;": f"listen 127.0.0.1:{http_port};",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "http://127.0.0.1:8080": f"http://{upstream}",
    }.items():
        assert documented in snippet
        snippet = snippet.replace(documented, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/errors.txt;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{snippet}}}\n"
    )
    command = ("nginx", "-p", str(folder), "-e", str(folder / "errors.txt"), "-c", str(folder / "nginx.conf"))
    async with start_process(*command, cwd=folder, port=port):
        yield Proxy("nginx", url, http_port, ssl.create_default_context(cafile=ca.file))


START = {"caddy": start_caddy, "nginx": start_nginx}


@pytest.fixture(params=PROXIES)
def start_proxy(request, tmp_path_factory):
    """A function that starts one of the proxies in front of an address, `host:port`, at a port."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not here: apt-get install {request.param}")

    def start(upstream: str, port: int):
        return START[request.param](tmp_path_factory.mktemp(request.param), upstream, port)

    return start


def slim(base):
    """Make a bare Debian as its slim image is: without documents and translations, and apt keeps no packages."""
    places = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt/archives")
    for place in places:
        shutil.rmtree(base / place)
        (base / place).mkdir()
    excluded = "".join(f"path-exclude /{place}/*\n" for place in places[:3])
    (base / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded)
    clean = 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n'
    keep_none = 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\n'
    (base / "etc/apt/apt.conf.d/clean").write_text(clean + keep_none)


@pytest.fixture
def ca(tmp_path):
    """The authority of the certificates of a test."""
    return LocalCa.make(tmp_path)


@pytest.fixture(scope="session")
def bare_debian(tmp_path_factory):
    """A folder with a Debian that has nothing but its base."""
    if os.getuid() or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap: apt-get install debootstrap")
    base = tmp_path_factory.mktemp("debian") / "base"
    command = ["debootstrap", "--variant=minbase", "trixie", str(base)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    slim(base)
    yield base
    shutil.rmtree(base)
