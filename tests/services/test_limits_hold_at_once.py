"""Limits of one person hold for requests in the same moment: 24 real requests, each on a connection of its own."""

import json
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from leaderboard import services
from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import ApiToken, Run, SubmissionRequest
from tests.records import CPU, make_recipe
from tests.services.together import together

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 24


@pytest.fixture
def person():
    services.register_hardware(CPU, "cpu")
    return get_user_model().objects.create_user("alice")


@pytest.fixture
def by_program(person):
    """A call of the API that submits a recipe of its own."""
    token = ApiToken.objects.create(person)[1]

    def post(seed: int) -> int:
        body = json.dumps(make_recipe(epochs=seed + 1).document())
        headers = {"Authorization": f"Token {token}"}
        return Client().post("/api/v1/submissions", body, "application/json", headers=headers).status_code

    return post


@pytest.fixture
def by_form(person):
    def post(seed: int) -> int:
        client = Client()
        client.force_login(person)
        hardware = services.register_hardware(CPU, "cpu")
        document = json.dumps(make_recipe(epochs=seed + 1).document())
        return client.post(reverse("submit"), {"document": document, "hardware": hardware.pk}).status_code

    return post


def at_once(post, number=AT_ONCE) -> Counter:
    return Counter(together(*[partial(post, seed) for seed in range(number)]))


def test_active_runs(by_program, settings):
    settings.MAX_ACTIVE_RUNS = 5
    assert at_once(by_program) == {201: 5, 429: AT_ONCE - 5}
    assert Run.objects.count() == 5
    Run.objects.filter(pk=Run.objects.first().pk).update(state="cancelled")
    assert at_once(lambda seed: by_program(100 + seed), 4) == {201: 1, 429: 3}


@pytest.mark.parametrize("way", ["by_program", "by_form"])
def test_submissions_an_hour(way, request, monkeypatch):
    monkeypatch.setattr(SubmissionThrottle, "THROTTLE_RATES", {"submissions": "5/hour"})
    taken = {"by_program": 201, "by_form": 302}[way]
    assert at_once(request.getfixturevalue(way)) == {taken: 5, 429: AT_ONCE - 5}
    assert Run.objects.count() == SubmissionRequest.objects.count() == 5


def test_an_hour_is_the_last_hour_and_refusals_count_for_nothing(person, settings):
    count = partial(services.count_request, person, most=2, within_s=3600)
    assert [count(), count()] == [None, None]
    assert 3590 < count() <= 3600
    oldest = SubmissionRequest.objects.first()
    oldest.at -= timedelta(seconds=3000)
    oldest.save()
    assert 590 < count() <= 600
    oldest.at -= timedelta(seconds=601)
    oldest.save()
    assert count() is None
    assert not SubmissionRequest.objects.filter(pk=oldest.pk).exists()
    other = get_user_model().objects.create_user("bob")
    assert services.count_request(other, most=2, within_s=3600) is None
