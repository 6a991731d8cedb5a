"""A public site does not start with a signing key that can be guessed, and warns of ALLOWED_HOSTS=*."""

from __future__ import annotations

import pytest

from leaderboard.configuration import kept_secret_key, weak_secret_key
from leaderboard.serving.checks import settings_are_safe

WEAK = [
    "secret",
    "a" * 64,
    "abab" * 20,
    "django-insecure-" + "0123456789abcdefghij" * 2,
    "change-me-0123456789abcdefghijklmnop",
]


@pytest.mark.parametrize("key", WEAK)
def test_a_weak_key_is_an_error_outside_debug_mode(settings, key):
    settings.SECRET_KEY = key
    (message,) = settings_are_safe()
    assert message.is_serious()
    assert message.msg.startswith("SECRET_KEY: ")
    assert "openssl rand -hex 32" in message.hint
    settings.DEBUG = True
    assert settings_are_safe() == []


def test_keys_as_the_documentation_makes_them_are_taken(tmp_path):
    assert weak_secret_key("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08") == ""
    assert weak_secret_key(kept_secret_key(tmp_path / "site")) == ""


def test_any_host_is_warned_of(settings):
    settings.ALLOWED_HOSTS = ["*"]
    (message,) = settings_are_safe()
    assert not message.is_serious()
    assert message.msg.startswith("ALLOWED_HOSTS: ")
