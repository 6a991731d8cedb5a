"""Security headers are on every answer, refusals and the administrators' pages included; HEAD has no body."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client, override_settings
from django.urls import path

from leaderboard.urls import handler400  # noqa: F401 - of this module as a ROOT_URLCONF
from leaderboard.urls import urlpatterns as ours

pytestmark = pytest.mark.django_db
POLICY = "Content-Security-Policy"
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def forbid(request):
    raise PermissionDenied


def fail(request):
    raise RuntimeError("a fault of the site")


urlpatterns = [path("forbidden/", forbid), path("failing/", fail), *ours]
REFUSALS = {
    400: ("GET", "/", {"headers": {"host": "evil.example"}}),
    401: ("POST", "/api/v1/submissions", {"content_type": "application/json"}),
    403: ("GET", "/forbidden/", {}),
    404: ("GET", "/nowhere/", {}),
    405: ("POST", "/about/", {}),
    413: ("POST", "/accounts/login/", {"CONTENT_LENGTH": str(10**9)}),
    415: ("POST", "/api/v1/runs/1/cancel", {"content_type": "image/png", "data": b"x"}),
    500: ("GET", "/failing/", {}),
    302: ("GET", "/admin/", {}),
    200: ("GET", "/api/docs/", {}),
}


@pytest.mark.parametrize("status", REFUSALS)
@override_settings(ROOT_URLCONF=__name__)
def test_headers_are_on_what_is_refused(status: int, administrator) -> None:
    client = Client(raise_request_exception=False)
    if status == 415:
        client.force_login(administrator)
    method, address, more = REFUSALS[status]
    answer = client.generic(method, address, **more)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "script-src 'self'" in answer.headers[POLICY]
    assert "frame-ancestors 'none'" in answer.headers[POLICY]


@pytest.mark.parametrize("address", ["/admin/", "/admin/leaderboard/run/", "/admin/auth/user/add/"])
def test_pages_of_administrators_have_a_policy_and_no_inline_script(client: Client, administrator, address) -> None:
    client.force_login(administrator)
    answer = client.get(address)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers[POLICY]
    assert b"<script>" not in answer.content
    assert b" onclick=" not in answer.content


@pytest.mark.parametrize(
    "address", ["/", "/healthz", "/api/v1/tracks", "/api/v1/leaderboard.csv", "/nowhere/", "/card.png"]
)
def test_head_has_the_headers_of_get_and_no_body(rf, client: Client, address: str) -> None:
    from leaderboard.wsgi import application

    answers = {}
    for method in ("GET", "HEAD"):
        environ = rf.generic(method, address, headers={"host": "localhost"}).environ
        body = application(
            environ, lambda status, headers, method=method: answers.update({method: (status, dict(headers))})
        )
        if method == "HEAD":
            assert b"".join(body) == b""
    assert answers["HEAD"][0] == answers["GET"][0]
    assert answers["HEAD"][1]["Content-Length"] == answers["GET"][1]["Content-Length"]
