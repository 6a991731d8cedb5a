"""What a token opens, until when, and what one that has ended is told; tokens from before keep working."""

from __future__ import annotations

import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client, RequestFactory
from django.utils import timezone
from knox.models import get_digest_token

from leaderboard import services
from leaderboard.api.authentication import ApiTokenAuthentication
from leaderboard.api.urls import urlpatterns as api_urlpatterns
from leaderboard.database import clock
from leaderboard.models import ApiToken, LogLine, Run
from leaderboard.services.limits import take_turn
from tests.api import builders
from tests.waiting import HANG_S

ADDRESS = "/api/v1/submissions"
JSON = "application/json"


@pytest.fixture
def alice(db: None) -> User:
    builders.hardware()
    return builders.user("alice")


@pytest.fixture
def admin(db: None) -> User:
    builders.hardware()
    return builders.user("admin", is_staff=True, is_superuser=True)


def headers(text: str) -> dict[str, str]:
    return {"Authorization": f"Token {text}"}


def submit(text: str) -> Any:
    return Client().post(ADDRESS, builders.recipe_document(), JSON, headers=headers(text))


def message(answer: Any) -> str:
    (error,) = answer.json()["errors"]
    return str(error["message"])


def test_least_is_the_default(alice: User) -> None:
    services.create_token(alice, by=alice, name=" CI of my model ")
    token = ApiToken.objects.get()
    assert (token.name, token.scope, token.last_used_at) == ("CI of my model", "submit", None)
    assert timedelta(days=89) < token.expiry - timezone.now() <= timedelta(days=90)


@pytest.mark.parametrize("scope", ["submit", "administer"])
def test_an_administrators_token_does_what_its_scope_says(admin: User, scope: str) -> None:
    text = services.create_token(admin, by=admin, name="CI", scope=scope)
    may, client = scope == "administer", Client()
    ended, waiting, running = (builders.run(state=state) for state in ("succeeded", "queued", "running"))
    acts = {
        f"/api/v1/runs/{ended.pk}/rerun": 201,
        f"/api/v1/runs/{running.pk}/cancel": 202,
        f"/api/v1/runs/{ended.pk}/hold": 200,
        f"/api/v1/submissions/{waiting.submission_id}/withdraw": 200,
        f"/api/v1/entries/{builders.entry().pk}/take-down": 200,
    }
    for address, status in acts.items():
        body = {"reason": "its fan stood still"} if "hold" in address or "take" in address else {}
        answer = client.post(address, body, JSON, headers=headers(text))
        assert answer.status_code == (status if may else 403), (address, answer.content)
        if not may:
            assert "scope of this token" in message(answer) or "only its submitter" in message(answer)
    for address in ("/api/v1/log", "/api/v1/log.csv", "/api/v1/spending"):
        assert client.get(address, headers=headers(text)).status_code == (200 if may else 403)
    assert submit(text).status_code == 201
    admin.refresh_from_db()
    assert admin.is_staff


def test_nobody_else_gets_the_wide_scope(alice: User, admin: User) -> None:
    with pytest.raises(services.Refused, match="is no administrator"):
        services.create_token(alice, by=alice, name="CI", scope="administer")
    with pytest.raises(services.Refused, match="is no administrator"):
        services.create_token(alice, by=alice, name="CI", scope="worker")
    text = services.create_token(admin, by=admin, name="CI", scope="administer")
    User.objects.filter(pk=admin.pk).update(is_staff=False, is_superuser=False)
    run = builders.run()
    assert Client().post(f"/api/v1/runs/{run.pk}/rerun", headers=headers(text)).status_code == 403


def test_one_that_has_ended_is_told_when_and_what_to_do(alice: User) -> None:
    texts = {name: services.create_token(alice, by=alice, name=name, days=1) for name in ("expired", "revoked")}
    for text in texts.values():
        assert submit(text).status_code in (200, 201)
    ApiToken.objects.filter(name="expired").update(expiry=clock.now() - timedelta(days=1))
    services.revoke_token(alice, texts["revoked"][:15], by=alice)
    for name, text in texts.items():
        answer = submit(text)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Token"
        assert name in message(answer)
        assert "/accounts/tokens/" in message(answer)
        # Only who has all of it is told anything.
        assert message(submit(text[:-1] + "z")) == "Invalid token."
    assert Run.objects.count() == 1


def test_last_use_is_kept_to_within_a_minute(alice: User, django_assert_num_queries: Any) -> None:
    token = ApiToken.objects.get(digest=ApiToken.objects.create(alice, name="CI")[0].digest)
    services.token_used(token)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    with django_assert_num_queries(1):  # the clock
        services.token_used(token)
    token.last_used_at = first - timedelta(minutes=2)
    token.save()
    services.token_used(token)
    token.refresh_from_db()
    assert token.last_used_at >= first


def test_names_and_numbers_are_checked(alice: User) -> None:
    for name, why in (("  ", "required"), ("x" * 101, "at most 100"), ("a\x07b", "can't be shown")):
        with pytest.raises(services.Invalid, match=why):
            services.create_token(alice, by=alice, name=name)
    for number in range(services.MOST_TOKENS):
        services.create_token(alice, by=alice, name=f"{number}")
    with pytest.raises(services.LimitReached, match="revoke one first"):
        services.create_token(alice, by=alice, name="one more")
    services.revoke_token(alice, ApiToken.objects.first().token_key, by=alice)
    services.create_token(alice, by=alice, name="in its place")


def test_ended_ones_go_in_the_end(alice: User) -> None:
    services.create_token(alice, by=alice, name="old", days=1)
    ApiToken.objects.update(expiry=clock.now() - timedelta(days=91))
    services.create_token(alice, by=alice, name="new")
    assert ApiToken.objects.get().name == "new"


def test_page_lists_what_there_is(client: Client, alice: User, admin: User) -> None:
    client.force_login(alice)
    page = client.post("/accounts/tokens/", {"name": "CI", "scope": "administer", "days": "30"}).content.decode()
    assert not ApiToken.objects.exists()
    assert "administer is not one of the available choices" in page
    assert 'value="administer"' not in page
    assert 'value="worker"' not in page
    client.force_login(admin)
    page = client.post("/accounts/tokens/", {"name": "<b>CI", "scope": "administer", "days": ""}).content.decode()
    assert ApiToken.objects.get().expiry is None
    assert "&lt;b&gt;CI" in page


def run_command(*words: str) -> str:
    out = StringIO()
    call_command("token", *words, stdout=out)
    return out.getvalue().strip()


def test_command_makes_lists_renames_and_revokes(alice: User, admin: User) -> None:
    text = run_command("alice")
    assert submit(text).status_code == 201
    wide = run_command("admin", "--scope", "administer", "--name", "Nightly", "--days", "0")
    assert run_command("admin", "--list") == f"{wide[:15]}\tadminister\tlive\tends never\tused never\tNightly"
    run_command("admin", "--rename", wide[:15], "--name", "Weekly")
    run_command("admin", "--revoke", wide[:15])
    assert "\tended\t" in run_command("admin", "--list")
    assert run_command("admin", "--list").endswith("\tWeekly")
    acts = LogLine.objects.filter(actor="system").order_by("pk").values_list("action", flat=True)
    assert list(acts) == ["create_token", "create_token", "rename_token", "revoke_token"]
    for words in (
        ("alice", "--scope", "administer"),
        ("alice", "--days", "-1"),
        ("admin", "--revoke", wide[:15]),
        ("alice", "--rename", wide[:15], "--name", "Mine"),
        ("nobody",),
    ):
        with pytest.raises(CommandError):
            run_command(*words)


@pytest.mark.django_db(transaction=True)
def test_what_a_request_does_stays_if_its_token_is_revoked_meanwhile(alice: User, monkeypatch: Any) -> None:
    """The request has been let in and waits for its turn to write; then its token goes."""
    text = services.create_token(alice, by=alice, name="CI")
    ApiToken.objects.update(last_used_at=clock.now())
    let_in, answers = threading.Event(), []
    check = ApiTokenAuthentication.authenticate_credentials

    def telling(self: Any, token: bytes) -> Any:
        found = check(self, token)
        let_in.set()
        return found

    monkeypatch.setattr(ApiTokenAuthentication, "authenticate_credentials", telling)

    def request() -> None:
        try:
            answers.append(submit(text))
        finally:
            connection.close()

    thread = threading.Thread(target=request)
    with transaction.atomic():
        take_turn(alice)
        thread.start()
        assert let_in.wait(HANG_S)
        assert services.revoke_token(alice, text[:15], by=alice)
    thread.join(HANG_S)
    assert [answer.status_code for answer in answers] == [201]
    assert Run.objects.get().state == "queued"
    assert submit(text).status_code == 401
    assert Run.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_tokens_from_before_keep_working(alice: User, admin: User) -> None:
    """The migration there and back: texts, ends and dates stay, and knox's own table is left empty."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    parents = executor.loader.graph.node_map["leaderboard", "0028_api_tokens"].parents
    before = next(node.key for node in parents if node.key[0] == "leaderboard")
    texts, now = {}, timezone.now()
    try:
        executor.migrate([before])
        then = executor.loader.project_state([("knox", "0009_extend_authtoken_field")]).apps
        earlier = then.get_model("knox", "AuthToken").objects
        for user, expiry in ((alice, None), (admin, now + timedelta(days=3))):
            digest, texts[user.username] = get_digest_token()
            made = earlier.create(digest=digest, token_key=texts[user.username][:15], user_id=user.pk, expiry=expiry)
            earlier.filter(pk=made.pk).update(created=now - timedelta(days=400))
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(leaves)
    assert apps.get_model("leaderboard", "ApiToken").objects.count() == 2
    mine, wide = ApiToken.objects.get(user=alice), ApiToken.objects.get(user=admin)
    assert (mine.scope, mine.expiry, wide.scope) == ("submit", None, "administer")
    assert wide.expiry == now + timedelta(days=3)
    assert mine.created == now - timedelta(days=400)
    assert submit(texts["alice"]).status_code == 201
    run = builders.run()
    assert Client().post(f"/api/v1/runs/{run.pk}/rerun", headers=headers(texts["admin"])).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM knox_authtoken")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_expiry_follows_the_databases_clock(alice: User) -> None:
    text = services.create_token(alice, by=alice, name="CI", days=1)
    with time_machine.travel(timezone.now() + timedelta(days=10), tick=True):  # this machine's alone
        assert submit(text).status_code == 201


def test_a_workers_token_opens_what_is_for_workers_and_nothing_else(admin: User) -> None:
    """Every address of the API that knows who asks, and every method, those to come too."""
    text = services.create_token(admin, by=admin, name="gpu-box", scope="worker")
    views = {str(pattern.name): pattern.callback.view_class for pattern in api_urlpatterns}
    views = {name: view for name, view in views.items() if view.authentication_classes}
    opened = {name for name, view in views.items() if getattr(view, "for_workers", True)}
    assert opened == {"api-artifact-content"}
    closed = {name: view for name, view in views.items() if name not in opened}
    assert "api-submissions" in closed
    for name, view in closed.items():
        for method in ("GET", "POST", "PATCH", "DELETE", "OPTIONS"):
            request = RequestFactory().generic(method, "/", "{}", JSON, headers=headers(text))
            answer = view.as_view()(request)
            assert (name, method, answer.status_code) == (name, method, 403)
            assert "scope of this token is worker" in str(answer.data)
    # Its owner's rights end it.
    User.objects.filter(pk=admin.pk).update(is_staff=False)
    answer = Client().get(f"/api/v1/artifacts/{'0' * 64}/content", headers=headers(text))
    assert (answer.status_code, "no administrator any more" in message(answer)) == (401, True)
