"""GET leaderboard/snapshot: the whole group, columnar, and nothing twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from leaderboard import queries
from leaderboard.api.schemas.board import ColumnsSerializer, SnapshotSerializer
from leaderboard.domain import ranking
from leaderboard.models import Board
from tests.api import builders

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/leaderboard/snapshot"


def test_columns_hold_what_ranking_needs(client: Client) -> None:
    entries = builders.three_entries()
    answer = client.get(ADDRESS).json()
    columns = answer["columns"]

    assert set(answer) == set(SnapshotSerializer().fields)
    assert set(columns) == set(ColumnsSerializer().fields)
    assert {len(column) for column in columns.values()} == {3}
    assert columns["entry"] == sorted(columns["entry"])
    assert (answer["quality_metric"], answer["hardware"], answer["scope"]) == ("top1", "test-cpu", "accelerator")
    assert columns["architecture"] == [entry.recipe.document["model"]["architecture"] for entry in entries]
    assert columns["shared_u95_j"] == [0.0, 0.0, None]

    names = [name for name in ranking.Candidate.__dataclass_fields__ if name != "key"]
    candidates = [
        ranking.Candidate(key, **{name: columns[name][i] for name in names}) for i, key in enumerate(columns["entry"])
    ]
    assert candidates == [queries.candidate(entry) for entry in entries]


def test_empty_group_has_empty_columns(client: Client) -> None:
    columns = client.get(ADDRESS).json()["columns"]
    assert set(map(tuple, columns.values())) == {()}


def test_unchanged_group_is_not_sent_again(client: Client, django_assert_num_queries: Any) -> None:
    builders.three_entries()
    first = client.get(ADDRESS)
    assert first["Cache-Control"] == "no-cache"
    for queries_made in (2, 1):  # the board's too, until that the answer is at hand
        with django_assert_num_queries(queries_made):
            second = client.get(ADDRESS, headers={"If-None-Match": f'"another", {first["ETag"]}'})
        assert (second.status_code, second.content, second["ETag"]) == (304, b"", first["ETag"])


def test_changed_group_has_another_tag(client: Client) -> None:
    builders.entry()
    tag = client.get(ADDRESS)["ETag"]
    Board.objects.update(revision=2)
    answer = client.get(ADDRESS, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer["ETag"] != tag
    assert answer.json()["revision"] == 2


def test_a_group_of_another_database_has_another_tag_though_it_is_numbered_alike(client: Client) -> None:
    builders.entry()
    tag = client.get(ADDRESS)["ETag"]
    Board.objects.update(changed_at=F("changed_at") + timedelta(microseconds=1))
    assert client.get(ADDRESS, headers={"If-None-Match": tag}).status_code == 200


def test_change_of_another_group_leaves_the_tag(client: Client) -> None:
    builders.three_entries()
    builders.entry(on=builders.board(scope="system"))
    parameters = {"scope": "accelerator"}
    tag = client.get(ADDRESS, parameters)["ETag"]
    Board.objects.filter(scope="system").update(revision=7)
    assert client.get(ADDRESS, parameters, headers={"If-None-Match": tag}).status_code == 304


def test_reader_s_question_is_no_part_of_it(client: Client) -> None:
    answer = client.get(ADDRESS, {"usage_intensity": "1e6"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "usage_intensity"
