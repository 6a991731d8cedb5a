"""The OpenAPI document is valid, kept in docs/, and readable without anyone else's server."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from leaderboard.api import urls

KEPT = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def document() -> str:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return out.getvalue()


def test_kept_document_is_current(document: str) -> None:
    assert KEPT.read_text() == document, "run: python manage.py spectacular --file docs/openapi.yaml"


def test_every_address_is_in_it(document: str) -> None:
    routes = {f"/api/{route.pattern}" for route in urls.urlpatterns if str(route.pattern).startswith("v1/")}
    documented = set(re.findall(r"^  (/api/\S+):$", document, re.MULTILINE))
    assert {re.sub(r"<\w+:(\w+)>", r"{\1}", route).replace("{pk}", "{id}") for route in routes} == documented


@pytest.mark.django_db
def test_schema_is_served(client: Client) -> None:
    assert client.get("/api/schema/").content.startswith(b"openapi: 3")
    assert client.get("/api/schema/", headers={"Accept": "application/json"}).json()["openapi"].startswith("3")


@pytest.mark.django_db
def test_docs_load_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) >= 4
    assert all(address.startswith("/") for address in addresses)
    assert "<script>" not in page, "the site's CSP allows no inline script"
    for address in addresses:
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address
    script = client.get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert b"/api/schema/" in script.content
