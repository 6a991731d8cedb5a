"""So many submissions a day: what is left is in the headers and on the page, and a refusal costs none."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client
from django.urls import reverse

from leaderboard import services
from leaderboard.database import clock
from leaderboard.models import Run
from tests.api import builders
from tests.pages.reading import text
from tests.records import make_recipe
from tests.services.together import together

ADDRESS = "/api/v1/submissions"


@pytest.fixture
def alice(db: None, settings: Any) -> User:
    settings.MAX_SUBMISSIONS_A_DAY = 3
    builders.hardware()
    return builders.user("alice")


def post(headers: dict[str, str], seed: int = 0, **changes: Any) -> Any:
    document = builders.recipe_document(phases=[builders.recipe_document()["phases"][0] | {"epochs": seed + 1}])
    return Client().post(ADDRESS, document | changes, "application/json", headers=headers)


def test_headers_say_what_is_left(alice: User) -> None:
    by_alice = builders.token(alice)
    answers = [
        post(by_alice, 0),
        post(by_alice, 0),  # the same again
        post(by_alice, 1, track="nowhere"),
        post(by_alice, 1),
        post(by_alice, 2),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 400, 201, 201]
    assert [answer["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=2", "r=2", "r=1", "r=0"]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"daily";q=3;w=86400'}
    refused = post(by_alice, 3)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert abs(int(refused["RateLimit"].partition("t=")[2]) - int(refused["Retry-After"])) < 60
    assert "3 a day is the limit" in refused.json()["errors"][0]["message"]
    assert post(by_alice, 0).status_code == 200  # costs nothing
    # The day is over: what waits from yesterday does not count.
    Run.objects.update(queued_at=F("queued_at") - timedelta(days=1))
    assert post(by_alice, 3)["RateLimit"].split(";")[1] == "r=2"
    assert "RateLimit" not in post({}, 4)


def test_withdrawing_gives_none_back(alice: User) -> None:
    submission, _ = services.submit(make_recipe(), hardware=builders.hardware(), submitter=alice)
    services.withdraw(submission, by=alice)
    assert services.quota_of(alice).left == 2


def test_administrators_have_no_limit_but_with_a_token_to_submit(alice: User) -> None:
    admin = builders.user("admin", is_staff=True)
    assert services.quota_of(admin) is None
    wide, narrow = builders.token(admin), services.create_token(admin, by=admin, name="CI")
    assert "RateLimit" not in post(wide, 0)
    assert post({"Authorization": f"Token {narrow}"}, 1)["RateLimit"].startswith('"daily";r=1;')


def test_page_says_it_and_refuses_alike(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert "3 of 3 submissions left today." in text(client.get(reverse("submit")))
    form = {"hardware": builders.hardware().pk}
    for seed in range(3):
        document = json.dumps(make_recipe(seed=seed, epochs=seed + 1).document())
        assert client.post(reverse("submit"), form | {"document": document}).status_code == 302
    page = client.post(reverse("submit"), form | {"document": json.dumps(make_recipe(epochs=9).document())})
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 0
    assert "0 of 3 submissions left today; more after midnight UTC." in text(page)
    assert "3 a day is the limit" in text(page)


@pytest.mark.django_db(transaction=True)
def test_it_holds_at_once(alice: User) -> None:
    headers = builders.token(alice)
    statuses = Counter(answer.status_code for answer in together(*[partial(post, headers, n) for n in range(8)]))
    assert statuses == {201: 3, 429: 5}
    assert Run.objects.filter(queued_at__lte=clock.now()).count() == 3
