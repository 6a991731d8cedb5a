"""Python and the browser give the same answers: both are held to tests/vectors/ranking.json."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from leaderboard.domain.ranking import Candidate, break_even, champions, rank
from leaderboard.domain.usage_range import over_range

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "ranking.json").read_text(encoding="utf-8")
)


def named(kind: str) -> pytest.MarkDecorator:
    vectors = VECTORS[kind]
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def candidates_of(vector: dict[str, Any]) -> list[Candidate]:
    return [Candidate(**candidate) for candidate in vector["candidates"]]


def assert_same(actual: list[Any], expected: list[dict[str, Any]]) -> None:
    assert [result.key for result in actual] == [result["key"] for result in expected]
    for result, answer in zip(actual, expected, strict=True):
        for field, value in asdict(result).items():
            is_measure = isinstance(value, float) and answer[field] is not None
            assert value == (pytest.approx(answer[field], rel=1e-12, abs=0) if is_measure else answer[field])


@named("rank")
def test_rank(vector):
    assert_same(rank(candidates_of(vector), **vector["options"]), vector["expected"])


@named("champions")
def test_champions(vector):
    assert_same(champions(candidates_of(vector), **vector["options"]), vector["expected"])


@named("break_even")
def test_break_even(vector):
    a, b = Candidate(**vector["a"]), Candidate(**vector["b"])
    assert break_even(a, b, vector["shared_by"], vector.get("accuracy_weight", 0.0)) == vector["expected"]


@named("over_range")
def test_over_range(vector):
    answer, expected = over_range(candidates_of(vector), **vector["options"]), vector["expected"]
    if expected is None:
        assert answer is None
        return
    assert_same([answer.safest, answer.best_on_average], [expected["safest"], expected["best_on_average"]])
    assert answer.winners == expected["winners"]


@pytest.mark.parametrize("vector", VECTORS["errors"], ids=str)
def test_errors_name_the_parameter_the_value_and_what_is_allowed(vector):
    a, b = (Candidate(key, 0, 0, key, 0, 0, 0, None, True) for key in (1, 2))
    calls = {
        "rank": lambda options: rank([a, b], **options),
        "champions": lambda options: champions([a, b], **options),
        "break_even": lambda options: break_even(a, b, **options),
        "over_range": lambda options: over_range([a, b], **options),
    }
    with pytest.raises(ValueError, match=r"is .*, but must be") as caught:
        calls[vector["function"]](vector["options"])
    for part in vector["message"]:
        assert part in str(caught.value)
