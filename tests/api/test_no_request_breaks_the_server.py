"""Whatever a stranger sends, the answer is JSON of the documented kind, and never a 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard.forms.board import LeaderboardForm
from leaderboard.forms.throttles import SubmissionThrottle
from tests.api import builders

BOUNDED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
ADDRESSES = [
    "leaderboard",
    "leaderboard/snapshot",
    "leaderboard/champions",
    "leaderboard/range",
    "leaderboard.csv",
    "leaderboard.parquet",
    "entries/{pk}",
    "entries/{pk}/trace",
    "entries/{pk}/badge.svg",
    "submissions/{pk}",
    "runs/{pk}",
    "queue",
    "workers",
    "tracks",
    "hardware",
    "recipe-schema",
    "carbon-intensities",
    "electricity-prices",
]
names = st.sampled_from([*LeaderboardForm.base_fields, "page", "page_size", "n_from", "n_to"]) | st.text(max_size=8)
values = st.one_of(
    st.text(max_size=30),
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(
        ["digits", "offline", "system", "nas,pruning", "1e6", "test-cpu", "energy_per_correct", "greenness", "on", ""]
    ),
)


@pytest.fixture(autouse=True)
def _entries(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(SubmissionThrottle, "rate", "1000000/hour", raising=False)
    builders.three_entries()
    builders.entry(complete=False, provenance="missing", quality=0.0, own_energy_j=0.0, inference_energy_j=0.0)
    yield
    cache.clear()


@BOUNDED
@given(st.sampled_from(ADDRESSES), st.integers(-1, 10**20), st.lists(st.tuples(names, values), max_size=4))
def test_any_query_string(address: str, pk: int, parameters: list[tuple[str, str]]) -> None:
    query = urlencode(parameters, errors="surrogatepass")
    answer = Client().get(f"/api/v1/{address.format(pk=pk)}?{query}")
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert all(set(error) == {"field", "message"} for error in answer.json()["errors"])
    elif answer["Content-Type"] == "application/json":
        answer.json(parse_constant=pytest.fail)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@BOUNDED
@given(st.dictionaries(st.sampled_from([*builders.recipe_document(), "recipe", "hardware", "mode"]), json_values))
def test_any_body(changes: dict[str, Any]) -> None:
    import json

    client = Client()
    client.force_login(_alice())
    for kind in ("application/json", "application/yaml"):
        body = json.dumps(builders.recipe_document() | changes)
        answer = client.post("/api/v1/submissions", body, content_type=kind)
        assert answer.status_code in {200, 201, 400}, answer.content


@settings(BOUNDED, max_examples=40)
@given(st.binary(max_size=60))
def test_any_bytes(body: bytes) -> None:
    client = Client()
    client.force_login(_alice())
    for kind in ("application/json", "application/yaml"):
        assert client.post("/api/v1/submissions", body, content_type=kind).status_code == 400


def _alice() -> Any:
    from django.contrib.auth.models import User

    return User.objects.filter(username="alice").first() or builders.user("alice")
