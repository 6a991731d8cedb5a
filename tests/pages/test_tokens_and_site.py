"""Tokens belong to their owner and are shown once; the site tells machines how it is."""

import pytest
from django.urls import reverse

from leaderboard.models import ApiToken
from tests.pages.reading import text

pytestmark = pytest.mark.django_db


def test_a_token_is_shown_once(client, alice):
    client.force_login(alice)
    page = client.post(reverse("tokens"), {"name": "CI", "scope": "submit", "days": "90"})
    token = page.context["new_token"]
    assert token in text(page)
    assert "no-store" in page["Cache-Control"]
    assert token not in text(client.get(reverse("tokens")))
    assert client.get("/api/v1/queue", headers={"Authorization": f"Token {token}"}).status_code == 200


def test_bob_can_neither_see_nor_change_alices_token(client, alice, bob):
    token, _ = ApiToken.objects.create(user=alice, name="CI")
    client.force_login(bob)
    assert token.token_key not in text(client.get(reverse("tokens")))
    acts = ({"revoke": token.token_key}, {"rename": token.token_key, "name": "Nightly"})
    for act in acts:
        assert "Token not found" in text(client.post(reverse("tokens"), act, follow=True))
    assert (ApiToken.objects.get().revoked_at, ApiToken.objects.get().name) == (None, "CI")
    client.force_login(alice)
    for act in acts:
        client.post(reverse("tokens"), act)
    assert ApiToken.objects.get().revoked_at is not None
    assert ApiToken.objects.get().name == "Nightly"


def test_charlie_has_no_tokens(client):
    assert client.get(reverse("tokens")).url.startswith("/accounts/login/")


@pytest.mark.parametrize(
    "address", ["/", "/queue/", "/methodology/", "/compare/", "/accounts/login/", "/accounts/signup/"]
)
def test_every_page_has_title_description_and_runs_no_inline_script(client, address):
    page = client.get(address)
    html = page.content.decode()
    assert page.status_code == 200
    assert "<title>" in html
    assert 'name="description"' in html
    assert 'class="skip" href="#content"' in html
    assert "onclick=" not in html
    assert "script-src 'self'" in page["Content-Security-Policy"]
    for tag in html.split("<script")[1:]:
        assert "src=" in tag.partition(">")[0] or 'type="application/json"' in tag.partition(">")[0]


def test_a_fault_of_ours_needs_no_working_site(client, monkeypatch):
    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr("leaderboard.views.submissions.queries.queue", broken)
    client.raise_request_exception = False
    page = client.get(reverse("queue"))
    assert page.status_code == 500
    assert "Something went wrong on our side" in text(page)
