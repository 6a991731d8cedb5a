"""`Idempotency-Key`: what is sent again is answered again and done once, also at the same moment."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator

from leaderboard import services
from leaderboard.api.views.runs import RerunView
from leaderboard.database import clock
from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import LogLine, RepeatedRequest, Run, SubmissionRequest
from tests.api import builders
from tests.records import make_recipe
from tests.services.together import together

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/submissions"
JSON = "application/json"
KEY = '"8e03978e-40d5-43e8-bc93-6894a57f9324"'


@pytest.fixture
def alice() -> User:
    builders.hardware()
    return builders.user("alice")


@pytest.fixture
def by_alice(alice: User) -> dict[str, str]:
    return builders.token(alice)


def post(headers: dict[str, str], key: str | None = KEY, address: str = ADDRESS, body: Any = None) -> Any:
    body = builders.recipe_document() if body is None else body
    given = headers if key is None else headers | {"Idempotency-Key": key}
    return Client().post(address, body, JSON, headers=given)


def test_same_request_gets_the_first_answer(by_alice: dict[str, str]) -> None:
    first = post(by_alice)
    Run.objects.update(state="succeeded")
    again = post(by_alice)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again["Location"]) == (first.content, first["Location"])
    assert again["Content-Type"] == first["Content-Type"]
    assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
    # Without the key it is another request, whose answer is of now.
    assert (post(by_alice, None).status_code, post(by_alice, None).json()["state"]) == (200, "succeeded")
    assert Run.objects.count() == 1
    assert LogLine.objects.filter(action="submit").count() == 1


def test_quotes_are_no_part_of_the_key(by_alice: dict[str, str]) -> None:
    assert "Idempotent-Replayed" not in post(by_alice)
    assert "Idempotent-Replayed" in post(by_alice, KEY.strip('"'))


def test_another_request_is_refused(by_alice: dict[str, str]) -> None:
    post(by_alice)
    other = builders.recipe_document(seed=5)
    run = Run.objects.get()
    for answer in (
        post(by_alice, body=other),
        post(by_alice, address=f"{ADDRESS}?mode=full"),
        post(by_alice, address=f"{ADDRESS}/{run.submission_id}/withdraw", body={}),
    ):
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == "Idempotency-Key"
        assert "another address or body" in error["message"]
    assert Run.objects.get().state == "queued"


@pytest.mark.parametrize("key", ["", '""', "a b", '"open', 'in"side', "ü", "x" * 256, '"a", "b"'])
def test_what_is_no_key_is_refused(by_alice: dict[str, str], key: str) -> None:
    answer = post(by_alice, key)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")
    assert not Run.objects.exists()


def test_a_key_is_its_users_own(by_alice: dict[str, str]) -> None:
    post(by_alice)
    answer = post(builders.token(builders.user("bob")), body=builders.recipe_document(seed=5))
    assert answer.status_code == 201
    assert post({}).status_code == 401


def test_one_at_work_is_waited_for_and_a_dead_one_is_not(alice: User, by_alice: dict[str, str]) -> None:
    post(by_alice)
    Run.objects.all().delete()
    RepeatedRequest.objects.update(status=None)  # as while the first is at work
    answer = post(by_alice)
    assert (answer.status_code, answer["Retry-After"]) == (409, "1")
    assert "not been answered yet" in answer.json()["errors"][0]["message"]
    assert post(by_alice, body=builders.recipe_document(seed=5)).status_code == 422
    RepeatedRequest.objects.update(begun_at=clock.now() - timedelta(minutes=5))  # its process has died
    assert post(by_alice).status_code == 201
    assert "Idempotent-Replayed" in post(by_alice)
    assert Run.objects.count() == 1


def test_one_that_lost_its_key_leaves_nothing(alice: User, hardware: Any) -> None:
    claim = services.begin_request(alice, "k", "f")
    assert isinstance(claim, uuid.UUID)
    RepeatedRequest.objects.update(claim=uuid.uuid4())

    @transaction.atomic
    def finish() -> None:
        services.submit(make_recipe(), hardware=hardware, submitter=alice)
        services.store_answer(alice, "k", claim, services.Answer(201, "{}"))

    with pytest.raises(services.AtWork):
        finish()
    services.forget_request(alice, "k", claim)
    assert (Run.objects.count(), RepeatedRequest.objects.count()) == (0, 1)


def test_what_was_refused_can_be_sent_again_corrected(by_alice: dict[str, str]) -> None:
    assert post(by_alice, body={"track": "nowhere"}).status_code == 400
    assert post(by_alice).status_code == 201


def test_an_unexpected_error_frees_the_key(monkeypatch: Any) -> None:
    builders.hardware()
    admin = builders.token(builders.user("admin", is_staff=True))
    run = builders.run()
    with monkeypatch.context() as patch:
        patch.setattr(RerunView, "reason", property(lambda _: 1 / 0))
        with pytest.raises(ZeroDivisionError):
            post(admin, address=f"/api/v1/runs/{run.pk}/rerun", body={})
    assert post(admin, address=f"/api/v1/runs/{run.pk}/rerun", body={}).status_code == 201


def test_a_key_ends_after_a_day(by_alice: dict[str, str], settings: Any) -> None:
    post(by_alice)
    RepeatedRequest.objects.update(begun_at=clock.now() - timedelta(hours=23))
    assert "Idempotent-Replayed" in post(by_alice)
    settings.IDEMPOTENCY_HOURS = 22
    assert (post(by_alice).status_code, RepeatedRequest.objects.count()) == (200, 1)


def test_other_acts_are_done_once_too(alice: User) -> None:
    admin = builders.token(builders.user("admin", is_staff=True))
    run = builders.run(submitter=alice)
    address = f"/api/v1/runs/{run.pk}/rerun"
    first, again = (post(admin, address=address, body={"reason": "a new driver"}) for _ in range(2))
    assert (first.status_code, again.content, again["Idempotent-Replayed"]) == (201, first.content, "true")
    assert post(admin, None, address=address, body={}).status_code == 409
    withdraw = f"{ADDRESS}/{run.submission_id}/withdraw"
    by_alice = builders.token(alice)
    assert [post(by_alice, address=withdraw, body={}).status_code for _ in range(2)] == [200, 200]


def test_sent_again_counts_against_no_limit(by_alice: dict[str, str], monkeypatch: Any) -> None:
    monkeypatch.setattr(SubmissionThrottle, "THROTTLE_RATES", {"submissions": "1/hour"})
    assert [post(by_alice).status_code for _ in range(3)] == [201] * 3
    assert SubmissionRequest.objects.count() == 1
    assert post(by_alice, "another").status_code == 429


def test_many_at_once_are_one(by_alice: dict[str, str]) -> None:
    answers = together(*[partial(post, by_alice)] * 12)
    done = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum("Idempotent-Replayed" not in answer for answer in done) == 1
    assert len({answer.content for answer in done}) == 1
    assert Run.objects.count() == RepeatedRequest.objects.count() == 1
    assert json.loads(post(by_alice).content)["id"] == str(Run.objects.get().submission_id)


def test_what_changes_nothing_twice_needs_no_key(by_alice: dict[str, str]) -> None:
    check = partial(post, by_alice, address=f"{ADDRESS}/check")
    assert [check().status_code, check(key="").status_code] == [200, 200]
    large = SimpleUploadedFile("record.json", b" " * 300_000)
    answer = Client().post("/api/v1/measurements", {"record": large}, headers=by_alice | {"Idempotency-Key": KEY})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "trace"), answer.content
    assert not RepeatedRequest.objects.exists()


def test_the_document_names_the_key_where_it_is_taken() -> None:
    document = SchemaGenerator().get_schema(public=True)
    taken = {}
    for path, operations in document["paths"].items():
        if post_ := operations.get("post"):
            number = "1" if "/runs/" in path or "/entries/" in path else str(uuid.uuid4())
            view = resolve(re.sub(r"{.+?}", number, path)).func.view_class  # type: ignore[attr-defined]
            names = [parameter["name"] for parameter in post_.get("parameters", ())]
            taken[path] = (view.has_key, "Idempotency-Key" in names)
    assert len(taken) > 8
    assert [path for path, (has_key, is_named) in taken.items() if has_key != is_named] == []
