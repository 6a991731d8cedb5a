"""Mail that somebody asked for, such as a link for a new password: by the outbox, which keeps no secret longer."""

import re
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.core.cache import cache
from django.db.models.functions import Now
from django.urls import reverse

from leaderboard import services
from leaderboard.models import Delivery
from leaderboard.sending.deliver import deliver_due
from leaderboard.services import outbox
from tests.notices import servers

pytestmark = pytest.mark.django_db
PASSWORDS = dict.fromkeys(("password1", "password2"), "a long secret 7")


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()
    yield
    cache.clear()


def ask_for_a_password(client, email):
    return client.post(reverse("account_reset_password"), {"email": email}, follow=True)


def time_passes(**by):
    Delivery.objects.update(due_at=Now() - timedelta(seconds=1), at=Now() - timedelta(**by))


def test_no_page_meets_the_mail_server_and_the_link_arrives_once_it_is_back(client, alice, settings):
    with servers.silent_server() as (port, taken):
        servers.use_mail_server(settings, port)
        fields = {"username": "newcomer", "email": "newcomer@example.org"} | PASSWORDS
        assert client.post(reverse("account_signup"), fields).status_code == 302
        client.logout()
        assert ask_for_a_password(client, alice.email).status_code == 200
        assert taken == []
    servers.use_mail_server(settings, servers.free_port())
    assert deliver_due() == 1
    assert set(Delivery.objects.values_list("kind", "state")) == {("account", "waiting")}
    time_passes(minutes=2)
    with servers.mail_server(settings) as mailbox:
        assert deliver_due() == 2
    mails = {mail["To"]: mail for mail in (message_from_bytes(raw, policy=policy.default) for raw in mailbox.mails)}
    assert set(mails) == {"newcomer@example.org", alice.email}
    assert mails[alice.email]["List-Unsubscribe"] is None
    link = re.search(r"http://\S+/password/reset/key/\S+", mails[alice.email].get_content())[0]
    page = client.get(link, follow=True)
    client.post(page.redirect_chain[-1][0], PASSWORDS)
    alice.refresh_from_db()
    assert alice.check_password("a long secret 7")
    assert [one.data for one in Delivery.objects.all()] == [{}, {}], "no secret stays"


def test_who_has_no_account_is_answered_alike(client, alice, bob, mailbox):
    bob.delete()
    known, unknown = (ask_for_a_password(client, email) for email in (alice.email, "nobody@example.org"))
    assert known.redirect_chain == unknown.redirect_chain
    assert Delivery.objects.count() == deliver_due() == 2
    assert [one.user for one in Delivery.objects.order_by("at")] == [alice, None]


@pytest.mark.parametrize("end", ["given up", "out of date"])
def test_a_secret_that_is_never_sent_is_not_kept(client, alice, administrator, settings, end):
    servers.use_mail_server(settings, servers.free_port())
    ask_for_a_password(client, alice.email)
    waiting = Delivery.objects.get()
    key = re.search(r"reset/key/(\S+)", waiting.data["text"])[1]
    client.force_login(administrator)
    for page in (reverse("admin:leaderboard_delivery_change", args=[waiting.pk]), "/admin/leaderboard/delivery/"):
        assert key not in client.get(page).content.decode(), "who reads it can sign in as its account"
    if end == "given up":
        Delivery.objects.update(tries=outbox.MOST_TRIES - 1)
        deliver_due()
    else:
        time_passes(seconds=settings.PASSWORD_RESET_TIMEOUT - 60)
        outbox.forget_old()
        assert Delivery.objects.get().data, "its link still works"
        time_passes(seconds=settings.PASSWORD_RESET_TIMEOUT + 60)
        outbox.forget_old()
    ended = Delivery.objects.get()
    assert (ended.state, ended.data) == ("failed", {})
    with pytest.raises(services.Refused, match="ask for another"):
        services.send_again(ended, by=administrator)
