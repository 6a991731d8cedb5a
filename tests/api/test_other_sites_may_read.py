"""Pages of any origin read the API as anybody does; they can't write, and no session of a reader helps them."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver

from leaderboard.models import Run
from tests.api import builders

pytestmark = pytest.mark.django_db
ELSEWHERE = {"Origin": "https://elsewhere.example"}
ALLOW = "Access-Control-Allow-Origin"


def preflight(client: Client, address: str, method: str, *fields: str) -> Any:
    asked = ELSEWHERE | {"Access-Control-Request-Method": method}
    if fields:
        asked["Access-Control-Request-Headers"] = ", ".join(fields)
    return client.options(address, headers=asked)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reads(client: Client, method: str) -> None:
    builders.entry()
    for address in ("/api/v1/leaderboard", "/api/v1/leaderboard/snapshot", "/api/schema/", "/api/v1/entries/0"):
        answer = client.generic(method, address, headers=ELSEWHERE)
        assert answer[ALLOW] == "*"
        assert "Access-Control-Allow-Credentials" not in answer
        shown = answer["Access-Control-Expose-Headers"].lower().split(", ")
        assert {"etag", "link", "ratelimit", "ratelimit-policy", "retry-after"} <= set(shown)
        assert "origin" not in answer.get("Vary", "").lower()
        here = client.generic(method, address)
        for name in (
            {*here.headers, *answer.headers} - {"Last-Modified", "X-Request-ID"} if method != "OPTIONS" else ()
        ):
            assert here.get(name) == answer.get(name), f"{name}: caches keep one answer"


def test_what_a_session_decides_depends_on_the_origin(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    for address in ("/api/v1/log", "/api/v1/submissions?mine=true", "/api/v1/artifacts"):
        answers = [client.get(address, headers=headers) for headers in ({}, ELSEWHERE)]
        assert [answer.status_code for answer in answers] == [200, 401]
        assert all("origin" in answer["Vary"].lower() for answer in answers)


def test_preflight_of_a_read(client: Client) -> None:
    answer = preflight(client, "/api/v1/leaderboard/snapshot", "GET", "if-none-match")
    assert answer.status_code == 200
    assert answer[ALLOW] == "*"
    assert answer["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    fields = answer["Access-Control-Allow-Headers"]
    assert "if-none-match" in fields
    assert "authorization" not in fields.lower()
    assert "content-type" not in fields.lower()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_of_every_address(client: Client, method: str) -> None:
    run = builders.run(state="queued")
    addresses = ["/api/v1/submissions", f"/api/v1/runs/{run.pk}/cancel", f"/api/v1/submissions/{run.submission_id}"]
    for address in addresses:
        for answer in (
            preflight(client, address, method, "content-type", "authorization"),
            client.generic(method, address, headers=ELSEWHERE),
        ):
            assert ALLOW not in answer, (method, address)
            assert "Access-Control-Allow-Methods" not in answer


def test_pages_are_for_this_site_alone(client: Client, alice: User) -> None:
    for address in ("/", "/submit/", "/accounts/tokens/", "/admin/", "/api/docs/", "/metrics"):
        assert ALLOW not in client.get(address, headers=ELSEWHERE)


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://testserver.elsewhere.example"])
def test_a_session_is_of_no_use_elsewhere(client: Client, administrator: User, origin: str) -> None:
    client.force_login(administrator)
    run = builders.run(state="queued")
    here, elsewhere = {"Origin": "http://testserver"}, {"Origin": origin}
    assert client.get("/api/v1/log", headers=elsewhere).status_code == 401
    assert client.get("/api/v1/log", headers=here).status_code == 200
    assert client.get("/api/v1/log").status_code == 200
    cancel = f"/api/v1/runs/{run.pk}/cancel"
    assert client.post(cancel, headers=elsewhere).status_code == 401
    assert Run.objects.get().state == "queued"
    assert client.post(cancel, headers=here).status_code == 202
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"


def test_every_address_of_the_api_is_covered() -> None:
    """A view of the API stands under an address that the rule names, or is the page of its documentation."""
    names = [str(pattern.pattern) for pattern in get_resolver("leaderboard.api.urls").url_patterns]
    assert all(name.startswith(("v1/", "schema/", "docs/", "^v1")) for name in names)
