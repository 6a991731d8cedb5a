"""A stranger signs up, signs out and in again, and makes an API token, which is shown once and can be revoked."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from leaderboard.models import ApiToken
from tests.waiting import HANG_S

PASSWORD = "correct horse battery"


def fill_in_sign_up(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/signup/")
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=email]").fill(f"{name}@example.org")
    page.locator("input[name=password1]").fill(password)
    page.locator("input[name=password2]").fill(password)
    page.get_by_role("button", name=re.compile("Sign Up", re.IGNORECASE)).click()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name=re.compile("Sign In", re.IGNORECASE)).click()


def test_sign_up_out_and_in(page, live_server):
    fill_in_sign_up(page, "dora")
    expect(page.get_by_role("button", name="Sign out dora")).to_be_visible()
    assert get_user_model().objects.get().check_password(PASSWORD)
    page.get_by_role("button", name="Sign out dora").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    expect(page).to_have_url("/")
    sign_in(page, "dora@example.org")
    expect(page.get_by_role("button", name="Sign out dora")).to_be_visible()
    expect(page).to_have_url("/submit/")


def test_weak_password_is_refused_in_words(page, live_server):
    fill_in_sign_up(page, "dora", "12345678")
    expect(page.locator(".errorlist").first).to_contain_text("password")
    expect(page.locator("input[name=username]")).to_have_value("dora")
    assert not get_user_model().objects.exists()


def test_wrong_password_is_refused_without_telling_who_exists(page, alice, live_server):
    answers = []
    for name in ("alice", "nobody-of-this-name"):
        sign_in(page, name, "not-the-password")
        expect(page.locator(".errorlist")).to_be_visible()
        answers.append(page.locator(".errorlist").inner_text())
    assert answers[0] == answers[1]


def queue_as(site: str, token: str) -> int:
    request = urllib.request.Request(f"{site}/api/v1/queue", headers={"Authorization": f"Token {token}"})
    with urllib.request.urlopen(request, timeout=HANG_S) as answer:
        json.load(answer)
        return answer.status


@pytest.mark.parametrize("scripts", [True, False])
def test_token_is_shown_once_renamed_and_revoked(open_reader, alice, live_server, scripts):
    reader = open_reader(java_script_enabled=scripts)
    reader.sign_in(alice)
    page = reader.page
    reader.open("/accounts/tokens/")
    expect(page.get_by_text("You have no tokens.")).to_be_visible()
    page.get_by_label("Name").fill("CI of my model")
    page.get_by_role("button", name="Create a token").click()
    token = page.locator("#token").inner_text().strip()
    assert len(token) == 64
    assert queue_as(live_server.url, token) == 200
    assert not ApiToken.objects.filter(digest=token).exists()

    reader.open("/accounts/tokens/")
    assert token not in page.content()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody code")).to_contain_text(token[:8])
    page.locator("tbody summary").click()
    page.get_by_label("New name").fill("Nightly CI")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("tbody summary")).to_contain_text("Nightly CI")
    page.get_by_role("button", name="Revoke the token Nightly CI").click()
    expect(page.get_by_text("The token was revoked")).to_be_visible()
    expect(page.locator("#ended summary")).to_have_text("1 token no longer valid")
    assert ApiToken.objects.get().revoked_at is not None


def test_token_can_be_copied(open_reader, alice, live_server):
    reader = open_reader(permissions=["clipboard-read", "clipboard-write"])
    reader.sign_in(alice)
    reader.open("/accounts/tokens/")
    reader.page.get_by_label("Name").fill("CI")
    reader.page.get_by_role("button", name="Create a token").click()
    token = reader.page.locator("#token").inner_text().strip()
    reader.page.locator("[data-copy=token]").click()
    expect(reader.page.locator("[data-copy=token]")).to_have_text("Copied")
    assert reader.page.evaluate("navigator.clipboard.readText()") == token


def test_charlie_is_sent_to_sign_in_and_back(page, alice, live_server):
    page.goto("/accounts/tokens/")
    expect(page).to_have_url("/accounts/login/?next=/accounts/tokens/")
    page.locator("input[name=login]").fill("alice")
    page.locator("input[name=password]").fill("a-long-password")
    page.get_by_role("button", name=re.compile("Sign In", re.IGNORECASE)).click()
    expect(page).to_have_url("/accounts/tokens/")
