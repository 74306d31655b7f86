"""docker-compose.yml, as the loader of docker compose reads it, and the lines of `.env` that the docs give."""

import fcntl
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from server.config import load_settings
from tests.helpers.programs.npm import install_packages

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent / "compose"
PAGE = (ROOT / "docs/containers.md").read_text()
#: For each example of `.env`: its lines. The first example is no file at all.
EXAMPLES = {"no .env": ""} | dict(re.findall(r"^```ini\n# \.env: (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
PROFILES = ("https", "postgres", "qdrant", "worker")
EVERYTHING = "everything, with a worker that does the background work"
OURS = ("loci", "worker")


@pytest.fixture(scope="session")
def loader():
    """The program that reads a compose file as `docker compose up` does."""
    if shutil.which("go") is None:
        pytest.skip("go is not here: https://go.dev/doc/install")
    folder = ROOT / ".venv/compose-go"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers may ask at once
        subprocess.run(["go", "build", "-o", folder / "services", "."], cwd=HERE, check=True, timeout=300)
    return folder / "services"


@pytest.fixture
def up(loader, tmp_path):
    """A function that returns what `docker compose up` starts with these lines of `.env`."""

    def load(dotenv):
        shutil.copy(ROOT / "docker-compose.yml", tmp_path)
        (tmp_path / ".env").write_text(dotenv)
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run([loader], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return load


@pytest.fixture(params=EXAMPLES)
def dotenv(request):
    return EXAMPLES[request.param]


def test_the_linter_has_nothing_to_say():
    linter = install_packages(HERE / "package.json", "compose") / ".bin/dclint"
    arguments = ["--max-warnings", "0", "--config", HERE / "dclint.yaml", ROOT / "docker-compose.yml"]
    done = subprocess.run([linter, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_settings_only_loci_runs_and_only_for_this_machine(up):
    (service,) = (project := up(""))["services"].values()
    (port,) = service["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "8080", 8080)
    assert [(each["source"], each["target"]) for each in service["volumes"]] == [("loci_data", "/data")]
    assert project["volumes"]["loci_data"]["name"] == "loci_loci_data"
    given = {name: value for name, value in service["environment"].items() if value}
    assert given == {"LOCI_TRUSTED_PROXIES": "172.30.77.2/32"}


def test_the_docs_have_an_example_for_every_profile():
    profiles = [re.findall(r"^COMPOSE_PROFILES=(.*)$", lines, re.MULTILINE) for lines in EXAMPLES.values()]
    assert {each for found in profiles for line in found for each in line.split(",")} == set(PROFILES)


def test_a_profile_adds_its_service(up):
    names = {"https": "caddy"}
    for profile in PROFILES:
        services = up(f"COMPOSE_PROFILES={profile}\n")["services"]
        assert set(services) == {"loci", names.get(profile, profile)}


def test_only_caddy_can_be_reached_from_other_machines(up, dotenv):
    for name, service in up(dotenv)["services"].items():
        for port in service.get("ports", []):
            assert name == "caddy" or port["host_ip"] == "127.0.0.1"
        assert "network_mode" not in service
        assert name != "caddy" or "stores" not in service["networks"]


def test_the_stores_are_in_a_network_of_their_own(up):
    project = up(EXAMPLES[EVERYTHING])
    assert project["networks"]["stores"]["internal"] is True
    for name in ("postgres", "qdrant"):
        assert list(project["services"][name]["networks"]) == ["stores"]
        assert "ports" not in project["services"][name]


def test_every_container_has_as_few_rights_as_it_can(up):
    for name, service in up(EXAMPLES[EVERYTHING])["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")
        assert int(service["mem_limit"])
        if name != "postgres":  # its start changes the owner of its folder
            assert service["cap_drop"] == ["ALL"]
        if name in (*OURS, "caddy"):
            assert service["read_only"] is True
        for volume in service.get("volumes", []):
            assert volume["type"] == "volume" or volume["read_only"]


def test_the_images_of_others_are_pinned_by_their_digest(up):
    for name, service in up(EXAMPLES[EVERYTHING])["services"].items():
        if name in OURS:
            assert (service["image"], "build" in service) == ("loci:local", True)
        else:
            assert re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", service["image"])


@pytest.fixture
def secrets(tmp_path):
    """The folder in which `make secrets` has run, without Python on the PATH."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("make", "sh", "head", "od", "tr", "mkdir", "chmod", "mv", "cat"):
        (programs / name).symlink_to(str(shutil.which(name)))
    environ = {"PATH": str(programs), "HOME": str(tmp_path)}

    def run():
        make = ["make", "--no-print-directory", "secrets"]
        done = subprocess.run(make, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
        return done.stdout

    return tmp_path, run


def test_secrets_are_made_once_and_the_lines_for_them_are_those_of_the_docs(secrets):
    folder, run = secrets
    printed = [line for line in run().splitlines() if "=" in line]
    assert set(printed) <= set(EXAMPLES[EVERYTHING].splitlines())
    assert len(printed) == 6
    made = {path.name: path.read_text() for path in (folder / "secrets").iterdir()}
    assert run().count("=") == 6
    assert {path.name: path.read_text() for path in (folder / "secrets").iterdir()} == made
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (folder / "secrets").iterdir()} == {0o644}
    password, key = made["postgres_password"].strip(), made["qdrant_api_key"].strip()
    assert made["database_url"].strip() == f"postgresql://loci:{password}@postgres:5432/loci"
    assert made["qdrant_config"].strip() == f"service: {{api_key: {key}}}"
    values = {password, key, made["secret_key"].strip()}
    assert len(values) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in values)


def test_loci_takes_its_settings_and_the_secrets_as_compose_gives_them(up, dotenv, secrets):
    folder, run = secrets
    run()
    project = up(dotenv)
    for name in set(OURS) & set(project["services"]):
        service = project["services"][name]
        mounted = {each["target"]: project["secrets"][each["source"]]["file"] for each in service["secrets"]}
        environ = {}
        for variable, value in service["environment"].items():
            is_secret = variable.endswith("_FILE") and value
            environ[variable] = str((folder / mounted[value]).resolve()) if is_secret else value
            assert not re.search("KEY|PASSWORD|DATABASE", variable) or variable.endswith("_FILE")
        settings = load_settings(environ | {"LOCI_ENV_FILE": os.devnull})
        assert bool(settings.qdrant_url) == bool(settings.qdrant_api_key.get_secret_value()) == ("qdrant:" in dotenv)
        assert settings.sqlalchemy_url.startswith("postgresql" if "DATABASE_URL" in dotenv else "sqlite")
        assert bool(settings.secret_key.get_secret_value()) == ("SECRET_KEY_SECRET" in dotenv)
    given = dict(line.split("=", 1) for line in dotenv.splitlines())
    url = given.get("LOCI_PUBLIC_URL", "")
    assert project["services"]["loci"]["environment"]["LOCI_PUBLIC_URL"] == url
    if "caddy" in project["services"]:
        assert project["services"]["caddy"]["environment"]["LOCI_PUBLIC_URL"] == url
        assert project["services"]["caddy"]["networks"]["front"]["ipv4_address"] == "172.30.77.2"


def test_a_secret_is_seen_by_the_services_that_need_it_alone(up):
    services = up(EXAMPLES[EVERYTHING])["services"]
    seen = {name: {each["source"] for each in service.get("secrets", [])} for name, service in services.items()}
    assert seen == {
        "caddy": set(),
        "loci": {"database_url", "qdrant_api_key", "secret_key"},
        "worker": {"database_url", "qdrant_api_key", "secret_key"},
        "postgres": {"postgres_password"},
        "qdrant": {"qdrant_config"},
    }
