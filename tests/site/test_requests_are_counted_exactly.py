"""Limits hold over processes, for the address that a trusted proxy names, and for no other header."""

from __future__ import annotations

import pytest
import time_machine
from django.test import Client, RequestFactory

from leaderboard import services
from leaderboard.forms import throttles
from leaderboard.forms.client import client_of
from leaderboard.models import Count
from leaderboard.services import LimitReached
from tests.services.together import together

NOW = 1_790_000_000


@pytest.fixture(autouse=True)
def _time_stands_still():
    with time_machine.travel(NOW, tick=False):
        yield


def counted(whose: str = "192.0.2.1") -> float | None:
    return services.count("login", whose, most=3, within_s=60)


@pytest.mark.django_db(transaction=True)
def test_of_requests_at_once_as_many_count_as_may():
    answers = together(*[counted] * 8)
    assert sorted(answer is None for answer in answers) == [False] * 5 + [True] * 3, answers
    assert {answer for answer in answers if answer} == {60}


@pytest.mark.django_db
def test_a_span_ends_others_are_not_held_up_and_old_counts_go():
    assert [counted() for _ in range(4)] == [None, None, None, 60]
    assert counted("192.0.2.2") is None
    assert not Count.objects.filter(key__contains="192").exists(), "addresses are personal data"
    with time_machine.travel(NOW + 61, tick=False):
        assert counted() is None
        assert Count.objects.count() == 2
        assert counted("192.0.2.3") is None
        assert Count.objects.count() == 2, "what is over is removed"


FORWARDED = {"HTTP_X_FORWARDED_FOR": "203.0.113.9, 192.0.2.77"}


@pytest.mark.parametrize(
    ("proxies", "environ", "client"),
    [
        (0, {"REMOTE_ADDR": "192.0.2.1"}, "192.0.2.1"),
        (0, {"REMOTE_ADDR": "192.0.2.1", **FORWARDED}, "192.0.2.1"),
        (1, {"REMOTE_ADDR": "10.0.0.1", **FORWARDED}, "192.0.2.77"),
        (0, {"REMOTE_ADDR": "2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"),
        (0, {"REMOTE_ADDR": "::ffff:192.0.2.1"}, "192.0.2.1"),
        (1, {"HTTP_X_FORWARDED_FOR": "unknown"}, "unknown"),
    ],
)
def test_nobody_chooses_the_address_that_counts(settings, proxies, environ, client):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": proxies}
    assert client_of(RequestFactory().get("/", **environ)) == client


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/accounts/login/", "account_login"),
        ("/accounts/signup/", "account_signup"),
        ("/accounts/password/reset/", "account_reset_password"),
        ("/accounts/password/reset/key/1-set-password/", "account_reset_password_from_key"),
    ],
)
def test_forms_that_anybody_may_send_are_limited(monkeypatch, address, name):
    monkeypatch.setitem(throttles.SIGNING_IN, name, (1, 300))
    assert Client().post(address, {}, headers={"X-Forwarded-For": "203.0.113.1"}).status_code != 429
    answer = Client().post(address, {}, headers={"X-Forwarded-For": "203.0.113.2"})
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (429, "300", "no-store")
    assert "Try again in 5 minutes" in answer.content.decode()
    assert Client().get(address).status_code != 429, "reading a form is no attempt"
    assert Client().post(address, {}, REMOTE_ADDR="192.0.2.9").status_code != 429


@pytest.mark.django_db
def test_traces_are_limited_in_the_form_of_the_api(monkeypatch):
    monkeypatch.setattr(throttles, "TRACE_RATE", (2, 60))
    for address in ("/entries/1/power.json", "/api/v1/entries/1/trace"):
        assert Client().get(address).status_code == 404
    answer = Client().get("/runs/1/power.json")
    assert answer.status_code == 429
    assert answer.json()["errors"][0]["message"].startswith("too many requests")


@pytest.mark.django_db
def test_webhooks_are_sent_so_much_by_hand_and_no_more(alice, monkeypatch):
    monkeypatch.setattr("leaderboard.services.webhooks.MOST_BY_HAND_AN_HOUR", 1)
    hook = services.add_webhook(alice, "https://example.org/hook", ["failed"])
    delivery = services.test_webhook(hook)
    type(delivery).objects.update(state="sent")
    with pytest.raises(LimitReached, match="by hand"):
        services.test_webhook(hook)
    client = Client()
    client.force_login(alice)
    client.post(hook.get_absolute_url(), {"again": delivery.pk})
    assert type(delivery).objects.get().state == "sent"
