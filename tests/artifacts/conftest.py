"""Signed-in clients over a storage of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.test import Client

from leaderboard import services


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """The storage's; DATA_ROOT is the folder above it."""
    settings.DATA_ROOT = tmp_path
    place = {"location": str(tmp_path / "artifacts")}
    local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": place}
    settings.STORAGES = settings.STORAGES | {"artifacts": local}
    assert Path(storages["artifacts"].path("")).parent == tmp_path
    return tmp_path / "artifacts"


def signed_in_as(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def by_alice(folder: Path, alice: Any) -> Client:
    return signed_in_as(alice)


@pytest.fixture
def by_bob(folder: Path, bob: Any) -> Client:
    return signed_in_as(bob)


@pytest.fixture
def by_administrator(folder: Path, administrator: Any) -> Client:
    return signed_in_as(administrator)


@pytest.fixture
def worker(live_server: Any, settings: Any, administrator: Any, monkeypatch: Any, tmp_path: Path) -> Path:
    """The cache of a worker that has another data root than the site, and a token."""
    token = tmp_path / "token"
    token.write_text(services.create_token(administrator, by=None, name="worker", scope="worker") + "\n")
    settings.SITE_URL, settings.WORKER_TOKEN_FILE = live_server.url, token
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere" / "artifacts"
