"""A parameter that can't be taken is a 400 that names it and says what is allowed."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import URLPattern

from leaderboard.api import urls
from tests.api import builders

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/leaderboard"


@pytest.mark.parametrize(
    ("query", "field", "remedy"),
    [
        *[
            (f"usage_intensity={value}", "usage_intensity", "above 0")
            for value in ("-1", "abc", "1e400", "0", "nan", "inf")
        ],
        ("usage_intensity=1e16", "usage_intensity", "at most 1e15"),
        ("shared_by=0.5", "shared_by", "from 1"),
        ("shared_by=nan", "shared_by", "from 1"),
        ("min_quality=101", "min_quality", "from 0 to 1"),
        ("min_quality=inf", "min_quality", "from 0 to 1"),
        ("track=nowhere", "track", "digits"),
        ("track=imagefolder", "track", "imagefolder-<12 hexadecimal digits>"),
        ("scenario=server", "scenario", "offline"),
        ("scope=world", "scope", "accelerator"),
        ("family=magic", "family", "pruning"),
        ("family=nas,magic", "family", "pruning"),
        ("provenance=guessed", "provenance", "metered"),
        ("order_by=name", "order_by", "energy, greenness"),
        *[
            (f"order_by=greenness&accuracy_weight={value}", "accuracy_weight", "a number from 0 to 100")
            for value in ("-1", "abc", "1e9", "100.001", "nan", "inf")
        ],
        ("order_by=energy_per_correct&accuracy_weight=5", "accuracy_weight", "order_by=greenness"),
        ("include_incomplete=perhaps", "include_incomplete", "must be true or false"),
        ("hardware=test-gpu", "hardware", "test-cpu"),
        ("hardware=a%20b", "hardware", ""),
        ("search=%00", "search", "Null"),
        ("search=" + "x" * 101, "search", "100"),
        ("page=0", "page", "1"),
        ("page=-1", "page", "1"),
        ("page=abc", "page", "number"),
        ("page=2", "page", "from 1 to 1"),
        ("page=1e400", "page", "number"),
        ("page_size=501", "page_size", "500"),
        ("page_size=0", "page_size", "1"),
        ("foo=1", "foo", "usage_intensity"),
        ("format=csv", "format", "usage_intensity"),
        ("usage_intensity=1&usage_intensity=2", "usage_intensity", "once"),
        ("track=digits&track=digits", "track", "once"),
    ],
)
def test_field_and_remedy(client: Client, query: str, field: str, remedy: str) -> None:
    builders.entry()
    answer = client.get(f"{ADDRESS}?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/json"
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert remedy in error["message"]


def test_every_fault_is_named_at_once(client: Client) -> None:
    errors = client.get(f"{ADDRESS}?usage_intensity=-1&scope=world").json()["errors"]
    assert {error["field"] for error in errors} == {"usage_intensity", "scope"}


@pytest.mark.parametrize("name", ["usage_intensity", "track", "min_quality", "family", "search", "page"])
def test_an_empty_parameter_is_not_one_left_out(client: Client, name: str) -> None:
    errors = client.get(f"{ADDRESS}?{name}=").json()["errors"]
    assert errors == [{"field": name, "message": "is empty; give a value, or leave the parameter out"}]


@pytest.mark.parametrize(
    ("query", "remedy"),
    [
        *[(f"usage_intensity={value}", "1e6") for value in ("1_000", "%D9%A3", "1e1_0")],
        ("accuracy_weight=1_0", "0.5"),
        ("page=1_0", "whole number"),
        ("page=%D9%A1", "whole number"),
        *[
            (f"{name}=%20{value}", "without spaces")
            for name, value in (("track", "digits"), ("hardware", "test-cpu"))
        ],
        ("family=nas,,pruning", "empty parts"),
        ("family=nas,%20pruning", "without spaces"),
        ("include_incomplete=Yes", "true or false"),
        ("search=" + "%20" * 101, "at most 100"),
    ],
)
def test_what_python_would_read_and_the_document_does_not_allow(client: Client, query: str, remedy: str) -> None:
    builders.entry()
    answer = client.get(f"{ADDRESS}?{query}")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == query.partition("=")[0]
    assert remedy in error["message"]


@pytest.mark.parametrize(
    "query", ["usage_intensity=%2B5e3", "usage_intensity=.5", "accuracy_weight=.5&order_by=greenness"]
)
def test_numbers_in_an_address_of_the_page_are_taken(client: Client, query: str) -> None:
    builders.entry()
    assert client.get(f"{ADDRESS}?{query}").status_code == 200


def test_hardware_on_an_empty_database(client: Client) -> None:
    errors = client.get(f"{ADDRESS}?hardware=h100").json()["errors"]
    assert errors == [{"field": "hardware", "message": "'h100' is unknown; no worker has registered any yet"}]


@pytest.mark.parametrize("part", ["/champions", ".csv", ".json", ".parquet"])
@pytest.mark.parametrize("value", ["-1", "abc", "1e9"])
def test_accuracy_weight_on_other_views_of_the_board(client: Client, part: str, value: str) -> None:
    answer = client.get(f"{ADDRESS}{part}?accuracy_weight={value}")
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"field": "accuracy_weight", "message": "must be a number from 0 to 100"}]


@pytest.mark.parametrize("part", ["/snapshot", "/champions"])
def test_other_views_of_the_board(client: Client, part: str) -> None:
    assert client.get(f"{ADDRESS}{part}?scope=world").json()["errors"][0]["field"] == "scope"
    assert client.get(f"{ADDRESS}{part}?foo=1").json()["errors"][0]["field"] == "foo"


@pytest.mark.parametrize("route", [route for route in urls.urlpatterns if route.name], ids=lambda route: route.name)
def test_no_verb_breaks_an_address(client: Client, route: URLPattern) -> None:
    address = "/api/" + re.sub(r"<int:pk>|<uuid:pk>|\^|\(.*", "1", str(route.pattern))
    for verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FETCH"):
        for given in ("", "application/json", "text/html", "x"):
            answer = client.generic(verb, address, headers={"accept": given} if given else {})
            assert answer.status_code < 500, (verb, given)
            assert answer.status_code != 405 or "GET" in answer["Allow"] or "POST" in answer["Allow"]


def test_other_verbs_and_addresses(client: Client) -> None:
    posted = client.post(ADDRESS)
    assert (posted.status_code, posted["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert "POST" in posted.json()["errors"][0]["message"]
    missing = client.get("/api/v1/nothing")
    assert missing.status_code == 404
    assert missing.json()["errors"][0]["field"] is None
