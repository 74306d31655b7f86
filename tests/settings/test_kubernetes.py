"""The Deployment for Kubernetes in docs/scaling.md says what the settings, the image and the server say."""

import re
from pathlib import Path

import pytest
import yaml

from server.config import load_settings

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def deployment():
    (text,) = re.findall(r"```yaml\n(apiVersion.*?)```", (ROOT / "docs/scaling.md").read_text("utf-8"), re.DOTALL)
    deployment, service = yaml.safe_load_all(text)
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    return deployment["spec"]["template"]["spec"]


def test_each_variable_of_the_deployment_is_a_setting_with_a_valid_value(deployment, tmp_path):
    environ = {each["name"]: each["value"] for each in deployment["containers"][0]["env"]}
    for name, value in environ.items():
        if name.endswith("_FILE"):
            (tmp_path / Path(value).name).write_text("postgresql://loci@db/loci-which-is-long-enough-for-a-key")
            environ[name] = str(tmp_path / Path(value).name)
    settings = load_settings(environ)
    assert settings.sqlalchemy_url.startswith("postgresql+asyncpg://")
    assert settings.metrics_port == deployment["containers"][0]["ports"][1]["containerPort"]
    assert settings.port == deployment["containers"][0]["ports"][0]["containerPort"]
    # A Service named loci would set LOCI_PORT to a URL.
    assert deployment["enableServiceLinks"] is False


def test_the_deployment_runs_the_user_of_the_image_and_asks_the_paths_of_the_server(deployment):
    context = deployment["securityContext"]
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}\n" in dockerfile
    (container,) = deployment["containers"]
    paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    volumes = {each["name"] for each in deployment["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes
