"""Webhooks: signed as documented, tried again, and called nowhere but at the public internet's addresses."""

import json
import re
import socket
import time
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.db.models.functions import Now
from django.urls import reverse
from standardwebhooks import Webhook as Reference

from leaderboard import services
from leaderboard.models import Delivery, Webhook
from leaderboard.sending import webhook as sending
from leaderboard.sending.connecting import NotPublic, PublicNetwork
from leaderboard.sending.deliver import deliver_due
from leaderboard.services import outbox
from tests.notices import servers
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def hook(alice, receiver):
    services.choose_mail(alice, [])
    return services.add_webhook(alice, receiver.url, ["verified", "failed", "held"])


def test_what_happened_is_posted_and_the_reference_accepts_its_signature(hook, receiver, hardware, alice, states):
    run, _ = verify(make_recipe("A plain network"), hardware, submitter=alice)
    assert deliver_due() == 1
    [(headers, body)] = receiver.requests
    told = Reference(hook.secret).verify(body, headers)
    delivery = Delivery.objects.get()
    assert headers["webhook-id"] == told["id"] == f"msg_{delivery.pk.hex}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    entries = told["data"].pop("entries")
    assert sorted(entries) == sorted(run.entries.values_list("pk", flat=True))
    assert told["type"] == "submission.verified"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", told["timestamp"])
    assert told["data"] == {
        "submission": str(run.submission_id),
        "run": run.pk,
        "title": "A plain network",
        "hardware": hardware.name,
        "entry": entries[0],
        "reason": "",
        "held_for": [],
        "links": {
            "submission": f"http://127.0.0.1:8000/submissions/{run.submission_id}/",
            "entry": f"http://127.0.0.1:8000/entries/{entries[0]}/",
        },
    }
    assert states() == [("verified", "sent", 1, "It answered 204.")]
    services.send_again(delivery, by=alice)
    deliver_due()
    assert [headers["webhook-id"] for headers, _ in receiver.requests] == [told["id"]] * 2
    assert receiver.requests[0][1] == receiver.requests[1][1]


@pytest.mark.parametrize(
    "expected",
    [
        (200, "sent", "It answered 200."),
        (500, "waiting", "It answered 500, where 200 to 299 says that it was taken."),
        (302, "waiting", "It answered 302, a redirect, which is not followed; give the address that it leads to."),
        (410, "failed", "It answered 410, that it wants no more; the webhook was switched off."),
    ],
)
def test_each_answer(hook, receiver, states, expected):
    status, state, answer = expected
    with servers.receiver() as internal:
        receiver.status, receiver.headers = status, {"Location": internal.url}
        services.test_webhook(hook)
        assert deliver_due() == 1
        assert internal.requests == [], "a redirect is not followed"
    assert states() == [("test", state, 1, answer)]
    hook.refresh_from_db()
    assert bool(hook.off_because) == (status == 410)


def test_one_that_is_switched_off_gets_nothing_until_it_is_on_again(hook, receiver, hardware, alice, states):
    receiver.status = 410
    verify(make_recipe(epochs=2), hardware, submitter=alice)
    verify(make_recipe(epochs=3), hardware, submitter=alice)
    assert deliver_due() == 1
    assert [state for _, state, *_ in states()] == ["failed", "dropped"]
    verify(make_recipe(epochs=4), hardware, submitter=alice)
    assert Delivery.objects.count() == 2
    with pytest.raises(services.Refused, match="switched off"):
        services.send_again(Delivery.objects.first(), by=alice)
    receiver.status = 204
    hook.refresh_from_db()
    services.change_webhook(hook, ["verified"])
    for delivery in Delivery.objects.all():
        services.send_again(delivery, by=alice)
    assert deliver_due() == 2


def given_up(hook):
    """A notice whose last try fails now; the answer of the webhook after it."""
    services.test_webhook(hook)
    Delivery.objects.filter(state="waiting").update(tries=outbox.MOST_TRIES - 1)
    deliver_due()
    hook.refresh_from_db()
    return hook.off_because


def failing_for(hook, **time):
    Webhook.objects.filter(pk=hook.pk).update(failing_since=Now() - timedelta(**time))


def test_one_that_has_long_taken_nothing_is_switched_off_and_its_owner_told(hook, receiver, alice, mailbox):
    services.choose_mail(alice, services.offered_kinds(alice))
    receiver.status = 500
    assert given_up(hook) == "", "it has only just begun to fail"
    failing_for(hook, days=4, hours=23)
    assert given_up(hook) == ""
    receiver.status = 204
    failing_for(hook, days=50)
    services.test_webhook(hook)
    deliver_due()
    receiver.status = 500
    assert given_up(hook) == "", "it took one meanwhile"
    failing_for(hook, days=5, minutes=1)
    services.test_webhook(hook)
    deliver_due()
    hook.refresh_from_db()
    assert hook.off_because == "", "that one is tried again"
    Delivery.objects.filter(state="waiting").delete()
    assert given_up(hook).startswith("It has taken nothing for 5 days or longer. It answered 500")
    deliver_due()
    [mail] = mailbox.mails
    told = message_from_bytes(mail, policy=policy.default)
    assert told["To"] == alice.email
    assert "switched off" in told["Subject"].lower()
    for said in (receiver.url, "answered 500", hook.get_absolute_url(), "because the webhook is yours"):
        assert said in told.get_content()
    services.change_webhook(hook, ["verified"])
    assert given_up(hook) == "", "switched on, it has its time again"


def test_one_that_hangs_or_answers_slowly_is_left_after_a_while(hook, monkeypatch, states, hardware, alice):
    monkeypatch.setattr(sending, "ANSWERS_WITHIN_S", 0.3)
    with servers.silent_server() as (port, _):
        Webhook.objects.update(url=f"http://127.0.0.1:{port}/")
        verify(make_recipe(epochs=2), hardware, submitter=alice)
        verify(make_recipe(epochs=3), hardware, submitter=alice)
        assert deliver_due() == 1, "the second waits without its own 10 seconds"
    assert [(state, tries) for _, state, tries, _ in states()] == [("waiting", 1), ("waiting", 0)]
    assert "did not answer within" in states()[0][3]


def test_an_answer_that_never_ends_costs_no_more(hook, receiver, states):
    receiver.headers = {f"X-{number}": "x" * 1000 for number in range(200)}
    services.test_webhook(hook)
    deliver_due()
    (answer,) = [answer for *_, answer in states()]
    assert answer.startswith("It could not be reached: ")


def test_nothing_internal_is_called_whatever_its_name_says(hook, receiver, settings, states):
    settings.WEBHOOKS_PRIVATE = False
    port = receiver.url.split(":")[2]
    Webhook.objects.update(url=f"http://localhost:{port}")
    services.test_webhook(hook)
    deliver_due()
    assert receiver.requests == []
    assert states()[0][3] == ("Its name leads to an address that is not of the public internet; nothing was sent.")


def _answers(*addresses):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["169.254.169.254"], []])
def test_a_name_with_any_internal_address_is_not_called(addresses):
    with pytest.raises(NotPublic):
        PublicNetwork(time.monotonic() + 5, lambda *_, **__: _answers(*addresses)).connect_tcp("hook.example", 443)


def test_a_name_that_takes_all_the_time_to_resolve_is_a_server_that_does_not_answer(hook, receiver, monkeypatch):
    monkeypatch.setattr(sending, "ANSWERS_WITHIN_S", 0.0)
    answer = sending.call(services.test_webhook(hook), hook)
    assert (answer.unreachable, answer.words) == (True, "It did not answer within 0 s.")
    assert receiver.requests == []


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_called(settings):
    """Rebinding: a name that says something else when it is asked again."""
    settings.WEBHOOKS_PRIVATE = True  # so that a server of this test may be what is checked
    asked = []

    def resolve(host, port, **_):
        asked.append(host)
        return _answers("127.0.0.1" if len(asked) == 1 else "169.254.169.254")

    with socket.create_server(("127.0.0.1", 0)) as server:
        network = PublicNetwork(time.monotonic() + 5, resolve)
        stream = network.connect_tcp("rebinding.example", server.getsockname()[1])
        assert stream.get_extra_info("server_addr") == server.getsockname()
        stream.close()
    assert asked == ["rebinding.example"]
    with pytest.raises(NotPublic):  # a cloud's metadata is nobody's webhook, in private installations neither
        network.connect_tcp("rebinding.example", 80)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/hook", "must begin with https://"),
        ("ftp://example.org", "must begin with https://"),
        ("example.org", "must begin with https://"),
        ("https://", "must begin with https://"),
        ("https://user:word@example.org/", "no user name"),
        ("https://example.org/#part", "no user name, password or fragment"),
        ("https://example.org:22/", "names port 22"),
        ("https://example.org:99999/", "is no address"),
        ("https://127.0.0.1/", "not an address of the public internet"),
        ("https://[::ffff:10.0.0.1]/", "not an address of the public internet"),
        ("https://localhost/", "not an address of the public internet"),
        ("https://exämple.org/", "write names in ASCII"),
        (f"https://example.org/{'x' * 500}", "has 520 characters"),
    ],
)
def test_an_address_that_can_t_be_called_is_refused_with_what_to_change(alice, client, url, said):
    client.force_login(alice)
    answer = client.post(reverse("notices"), {"add": "webhook", "url": url, "events": ["failed"]})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Webhook.objects.exists()


def test_its_owner_sees_the_secret_once_tests_it_and_nobody_else_sees_it(alice, bob, client, receiver):
    client.force_login(alice)
    page = client.post(reverse("notices"), {"url": receiver.url, "events": ["failed"]}).content.decode()
    hook = Webhook.objects.get()
    assert hook.secret in page
    one = reverse("webhook", args=[hook.pk])
    assert "A test is on its way" in client.post(one, {"test": "1"}, follow=True).content.decode()
    assert "still waiting" in client.post(one, {"test": "1"}, follow=True).content.decode()
    deliver_due()
    assert json.loads(receiver.requests[0][1])["type"] == "test"
    page = client.get(one).content.decode()
    assert "It answered 204." in page
    assert hook.secret not in page + client.get(reverse("notices")).content.decode()
    client.post(one, {"again": str(Delivery.objects.get().pk)})
    deliver_due()
    assert len(receiver.requests) == 2
    assert client.post(one, {"again": "nothing"}).status_code == 404
    client.post(one, {"save": "events", "events": ["held", "verified"]})
    hook.refresh_from_db()
    assert hook.kinds == ["verified", "held"]
    assert "Choose at least one event" in client.post(one, {"save": "events"}, follow=True).content.decode()

    client.force_login(bob)
    assert client.get(one).status_code == 404
    assert client.post(one, {"delete": "1"}).status_code == 404
    client.force_login(alice)
    client.post(one, {"delete": "1"})
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


def test_so_many_webhooks_and_only_known_events(alice):
    for _ in range(services.MOST_WEBHOOKS):
        services.add_webhook(alice, "https://example.org/hook", ["failed"])
    with pytest.raises(services.LimitReached, match="which is the limit"):
        services.add_webhook(alice, "https://example.org/hook", ["failed"])
    with pytest.raises(services.Invalid, match="'administration' is no event"):
        services.change_webhook(Webhook.objects.first(), ["administration"])
