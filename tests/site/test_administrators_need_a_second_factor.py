"""With ADMIN_2FA an administrator's password alone administers nothing: neither pages, nor tokens, nor the API."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import hotp_value
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from leaderboard.models import ApiToken

pytestmark = pytest.mark.django_db
ACTIVATE, GIVE = "/accounts/2fa/totp/activate/", "/accounts/2fa/authenticate/"
PASSWORD = "a-long-password"


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()
    yield
    cache.clear()


def signed_in(client: Client) -> Client:
    client.post(reverse("account_login"), {"login": "admin", "password": PASSWORD})
    return client


def code_of(secret: str) -> str:
    return f"{hotp_value(secret, int(time.time()) // 30):06d}"


def set_up(client: Client) -> str:
    """The secret that the page shows."""
    answer = client.get(ACTIVATE)
    assert client.post(answer["Location"], {"password": PASSWORD})["Location"] == ACTIVATE
    page = client.get(ACTIVATE)
    assert 'src="data:image/svg+xml;base64,' in page.content.decode()
    assert "data:" in page["Content-Security-Policy"].partition("img-src")[2].partition(";")[0]
    secret = re.search(r'value="([A-Z2-7]{32})"', page.content.decode())[1]
    assert client.post(ACTIVATE, {"code": code_of(secret)}).status_code == 302
    return secret


def test_off_nothing_is_asked_for(client, administrator):
    assert signed_in(client).get("/admin/").status_code == 200


def test_a_password_alone_administers_nothing(client, settings, administrator):
    settings.ADMIN_2FA = True
    signed_in(client)
    for answer in (client.get("/admin/"), client.get("/admin/auth/user/"), client.post("/accounts/tokens/", {})):
        assert (answer.status_code, answer["Location"]) == (302, ACTIVATE)
    assert not ApiToken.objects.exists()
    assert client.post("/api/v1/runs/1/cancel", {}, content_type="application/json").status_code == 403
    administrator.refresh_from_db()
    assert administrator.is_staff
    assert client.get("/").status_code == 200


def test_with_a_code_everything_is_as_before(settings, administrator):
    settings.ADMIN_2FA = True
    first, elsewhere = signed_in(Client()), signed_in(Client())
    secret = set_up(first)
    assert Authenticator.objects.filter(user=administrator).count() == 2, "the app and the recovery codes"
    first.post(reverse("mfa_deactivate_totp"), {})
    assert Authenticator.objects.filter(type="totp").exists(), "the password alone would take it away"
    # Sessions by the password alone, one of which may be somebody else's, have to give it.
    answer = elsewhere.get("/admin/")
    assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    cache.clear()  # a code is good once
    client = Client()
    assert client.post(reverse("account_login"), {"login": "admin", "password": PASSWORD})["Location"] == GIVE
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    client.post(GIVE, {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200
    assert client.post("/api/v1/runs/1/cancel", {}, content_type="application/json").status_code == 404
    listed = client.get(reverse("admin:mfa_authenticator_changelist"))
    assert listed.status_code == 200
    one = Authenticator.objects.get(type="totp")
    assert secret not in client.get(reverse("admin:mfa_authenticator_change", args=[one.pk])).content.decode()


def test_a_recovery_code_does_it_once(settings, administrator):
    settings.ADMIN_2FA = True
    set_up(signed_in(Client()))
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    for is_first in (True, False):
        client = signed_in(Client())
        client.post(GIVE, {"code": codes[0]})
        assert (client.get("/admin/").status_code == 200) == is_first
