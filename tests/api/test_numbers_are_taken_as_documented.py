"""The API takes numbers as people write them, exactly those that its document says."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.api.documentation import DOCUMENTED, FILTER_PARAMETERS
from leaderboard.api.parameters import FILTER, check_names
from leaderboard.forms.board import LeaderboardForm
from tests.api import builders

ADDRESS = "/api/v1/leaderboard"
TYPED = ("usage_intensity", "min_quality")


def documented(name: str) -> st.SearchStrategy[str]:
    """Texts that the document's patterns allow."""
    allowed = DOCUMENTED[name].type["anyOf"]
    return st.one_of(*(st.from_regex(other["pattern"], fullmatch=True) for other in allowed if "pattern" in other))


def test_every_parameter_that_is_taken_is_documented():
    assert {parameter.name for parameter in FILTER_PARAMETERS} == FILTER


@given(st.sampled_from(TYPED).flatmap(lambda name: st.tuples(st.just(name), documented(name))))
def test_what_a_pattern_allows_is_read(pair):
    name, text = pair
    given_parameters = QueryDict(mutable=True)
    given_parameters[name] = text
    check_names(given_parameters, FILTER)
    assert LeaderboardForm.base_fields[name].clean(text) is not None


@pytest.mark.django_db
def test_numbers_as_people_write_them(client: Client) -> None:
    builders.entry(quality=0.99)
    for typed in ("2,000,000", "2.000.000", "2 000 000", "2’000’000", "2 million", "2 Mio", "2M", "2e6", "2000000"):
        assert client.get(ADDRESS, {"usage_intensity": typed}).json()["usage_intensity"] == 2e6, typed
    for typed in ("0,75", "75", "75 %", "0.75", "75,0 %", "75 per cent"):
        assert client.get(ADDRESS, {"min_quality": typed}).json()["min_quality"] == 0.75, typed
    shown = client.get(f"/api/v1/entries/{builders.entry().pk}", {"usage_intensity": "1.5B"}).json()
    assert shown["usage_intensity"] == 1.5e9


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("usage_intensity", "2 000,000"),
        ("usage_intensity", "2,00,000"),
        ("usage_intensity", "5 zillion"),
        ("usage_intensity", "10^6"),
        ("usage_intensity", "0 million"),
        ("shared_by", "2 thousand"),
        ("accuracy_weight", "1,5"),
        ("min_quality", "7e1 %"),
    ],
)
def test_what_the_document_does_not_say_is_refused(client: Client, name: str, typed: str) -> None:
    answer = client.get(ADDRESS, {name: typed})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == name
