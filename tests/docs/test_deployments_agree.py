"""Compose, systemd and Kubernetes start the Procfile's processes, with every setting, secrets as files, hardened."""

from __future__ import annotations

import re
import subprocess

import pytest

from deploy import images
from leaderboard.configuration import SETTINGS, read_settings
from tests.docs.deployments import COMPOSE, DOCKERFILE, MANIFESTS, PROCESSES, Process, procfile
from tests.docs.reading import DOCS, ROOT, text_of
from tests.docs.test_settings_are_documented import METER_VARIABLES

SITE = {"migrate", "web", "beat", "notices"}
WHO = {
    "compose.yaml": SITE | {"worker"},
    "compose.web.yaml": SITE,
    "compose.worker.yaml": {"worker"},
}
NAMES = {setting.name for setting in SETTINGS} | METER_VARIABLES
SECRETS = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "EMAIL_URL", "MEASUREMENT_HIDDEN_SPLIT_KEY"}
PAGE = text_of(DOCS / "deployment.md")


def test_each_situation_has_its_processes():
    found: dict[str, set[str]] = {}
    for process in PROCESSES:
        found.setdefault(process.file if process.file in WHO else process.file.split(".")[-1], set()).add(
            process.name
        )
    assert found == WHO | {"service": SITE | {"worker"}, "yaml": SITE | {"worker"}}


@pytest.mark.parametrize("process", PROCESSES, ids=str)
def test_a_process_is_started_as_in_the_procfile(process: Process):
    expected = procfile() | {"migrate": ("python", "manage.py", "migrate", "--noinput")}
    assert process.words == expected[process.name]


@pytest.mark.parametrize("process", PROCESSES, ids=str)
def test_a_process_gets_its_secrets_as_files_and_every_setting_of_the_operator(process: Process):
    needed = {"SECRET_KEY_FILE", "DATABASE_URL_FILE", "REDIS_URL_FILE"}
    if process.name != "worker":
        needed.add("EMAIL_URL_FILE")
    assert needed <= set(process.environment)
    assert not SECRETS & set(process.environment)
    assert process.operators_settings
    settings = process.environment.keys() - {"PYTHONDONTWRITEBYTECODE"}
    assert {name if name in NAMES else name.removesuffix("_FILE") for name in settings} <= NAMES


@pytest.mark.parametrize("process", PROCESSES, ids=str)
def test_a_process_has_a_read_only_root_and_no_privileges(process: Process):
    assert process.hardened


@pytest.mark.parametrize("file", COMPOSE)
def test_every_service_restarts_rotates_its_log_and_is_watched(file):
    for name, service in COMPOSE[file]["services"].items():
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
        assert service["read_only"]
        assert "healthcheck" in service or name == "web" or "worker" in service["image"]  # the image's own; none
    declared = set(COMPOSE[file]["secrets"])
    assert declared == {name for service in COMPOSE[file]["services"].values() for name in service.get("secrets", [])}


def test_the_web_host_differs_from_the_one_host_in_its_proxy_and_addresses_alone():
    def shared(file: str) -> dict:
        services = COMPOSE[file]["services"]
        return {
            name: {key: value for key, value in service.items() if key not in ("ports", "environment")}
            for name, service in services.items()
            if name not in ("worker", "proxy")
        }

    assert shared("compose.yaml") == shared("compose.web.yaml")
    assert "ports" not in COMPOSE["compose.web.yaml"]["services"]["web"]  # only through the proxy
    assert COMPOSE["compose.web.yaml"]["services"]["web"]["environment"]["HTTPS"] == "true"


def test_the_web_image_copies_a_database_of_the_servers_that_are_started():
    """pg_dump refuses a server of a later version than its own."""
    programs = set(re.findall(r"postgresql-client-(\d+)|/usr/lib/postgresql/(\d+)/", DOCKERFILE))
    version = {int(found) for either in programs for found in either if found}
    started = {
        int(re.fullmatch(r"postgres:(\d+)-alpine", service["image"])[1])
        for content in COMPOSE.values()
        for name, service in content["services"].items()
        if name == "postgres"
    }
    assert version == started


def test_the_images_are_built_of_one_debian():
    assert f"python:3.11-slim-{images.SUITE}" in DOCKERFILE


def test_what_the_images_rely_on_is_not_for_the_settings_file_to_change():
    """A PORT in .env is the one on the host; inside, the health check and the published port know but one."""
    image = dict(re.findall(r"\b(DATA_ROOT|HOST|STATIC_ROOT)=(\S+)", DOCKERFILE.partition("WORKDIR")[0]))
    assert len(image) == 3
    for file in ("compose.yaml", "compose.web.yaml"):
        for name in SITE:
            fixed = COMPOSE[file]["services"][name]["environment"]
            assert {key: fixed[key] for key in image} == image
            assert f"http://127.0.0.1:{fixed['PORT']}/healthz" in DOCKERFILE
    assert COMPOSE["compose.yaml"]["services"]["web"]["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]


def test_the_page_names_what_has_to_be_set():
    for file in COMPOSE:
        for name in re.findall(r"\$\{(\w+):\?", (ROOT / file).read_text("utf-8")):
            assert f"`{name}`" in PAGE, f"{file} needs {name}"
        for name in COMPOSE[file]["secrets"]:
            assert f"`{name}`" in PAGE, f"{file} reads secrets/{name}"


def test_secrets_are_made_once_and_start_a_site(tmp_path, monkeypatch):
    def make() -> dict[str, str]:
        command = ["sh", str(ROOT / "deploy" / "make-secrets"), "10.0.0.1"]
        subprocess.run(command, cwd=tmp_path, check=True)
        return {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}

    made = make()
    assert make() == made
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    named = {secret["file"] for content in COMPOSE.values() for secret in content["secrets"].values()}
    assert named - {"secrets/worker_token"} <= set(made)  # that one is of GPU hosts alone
    gpu_host = {path for path in made if "for-workers/" in path}
    worker = {secret["file"] for secret in COMPOSE["compose.worker.yaml"]["secrets"].values()}
    assert {path.replace("for-workers/", "") for path in gpu_host} == worker
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
    for name in ("secret_key", "database_url", "redis_url", "email_url"):
        monkeypatch.setenv(f"{name.upper()}_FILE", str(tmp_path / "secrets" / name))
    values = read_settings()
    assert len(values["SECRET_KEY"]) == 64
    assert made["secrets/postgres_password"].strip() in values["DATABASE_URL"]
    assert made["secrets/redis_conf"].split()[1] in values["REDIS_URL"]


def test_kubernetes_asks_for_the_secrets_that_make_secrets_writes():
    used = {
        variable["value"].rsplit("/", 1)[1]
        for document in MANIFESTS
        for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
        for variable in container["env"]
        if variable["name"].endswith("_FILE")
    }
    how = (ROOT / "deploy" / "kubernetes" / "site.yaml").read_text("utf-8")
    assert used == set(re.findall(r"--from-file=(\w+)=secrets/\1", how))
