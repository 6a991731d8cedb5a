"""API tokens end wherever a password is changed, and stay where it is only hashed anew."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.contrib.auth.management.commands.changepassword import Command
from django.core.management import call_command
from django.urls import reverse

from leaderboard.models import ApiToken

pytestmark = pytest.mark.django_db

OLD, NEW = "a-long-password", "another-long-password"


@pytest.fixture
def has_token(alice):
    """Whether a token of Alice's still opens the API."""
    _, token = ApiToken.objects.create(alice)

    def opens(client):
        answer = client.post(
            "/api/v1/submissions", {}, "application/json", headers={"Authorization": f"Token {token}"}
        )
        return answer.status_code != 401

    return opens


def by_administrator(client, alice, administrator, **fields):
    client.force_login(administrator)
    address = reverse("admin:auth_user_password_change", args=[alice.pk])
    answer = client.post(address, {"password1": NEW, "password2": NEW, "usable_password": "true"} | fields)
    assert answer.status_code == 302
    client.logout()


def test_an_administrator_sets_another(client, alice, administrator, has_token):
    assert has_token(client)
    by_administrator(client, alice, administrator)
    assert not has_token(client)
    assert authenticate(username="alice", password=NEW) == alice


def test_an_administrator_leaves_none(client, alice, administrator, has_token):
    by_administrator(client, alice, administrator, **{"usable_password": "false", "unset-password": "1"})
    assert not has_token(client)
    assert authenticate(username="alice", password=OLD) is None


def test_an_operator_sets_another_on_the_server(client, alice, has_token, monkeypatch):
    monkeypatch.setattr(Command, "_get_pass", lambda *_: NEW)
    call_command("changepassword", "alice")
    assert not has_token(client)


def test_its_owner_sets_another(client, alice, has_token):
    client.force_login(alice)
    answer = client.post(reverse("account_change_password"), {"oldpassword": OLD, "password1": NEW, "password2": NEW})
    assert answer.status_code == 302
    client.logout()
    assert not has_token(client)


def test_a_program_stores_another_hash(client, alice, has_token):
    alice.password = make_password(NEW)
    alice.save()
    assert not has_token(client)


def test_a_hash_that_is_renewed_at_a_sign_in_ends_nothing(client, alice, has_token, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    before = alice.password
    assert client.login(username="alice", password=OLD)
    client.logout()
    alice.refresh_from_db()
    assert alice.password != before
    assert has_token(client)


def test_other_changes_end_nothing(client, alice, administrator, has_token):
    alice.email = "alice@example.com"
    alice.save()
    by_administrator(client, administrator, administrator)
    assert has_token(client)
