"""What an attacker tried, and what answers now."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client

from leaderboard import services
from leaderboard.models import ApiToken
from leaderboard.services import Refused
from measurement.documents import DocumentError
from measurement.recipe import read_recipe
from tests.records import make_recipe

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
SIGN_UP = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "leaderboard.settings"
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
form = {"username": "alice", "email": "a@example.org", "password1": "a-long-passw0rd", "password2": "a-long-passw0rd"}
answer = Client().post("/accounts/signup/", form, headers={"host": "localhost"})
assert answer.status_code == 302, answer.status_code
"""


def test_signing_up_works_with_the_settings_as_they_come(tmp_path):
    environment = {"PATH": os.environ["PATH"], "DATA_ROOT": str(tmp_path), "DEBUG": "true"}
    done = subprocess.run(
        [sys.executable, "-c", SIGN_UP], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert tmp_path.stat().st_mode & 0o077 == 0, "others can read sessions and password hashes"


def test_a_huge_upload_is_refused_before_it_is_read(client):
    answer = client.generic("POST", "/accounts/login/", b"x", CONTENT_LENGTH=str(400 * 2**20))
    assert answer.status_code == 413


def test_another_host_gets_a_400(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_guessing_an_administrator_s_password_is_limited(client, administrator):
    right = {"username": "admin", "login": "admin", "password": "a-long-password"}
    assert client.post("/admin/login/", right).headers["Location"].startswith("/accounts/login/")
    for _ in range(12):
        client.post("/accounts/login/", right | {"password": "wrong"})
    client.post("/accounts/login/?next=/admin/", right)
    assert client.get("/admin/").status_code == 302, "signed in after a dozen wrong passwords"
    cache.clear()  # others sign in from the same address


def test_tokens_end_with_the_password(client, alice):
    ApiToken.objects.create(alice)
    client.force_login(alice)
    form = {"oldpassword": "a-long-password", "password1": "another-l0ng-one", "password2": "another-l0ng-one"}
    assert client.post("/accounts/password/change/", form).status_code == 302
    assert ApiToken.objects.get().revoked_at is not None


@pytest.mark.parametrize("name", ["a@example.org", "аlice", "admin", "x y"])
def test_a_name_that_deceives_is_refused(name):
    form = {
        "username": name,
        "email": "b@example.org",
        "password1": "a-long-passw0rd",
        "password2": "a-long-passw0rd",
    }
    assert Client().post("/accounts/signup/", form).status_code == 200


@pytest.mark.parametrize("verified", [None, False, True], ids=["unknown", "registered", "verified"])
def test_signing_up_does_not_tell_whether_an_address_is_registered(alice, verified):
    if verified is not None:
        EmailAddress.objects.create(user=alice, email=alice.email, verified=verified, primary=True)
    address = "nobody@example.org" if verified is None else alice.email
    form = {"username": "carol", "email": address, "password1": "a-long-passw0rd", "password2": "a-long-passw0rd"}
    client = Client()
    answer = client.post("/accounts/signup/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/submit/")
    page = client.get("/submit/").content.decode()
    assert "carol" in page
    assert address not in page
    assert "onfirmation" not in page
    cache.clear()


def test_one_submitter_can_t_fill_the_queue(hardware, alice, bob, settings):
    settings.MAX_ACTIVE_RUNS = 3
    for seed in range(3):
        services.submit(make_recipe(epochs=seed + 1), hardware=hardware, submitter=alice)
    with pytest.raises(Refused, match="which is the limit"):
        services.submit(make_recipe(epochs=4), hardware=hardware, submitter=alice)
    assert services.submit(make_recipe(epochs=5), hardware=hardware, submitter=bob)[1]


def test_a_name_goes_with_who_took_the_recipe_back(hardware, alice, bob):
    squatted, _ = services.submit(make_recipe("Bob's work is stolen"), hardware=hardware, submitter=alice)
    services.withdraw(squatted, by=alice)
    submission, _ = services.submit(make_recipe("Bob's work"), hardware=hardware, submitter=bob)
    submission.recipe.refresh_from_db()
    assert submission.recipe.method.title == "Bob's work"


def test_a_thousand_faults_are_cut_and_half_a_letter_is_shown():
    authors = "[" + ",".join(["1"] * 5_000) + "]"
    with pytest.raises(DocumentError) as many:
        read_recipe(f"schema_version: 1\nmethod: {{title: abc, family: compact, authors: {authors}}}")
    assert len(many.value.faults) <= 50
    with pytest.raises(DocumentError) as half:
        read_recipe('"\\ud800": 1\n"\\ud800": 2')
    assert str(half.value).encode()
