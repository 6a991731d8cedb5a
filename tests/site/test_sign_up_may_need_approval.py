"""Sign-up that is open, needs an administrator's approval, or is closed; until it is approved, an account is shut."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from leaderboard import services
from leaderboard.models import Delivery, LogLine
from leaderboard.services import Refused
from tests.api.builders import token

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-passw0rd"
FORM = {"username": "carol", "email": "carol@example.org", "password1": PASSWORD, "password2": PASSWORD}
SIGN_UP, LOGIN = "/accounts/signup/", "/accounts/login/"


def test_open_says_nothing_of_it(client):
    assert "approves" not in client.get(SIGN_UP).content.decode()
    assert client.post(SIGN_UP, FORM)["Location"] == "/submit/"


def test_closed_takes_nobody_and_says_so(client, settings):
    settings.SIGNUP = "closed"
    for answer in (client.get(SIGN_UP), client.post(SIGN_UP, FORM)):
        assert "takes no new accounts" in answer.content.decode()
    assert not User.objects.exists()


def test_an_account_is_shut_until_it_is_approved(client, settings, administrator):
    settings.SIGNUP = "approval"
    assert "An administrator approves each new account" in client.get(SIGN_UP).content.decode()
    answer = client.post(SIGN_UP, FORM, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("account_inactive")
    assert "until an administrator has approved it" in answer.content.decode()
    carol = User.objects.get(username="carol")
    told = Delivery.objects.get(kind="administration")
    assert (told.user, "approval__isempty=0" in told.data["text"]) == (administrator, True)

    signing_in = {"login": "carol", "password": PASSWORD}
    assert client.post(LOGIN, signing_in)["Location"] == reverse("account_inactive")
    headers = token(carol)
    answer = client.get("/api/v1/submissions?mine=true", headers=headers)
    assert (answer.status_code, "approval" in answer.json()["errors"][0]["message"]) == (401, True)

    client.force_login(administrator)
    listed = reverse("admin:auth_user_changelist")
    assert "carol" in client.get(listed, {"approval__isempty": 0}).content.decode()
    client.post(listed, {"action": "approve", "_selected_action": [carol.pk], "reason": "a colleague"})
    line = LogLine.objects.get(action="approve")
    assert (line.actor, line.object_name, line.reason) == ("admin", "carol", "a colleague")
    mail = Delivery.objects.filter(kind="account", user=carol).latest("at")
    assert (mail.data["to"], "was approved" in mail.data["subject"]) == ("carol@example.org", True)
    client.logout()
    assert client.get("/api/v1/submissions?mine=true", headers=headers).status_code == 200
    assert client.post(LOGIN, signing_in)["Location"] == "/submit/"
    with pytest.raises(Refused, match="does not wait"):
        services.approve(carol, by=administrator)


def test_a_new_password_opens_no_account_that_waits(client, settings):
    settings.SIGNUP = "approval"
    client.post(SIGN_UP, FORM)
    Delivery.objects.all().delete()
    client.post(reverse("account_reset_password"), {"email": FORM["email"]})
    assert "reset/key" not in "".join(one.data.get("text", "") for one in Delivery.objects.all())
