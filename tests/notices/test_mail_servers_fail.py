"""A mail server that is away, hangs or refuses: nothing is lost, nothing is sent twice, and nobody else waits."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.urls import reverse

from leaderboard import services
from leaderboard.models import Delivery, LogLine, Run
from leaderboard.sending.deliver import deliver_due
from leaderboard.services import outbox
from tests.notices import servers
from tests.records import make_recipe
from tests.services.verifying import verify
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db


def a_minute_passes(**of):
    Delivery.objects.filter(state="waiting", **of).update(due_at=Now() - timedelta(seconds=1))


def test_a_server_that_is_away_loses_nothing(hardware, alice, settings, states):
    servers.use_mail_server(settings, servers.free_port())
    run, _ = verify(make_recipe(epochs=2), hardware, submitter=alice)
    verify(make_recipe(epochs=3), hardware, submitter=alice)
    assert run.state == "succeeded"
    assert deliver_due() == 1, "the second mail need not find out that the server is away"
    (first, second) = states()
    assert first[:3] == ("verified", "waiting", 1)
    assert "could not be used: Connection refused" in first[3]
    assert second[1:3] == ("waiting", 0)
    assert deliver_due() == 0, "both wait for a while"
    a_minute_passes()
    with servers.mail_server(settings) as mailbox:
        assert deliver_due() == 2
        assert deliver_due() == 0
    assert len(mailbox.mails) == 2
    assert {state for _, state, *_ in states()} == {"sent"}


@pytest.mark.django_db(transaction=True)
def test_a_server_that_hangs_delays_no_run_and_no_webhook(hardware, alice, settings, receiver, states):
    settings.EMAIL_TIMEOUT = 600  # ends with the test
    services.add_webhook(alice, receiver.url, ["verified"])
    with servers.silent_server() as (port, taken):
        servers.use_mail_server(settings, port)
        verify(make_recipe(epochs=2), hardware, submitter=alice)
        hanging = threading.Thread(target=lambda: (deliver_due(), connection.close()))
        hanging.start()
        wait_until(lambda: taken, "the mail server to be called")
        run, _ = verify(make_recipe(epochs=3), hardware, submitter=alice)
        assert run.state == "succeeded"
        assert deliver_due() == 2, "both webhooks, while mail hangs in the other thread"
        assert len(receiver.requests) == 2
        for one in taken:
            one.close()
    hanging.join()
    assert [state for _, state, *_ in states(webhook=None)] == ["waiting", "waiting"]


def test_a_server_that_hangs_is_left_after_a_while(alice, hardware, settings, states):
    settings.EMAIL_TIMEOUT = 0.2
    with servers.silent_server() as (port, _):
        servers.use_mail_server(settings, port)
        verify(make_recipe(), hardware, submitter=alice)
        deliver_due()
    assert states() == [("verified", "waiting", 1, "The mail server did not answer within 0.2 s.")]


def test_a_refused_recipient_keeps_nobody_else_from_mail(alice, bob, hardware, mailbox, states):
    mailbox.refuses.add("alice@example.org")
    verify(make_recipe(epochs=2), hardware, submitter=alice)
    verify(make_recipe(epochs=3), hardware, submitter=bob)
    assert deliver_due() == 2
    assert len(mailbox.mails) == 1
    (answer,) = [answer for *_, answer in states(user=alice)]
    assert answer == "The mail server refused the recipient: 550 no such user here."


def test_what_failed_for_good_is_shown_and_sent_again_with_a_line(administrator, alice, hardware, settings, client):
    servers.use_mail_server(settings, servers.free_port())
    verify(make_recipe(), hardware, submitter=alice)
    for _ in range(outbox.MOST_TRIES):
        assert deliver_due() == 1
        a_minute_passes()
    assert deliver_due() == 0
    failed = Delivery.objects.get()
    assert (failed.state, failed.tries) == ("failed", outbox.MOST_TRIES)
    Delivery.objects.update(at=Now() - timedelta(days=31))
    assert outbox.forget_old() == 0, "it was not sent"

    client.force_login(administrator)
    assert "1 notice could not be sent" in client.get(reverse("admin:index")).content.decode()
    assert 'leaderboard_notices{state="failed"} 1.0' in client.get(reverse("metrics")).content.decode()
    page = reverse("admin:leaderboard_delivery_changelist")
    assert "Connection refused" in client.get(f"{page}?state__exact=failed").content.decode()
    chosen = {"action": "send_again", "_selected_action": [str(failed.pk)]}
    assert "is sent again" in client.post(page, chosen, follow=True).content.decode()
    line = LogLine.objects.get(action="send_again")
    assert (line.actor, line.object_id, line.details) == ("admin", str(failed.pk), {"to": "alice"})
    with servers.mail_server(settings) as mailbox:
        deliver_due()
    assert len(mailbox.mails) == 1
    assert outbox.forget_old() == 1
    Delivery.objects.bulk_create([failed])
    assert "is waiting to be sent already" not in client.post(page, chosen, follow=True).content.decode()
    assert "is waiting to be sent already" in client.post(page, chosen, follow=True).content.decode()


def test_waits_grow_with_each_try(alice, settings):
    services.tell_administrators("nobody", "hears it")
    servers.use_mail_server(settings, servers.free_port())
    alice.is_staff = True
    alice.save()
    services.tell_administrators("A fault", "Somewhere.")
    waits = []
    for _ in outbox.WAITS_S:
        deliver_due()
        one = Delivery.objects.get()
        waits.append(round((one.due_at - one.tried_at).total_seconds()))
        a_minute_passes()
    assert waits == list(outbox.WAITS_S)
    assert waits == sorted(waits)


def test_an_account_that_is_deleted_meanwhile_gets_nothing_and_stops_nothing(alice, bob, hardware, mailbox, states):
    run, _ = verify(make_recipe(epochs=2), hardware, submitter=alice)
    waiting = Delivery.objects.get()
    alice.delete()
    assert states() == []
    # Deleted between the reading of the account and the commit of the run's end.
    Delivery.objects.bulk_create([waiting])
    verify(make_recipe(epochs=3), hardware, submitter=bob)
    assert deliver_due() == 2
    assert [(state, answer) for _, state, _, answer in states(key=waiting.key)] == [
        ("dropped", "The account is gone.")
    ]
    assert len(mailbox.mails) == 1
    assert Run.objects.get(pk=run.pk).submission.submitter is None


def test_a_sender_that_died_is_followed_by_another(alice, hardware, mailbox):
    verify(make_recipe(), hardware, submitter=alice)
    taken = outbox.take(None)
    assert deliver_due() == 0, "it may still be sending"
    a_minute_passes()
    assert deliver_due() == 1
    assert not outbox.settle(taken, outbox.Answer("too late")), "its token is old"
    assert Delivery.objects.get().state == "sent"


def test_a_notice_that_can_t_be_written_keeps_no_other(alice, hardware, mailbox, states):
    verify(make_recipe(epochs=2), hardware, submitter=alice)
    Delivery.objects.update(data={"title": "without the rest"})
    verify(make_recipe(epochs=3), hardware, submitter=alice)
    assert deliver_due() == 2
    assert [state for _, state, *_ in states()] == ["waiting", "sent"]
