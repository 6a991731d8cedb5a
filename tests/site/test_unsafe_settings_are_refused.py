"""A public site starts neither with a key that can be guessed nor with any host name, in debug mode or over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["127.0.0.1", "localhost"]
    assert settings_are_safe() == []


def test_keys_as_the_documentation_makes_them_are_taken(tmp_path):
    assert weak_secret_key("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08") == ""
    assert weak_secret_key(kept_secret_key(tmp_path / "site")) == ""


def test_any_host_is_refused(settings):
    settings.ALLOWED_HOSTS = ["*"]
    (message,) = settings_are_safe()
    assert message.is_serious()
    assert message.msg.startswith("ALLOWED_HOSTS: ")


@pytest.mark.parametrize(("host", "allowed"), [("192.0.2.1", []), ("127.0.0.1", ["a.example"]), ("127.0.0.1", ["*"])])
def test_debug_mode_is_for_this_machine_alone(settings, host, allowed):
    settings.DEBUG, settings.HOST = True, host
    settings.ALLOWED_HOSTS = [*allowed, "127.0.0.1", "localhost"]
    (message,) = settings_are_safe()
    assert message.is_serious()
    assert message.msg.startswith("DEBUG is true")


PRODUCTION = {
    "HTTPS": "true",
    "SECRET_KEY": "of-no-use-outside-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "leaderboard.example.org",
    "SITE_URL": "https://leaderboard.example.org",
}
ROOT = Path(__file__).resolve().parents[2]
OVER_HTTP = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "leaderboard.settings"
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("check", deploy=True, fail_level="WARNING")
client = Client(headers={"host": "leaderboard.example.org"})
for address in ("/", "/accounts/login/", "/api/v1/tracks"):
    for ask in (client.get, client.post):
        answer = ask(address, headers={"X-Forwarded-Proto": "http"})
        assert answer.status_code == 301, (address, answer.status_code)
        assert answer["Location"] == f"https://leaderboard.example.org{address}", answer["Location"]
assert client.get("/healthz").status_code == 200
answer = client.get("/robots.txt", headers={"X-Forwarded-Proto": "https"})
assert answer.status_code == 200, answer.status_code
assert answer["Strict-Transport-Security"]
"""


def in_production(tmp_path: Path, *command: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_ROOT": str(tmp_path), **PRODUCTION, **changed}
    command = (sys.executable, *command)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_production_has_no_warning_and_answers_https_alone(tmp_path):
    done = in_production(tmp_path, "-c", OVER_HTTP)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "changed",
    [
        {"SECRET_KEY": "secret"},
        {"ALLOWED_HOSTS": "*"},
        {"DEBUG": "true"},
        {"SITE_URL": "http://leaderboard.example.org"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_gunicorn_does_not_start(tmp_path, changed):
    done = in_production(tmp_path, "-m", "gunicorn", "--config", "python:leaderboard.gunicorn", **changed)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith(next(iter(changed))), done.stderr
