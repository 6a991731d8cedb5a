"""Withdraw, re-run and cancel: Alice owns the submission, Bob is another user, Charlie has no account."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from leaderboard.models import Entry, Recipe, Run, Submission
from tests.api import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return builders.user("alice")


@pytest.fixture
def people(alice: User) -> dict[str, dict[str, str]]:
    admin = builders.user("admin", is_staff=True)
    return {
        "alice": builders.token(alice),
        "bob": builders.token(builders.user("bob")),
        "charlie": {},
        "admin": builders.token(admin),
    }


def post(client: Client, address: str, headers: dict[str, str]) -> Any:
    return client.post(address, headers=headers)


@pytest.mark.parametrize(("person", "status"), [("alice", 200), ("bob", 403), ("charlie", 401), ("admin", 200)])
def test_withdraw(client: Client, alice: User, people: Any, person: str, status: int) -> None:
    run = builders.run(state="queued", submitter=alice)
    answer = post(client, f"/api/v1/submissions/{run.submission_id}/withdraw", people[person])
    assert answer.status_code == status
    assert ("errors" in answer.json()) == (status != 200)
    run.refresh_from_db()
    assert run.state == ("cancelled" if status == 200 else "queued")
    assert (Submission.objects.get().withdrawn_at is not None) == (status == 200)


@pytest.mark.parametrize(("person", "status"), [("alice", 403), ("bob", 403), ("charlie", 401), ("admin", 201)])
def test_rerun(client: Client, alice: User, people: Any, person: str, status: int) -> None:
    run = builders.run(state="succeeded", submitter=alice)
    answer = post(client, f"/api/v1/runs/{run.pk}/rerun", people[person])
    assert answer.status_code == status
    assert Run.objects.count() == (2 if status == 201 else 1)
    if status == 201:
        assert answer.json()["state"] == "queued"
        assert client.get(answer["Location"]).json()["id"] == answer.json()["id"] != run.pk


@pytest.mark.parametrize(("person", "status"), [("alice", 403), ("bob", 403), ("charlie", 401), ("admin", 202)])
def test_cancel(client: Client, alice: User, people: Any, person: str, status: int) -> None:
    run = builders.run(state="running", submitter=alice)
    answer = post(client, f"/api/v1/runs/{run.pk}/cancel", people[person])
    assert answer.status_code == status
    run.refresh_from_db()
    assert run.cancel_requested == (status == 202)


def test_withdrawn_entries_leave_the_board(client: Client, alice: User, people: Any) -> None:
    entry = builders.entry()
    Submission.objects.update(submitter=alice)
    before = client.get("/api/v1/leaderboard").json()
    post(client, f"/api/v1/submissions/{entry.run.submission_id}/withdraw", people["alice"])
    assert before["count"] == 1
    assert client.get("/api/v1/leaderboard").json()["count"] == 0
    again = post(client, f"/api/v1/submissions/{entry.run.submission_id}/withdraw", people["alice"])
    assert again.status_code == 409
    assert "already" in again.json()["errors"][0]["message"]


def test_what_a_state_does_not_allow(client: Client, people: Any) -> None:
    running = builders.run(state="running")
    ended = builders.run(state="failed")
    for address in (f"/api/v1/runs/{running.pk}/rerun", f"/api/v1/runs/{ended.pk}/cancel"):
        answer = post(client, address, people["admin"])
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, "run")


def test_rerun_in_another_mode(client: Client, people: Any) -> None:
    sampled = builders.run(mode="sampled")
    address = f"/api/v1/runs/{sampled.pk}/rerun"
    wrong = post(client, f"{address}?mode=fast", people["admin"])
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "mode")
    answer = post(client, f"{address}?mode=full", people["admin"])
    assert (answer.status_code, answer.json()["mode"]) == (201, "full")

    of = builders.recipe()
    Recipe.objects.filter(pk=of.pk).update(document=builders.recipe_document())
    refused = post(client, f"/api/v1/runs/{builders.run(of).pk}/rerun?mode=sampled", people["admin"])
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "reported")


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "kind"), [('{"mode": "full"}', JSON), ("mode=full", FORM), ({"mode": "full"}, None)]
)
def test_rerun_reads_the_mode_in_its_body(client: Client, people: Any, body: Any, kind: str | None) -> None:
    sampled = builders.run(mode="sampled")
    as_kind = {"content_type": kind} if kind else {}
    address = f"/api/v1/runs/{sampled.pk}/rerun"
    contradicts = client.post(f"{address}?mode=sampled", body, **as_kind, headers=people["admin"])
    assert (contradicts.status_code, contradicts.json()["errors"][0]["field"]) == (400, "mode")
    answer = client.post(address, body, **as_kind, headers=people["admin"])
    assert (answer.status_code, answer.json()["mode"]) == (201, "full")


@pytest.mark.parametrize("action", ["runs/{run}/rerun", "runs/{run}/cancel", "submissions/{submission}/withdraw"])
def test_what_nobody_reads_in_a_body_is_refused(client: Client, people: Any, action: str) -> None:
    run = builders.run(state="succeeded" if "rerun" in action else "queued")
    address = f"/api/v1/{action.format(run=run.pk, submission=run.submission_id)}"
    bodies = [
        ('{"cause": "a typing error"}', JSON, 400, "cause"),
        ("cause=a+typing+error", FORM, 400, "cause"),
        ('["mode"]', JSON, 400, None),
        ("{", JSON, 400, None),
        ("mode: full", "text/plain", 415, None),
        ('{"mode": "fast"}', JSON, 400, "mode"),
        ('{"mode": "full", "mode": "sampled"}', JSON, 400, "mode"),
        ("mode=full&mode=sampled", FORM, 400, "mode"),
        (" " * 70_000, JSON, 413, None),
    ]
    for body, kind, status, field in bodies:
        answer = client.post(address, body, content_type=kind, headers=people["admin"])
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field), body
    run.refresh_from_db()
    assert (Run.objects.count(), run.state) == (1, "succeeded" if "rerun" in action else "queued")
    assert client.post(address, "{}", content_type=JSON, headers=people["admin"]).status_code < 300


def test_rerun_leaves_the_entry_where_it_is(client: Client, people: Any) -> None:
    entry = builders.entry()
    assert post(client, f"/api/v1/runs/{entry.run_id}/rerun", people["admin"]).status_code == 201
    assert Entry.objects.get().run_id == entry.run_id


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/submissions/00000000-0000-4000-8000-000000000000/withdraw",
        "/api/v1/runs/1/rerun",
        "/api/v1/runs/1/cancel",
        f"/api/v1/runs/{'9' * 30}/cancel",
    ],
)
def test_what_is_not_there(client: Client, people: Any, address: str) -> None:
    assert post(client, address, people["admin"]).status_code == 404
    assert post(client, address, people["charlie"]).status_code == 401
    assert client.get(address, headers=people["admin"]).status_code == 405


@pytest.mark.parametrize("action", ["rerun", "cancel"])
def test_token_of_nobody(client: Client, action: str) -> None:
    run = builders.run()
    answer = post(client, f"/api/v1/runs/{run.pk}/{action}", {"Authorization": "Token nonsense"})
    assert answer.status_code == 401
    assert answer.json()["errors"] == [{"field": None, "message": "Invalid token."}]
