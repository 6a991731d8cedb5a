"""Tokens belong to their owner and are shown once; the site tells machines how it is."""

import pytest
from django.urls import reverse
from knox.models import get_token_model

from tests.factories import RunFactory, WorkerFactory, make_board
from tests.pages.reading import text

pytestmark = pytest.mark.django_db


def test_a_token_is_shown_once(client, alice):
    client.force_login(alice)
    page = client.post(reverse("tokens"))
    token = page.context["new_token"]
    assert token in text(page)
    assert "no-store" in page["Cache-Control"]
    assert token not in text(client.get(reverse("tokens")))
    assert client.get("/api/v1/queue", headers={"Authorization": f"Token {token}"}).status_code == 200


def test_bob_can_neither_see_nor_delete_alices_token(client, alice, bob):
    token, _ = get_token_model().objects.create(user=alice)
    client.force_login(bob)
    assert token.token_key not in text(client.get(reverse("tokens")))
    client.post(reverse("tokens"), {"delete": token.token_key})
    assert get_token_model().objects.filter(user=alice).exists()
    client.force_login(alice)
    client.post(reverse("tokens"), {"delete": token.token_key})
    assert not get_token_model().objects.exists()


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


def test_health_and_readiness(client):
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"database": "ok"}


def test_metrics_count_runs_workers_and_entries(client):
    make_board(2)
    RunFactory()
    WorkerFactory()
    figures = client.get("/metrics").content.decode()
    assert 'leaderboard_runs{state="queued"} 1.0' in figures
    assert 'leaderboard_runs{state="failed"} 0.0' in figures
    assert 'leaderboard_live_workers{hardware="test-cpu"} 1.0' in figures
    assert "leaderboard_entries 2.0" in figures


def test_a_fault_of_ours_needs_no_working_site(client, monkeypatch):
    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr("leaderboard.views.submissions.queries.queue", broken)
    client.raise_request_exception = False
    page = client.get(reverse("queue"))
    assert page.status_code == 500
    assert "Something went wrong on our side" in text(page)
