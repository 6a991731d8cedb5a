"""GET leaderboard: the order is the domain's, and every row says what it claims."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from leaderboard import queries
from leaderboard.api.schemas.board import LeaderboardSerializer, RowSerializer
from leaderboard.domain import ranking
from leaderboard.models import Entry
from tests.api import builders

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/leaderboard"


def get(client: Client, **parameters: Any) -> dict[str, Any]:
    """Without a quality floor, unless one is given."""
    response = client.get(ADDRESS, {"min_quality": 0} | parameters)
    assert response.status_code == 200, response.content
    return response.json()


@pytest.mark.parametrize("usage_intensity", [1, 1e3, 1e6, 3.4e7, 1e12])
@pytest.mark.parametrize("shared_by", [1, 1000])
@pytest.mark.parametrize(
    "order",
    [
        {"order_by": "energy"},
        {"order_by": "energy_per_correct"},
        *({"order_by": "greenness", "accuracy_weight": weight} for weight in (0, 0.5, 20)),
    ],
    ids=str,
)
def test_order_is_that_of_the_domain(
    client: Client, usage_intensity: float, shared_by: float, order: dict[str, Any]
) -> None:
    builders.three_entries()
    builders.entry("Of unknown search", complete=False, provenance="missing", own_energy_j=1.0)
    expected = ranking.rank(
        [queries.candidate(entry) for entry in Entry.objects.all()],
        usage_intensity,
        shared_by,
        **order,
    )

    answer = get(client, usage_intensity=usage_intensity, shared_by=shared_by, **order)

    assert [
        (
            row["entry"],
            row["rank"],
            row["rank_best"],
            row["rank_worst"],
            row["full_cycle_energy_j"],
            row["pareto"],
        )
        for row in answer["results"]
    ] == [(p.key, p.rank, p.rank_best, p.rank_worst, p.energy_j, p.pareto) for p in expected]


def test_usage_intensity_decides_who_wins(client: Client) -> None:
    builders.three_entries()
    winners = [get(client, usage_intensity=n)["results"][0]["method"] for n in ("1", "1e6", "1e12")]
    assert winners == ["Little trained", "Compromise", "Long searched"]


def test_rows_tell_their_greenness_whatever_the_order(client: Client) -> None:
    builders.entry("Poor", own_energy_j=1e6, inference_energy_j=0.0, quality=0.5)
    builders.entry("Good", own_energy_j=2e6, inference_energy_j=0.0, quality=1.0)
    bound = {"complete": False, "provenance": "missing", "quality": 0.9}
    builders.entry("Lower bound", own_energy_j=1e6, inference_energy_j=0.0, **bound)
    builders.entry("Hopeless", own_energy_j=1e6, inference_energy_j=0.0, quality=0.0)

    def figures(**asked: Any) -> dict[str, tuple[float | None, float | None]]:
        rows = get(client, **asked)["results"]
        return {row["method"]: (row["greenness_per_mj"], row["greenness_relative"]) for row in rows}

    assert figures(accuracy_weight=2) == figures(accuracy_weight=2, order_by="greenness")
    found = figures(accuracy_weight=2, order_by="greenness")
    assert list(found) == ["Good", "Poor", "Lower bound", "Hopeless"]
    assert found["Good"] == (pytest.approx(0.5), 100)
    assert found["Poor"] == (pytest.approx(0.25), pytest.approx(50))
    assert found["Lower bound"] == (pytest.approx(0.81), None)
    assert found["Hopeless"] == (None, None)
    assert figures()["Good"] == figures()["Poor"] == (pytest.approx(0.5), 100)
    assert figures(accuracy_weight=0)["Hopeless"] == (pytest.approx(1), 100)


def test_energy_per_correct_is_greenness_with_a_weight_of_1(client: Client) -> None:
    builders.three_entries()
    answer = get(client, order_by="energy_per_correct")
    assert answer == get(client, order_by="greenness", accuracy_weight=1) == get(client, order_by="greenness")
    assert answer["accuracy_weight"] == 1
    assert get(client, accuracy_weight=7.5)["accuracy_weight"] == 7.5


def test_answer_has_the_documented_fields(client: Client) -> None:
    builders.entry()
    answer = get(client)
    assert set(answer) == set(LeaderboardSerializer().fields)
    assert set(answer["results"][0]) == set(RowSerializer().fields)


def test_group_is_named_by_slug(client: Client) -> None:
    builders.entry("Here")
    builders.entry("Elsewhere", on=builders.board("other-gpu", "single_stream", "system"))
    answer = get(client, hardware="other-gpu", scenario="single_stream", scope="system", track="digits")
    assert [row["method"] for row in answer["results"]] == ["Elsewhere"]
    assert (answer["track"], answer["hardware"]) == ("digits", "other-gpu")


def test_known_group_without_entries_is_empty(client: Client) -> None:
    builders.hardware("idle-gpu")
    answer = get(client, hardware="idle-gpu")
    assert (answer["count"], answer["results"], answer["revision"]) == (0, [], 0)


def test_empty_database_is_an_empty_board(client: Client) -> None:
    assert get(client)["count"] == 0


def test_quality_floor_family_provenance_and_search(client: Client) -> None:
    builders.three_entries()
    builders.entry("Counted", provenance="metered", inference_provenance="metered", metered_own_j=1000.0)

    def methods(**parameters: Any) -> set[str]:
        return {row["method"] for row in get(client, **parameters)["results"]}

    assert methods(min_quality=0.8) == {"Compromise", "Long searched", "Counted"}
    assert get(client, min_quality=0.8)["below_floor"] == 1
    assert [get(client, min_quality=1)[name] for name in ("count", "below_floor")] == [0, 4]
    assert methods(search="LONG Searched") == methods(search="architecture_ search") == {"Long searched"}
    assert methods(family=["nas", "pruning"]) == {"Compromise", "Long searched"}
    assert methods(family="nas,pruning") == {"Compromise", "Long searched"}
    assert methods(provenance="metered") == {"Counted"}
    assert methods(search="long") == {"Long searched"}
    assert methods(search="%") == set()
    sha256 = get(client, search="long")["results"][0]["recipe"]
    assert methods(search=sha256[:62].upper()) >= {"Long searched"}
    assert methods(search=sha256[1:]) == set()


def test_incomplete_entries_are_ranked_only_on_request(client: Client) -> None:
    builders.entry("Whole", own_energy_j=1e4)
    builders.entry("Of unknown search", complete=False, provenance="missing", own_energy_j=1.0)
    assert [row["rank"] for row in get(client)["results"]] == [1, None]
    ranked = get(client, include_incomplete="true")["results"]
    assert [(row["method"], row["rank"]) for row in ranked] == [("Of unknown search", 1), ("Whole", 2)]
    assert ranked[0]["complete"] is False
    assert [row["rank"] for row in get(client, include_incomplete="false")["results"]] == [1, None]


def test_metered_share(client: Client) -> None:
    builders.entry(own_energy_j=75.0, metered_own_j=75.0, inference_energy_j=25e-6)
    assert get(client, usage_intensity=1e6)["results"][0]["metered_share"] == pytest.approx(0.75)


def test_pages_adjoin(client: Client) -> None:
    for number in range(5):
        builders.entry(own_energy_j=1000.0 + number)
    first = get(client, page_size=2, usage_intensity="2e6")
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert first["count"] == 5
    assert (first["previous"], third["next"]) == (None, None)
    assert client.get(second["previous"]).json() == first
    assert client.get(third["previous"]).json() == second
    assert [row["rank"] for page in (first, second, third) for row in page["results"]] == [1, 2, 3, 4, 5]
    assert third["usage_intensity"] == 2e6


@pytest.mark.parametrize(
    ("address", "looks"), [(ADDRESS, 0), (f"{ADDRESS}/snapshot", 1), (f"{ADDRESS}/champions", 0)]
)
@pytest.mark.parametrize("number", [10, 1000])
def test_number_of_queries_is_constant(
    client: Client, address: str, looks: int, number: int, django_assert_num_queries: Any
) -> None:
    builders.many(number)
    # Which board, and its entries; of an answer that is kept whether it may be given.
    with django_assert_num_queries(2 + looks):
        first = client.get(address)
    with django_assert_num_queries(1):
        assert client.get(address).content == first.content
    builders.entry("Newest", own_energy_j=0.0, inference_energy_j=0.0)
    with django_assert_num_queries(2 + looks):
        assert client.get(address).content != first.content


def test_champions_cover_all_usage_intensities(client: Client) -> None:
    little, compromise, searched = builders.three_entries()
    answer = client.get(f"{ADDRESS}/champions", {"min_quality": 0}).json()
    results = answer["results"]
    assert [line["entry"] for line in results] == [little.pk, compromise.pk, searched.pk]
    assert results[0]["from_usage_intensity"] == 0
    assert results[-1]["to_usage_intensity"] is None
    assert results[0]["to_usage_intensity"] == results[1]["from_usage_intensity"] == pytest.approx(9990 / 0.9)
    assert results[2]["one_time_energy_j"] == pytest.approx(1.01e6)
    floor = client.get(f"{ADDRESS}/champions", {"min_quality": 0.85}).json()["results"]
    assert [line["entry"] for line in floor] == [searched.pk]


def test_champions_of_greenness(client: Client) -> None:
    little, compromise, searched = builders.three_entries()
    asked = {"order_by": "greenness", "accuracy_weight": "20", "min_quality": 0}
    answer = client.get(f"{ADDRESS}/champions", asked).json()
    assert (answer["order_by"], answer["accuracy_weight"]) == ("greenness", 20)
    results = answer["results"]
    assert [line["entry"] for line in results] == [little.pk, compromise.pk, searched.pk]
    one_time_j, per_image_j = 1e4 / 0.8**20 - 10 / 0.7**20, 1 / 0.7**20 - 0.1 / 0.8**20
    assert results[1]["from_usage_intensity"] == pytest.approx(one_time_j / per_image_j)
    assert results[1]["one_time_energy_j"] == 1e4
    energy = client.get(f"{ADDRESS}/champions", {"accuracy_weight": "20", "min_quality": 0}).json()["results"]
    assert energy[1]["from_usage_intensity"] == pytest.approx(9990 / 0.9)


def test_an_uncertainty_that_is_not_known_is_null_and_never_zero(client: Client) -> None:
    builders.entry("Known", own_u95_j=3.0, shared_u95_j=0.0, inference_u95_j=4e-6)
    builders.entry("Unknown", own_u95_j=None, shared_u95_j=0.0, inference_u95_j=4e-6)
    rows = {row["method"]: row for row in get(client, usage_intensity="1e6")["results"]}
    assert {name: row["full_cycle_energy_u95_j"] for name, row in rows.items()} == {"Known": 5.0, "Unknown": None}
    assert [rows["Unknown"][name] for name in ("rank", "rank_best", "rank_worst")] == [2, None, None]
    for name, row in rows.items():
        alone = client.get(f"/api/v1/entries/{row['entry']}", {"usage_intensity": "1e6"}).json()
        assert alone["full_cycle_energy_u95_j"] == row["full_cycle_energy_u95_j"], name
    lines = client.get(f"{ADDRESS}.csv").content.decode().splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [["1", "1", "2"], ["2", "", ""]]


def test_the_plus_sign_of_an_exponent_survives_the_address(client: Client) -> None:
    builders.three_entries()
    assert client.get("/api/v1/leaderboard?usage_intensity=1e+06").json()["usage_intensity"] == 1e6
