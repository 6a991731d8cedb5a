"""GET leaderboard.csv, .json and .parquet: all rows of the leaderboard, with the way back to the page."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client

from tests.api import builders

pytestmark = pytest.mark.django_db
JSON, CSV, WHOLE, PARQUET = (f"/api/v1/leaderboard{suffix}" for suffix in ("", ".csv", ".json", ".parquet"))
QUESTION = {
    "usage_intensity": "1e5",
    "shared_by": "10",
    "min_quality": "0.5",
    "order_by": "greenness",
    "accuracy_weight": "2.5",
}


def json_rows(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    return client.get(JSON, parameters).json()["results"]


def csv_rows(client: Client, **parameters: Any) -> list[dict[str, str]]:
    answer = client.get(CSV, parameters)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def parquet_rows(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    answer = client.get(PARQUET, parameters)
    assert answer["Content-Type"] == "application/vnd.apache.parquet"
    return pq.read_table(io.BytesIO(answer.content)).to_pylist()


def test_csv(client: Client) -> None:
    builders.three_entries()
    builders.entry("Of unknown search", complete=False, provenance="missing", macs=None)
    expected, got = json_rows(client, **QUESTION), csv_rows(client, **QUESTION)
    assert len(got) == len(expected) == 4
    for row, line in zip(expected, got, strict=True):
        for name in row.keys() - {"phases", "published_at"}:
            value = row[name]
            read = {bool: lambda text: text == "true", type(None): lambda text: text or None}.get(
                type(value), type(value)
            )
            assert read(line[name]) == value, name
        assert float(line["usage_intensity"]) == 1e5
        assert float(line["accuracy_weight"]) == 2.5
        assert line["permalink"] == f"http://testserver/entries/{row['entry']}/"
        assert float(line["train_energy_j"]) == row["phases"][0]["energy_j"]


def test_parquet(client: Client) -> None:
    builders.three_entries()
    builders.entry("Of unknown search", complete=False, provenance="missing", macs=None)
    expected, got = json_rows(client, **QUESTION), parquet_rows(client, **QUESTION)
    assert len(got) == 4
    for row, line in zip(expected, got, strict=True):
        shared = row.keys() - {"phases", "published_at"}
        assert {name: line[name] for name in shared} == {name: row[name] for name in shared}
        assert line["published_at"] == datetime.fromisoformat(row["published_at"])


def test_whole_board_as_json(client: Client) -> None:
    builders.three_entries()
    builders.entry("Of unknown search", complete=False, provenance="missing", macs=None)
    expected, answer = json_rows(client, **QUESTION), client.get(WHOLE, QUESTION)
    assert answer["Content-Type"] == "application/json"
    assert "attachment" in answer["Content-Disposition"]
    got = answer.json()["results"]
    assert len(got) == len(expected) == 4
    for row, line in zip(expected, got, strict=True):
        shared = row.keys() - {"phases"}
        assert {name: line[name] for name in shared} == {name: row[name] for name in shared}


def test_every_file_names_the_page_that_shows_its_rows(client: Client) -> None:
    builders.three_entries()
    views = [csv_rows(client, **QUESTION)[0]["view"], parquet_rows(client, **QUESTION)[0]["view"]]
    views.append(client.get(WHOLE, QUESTION).json()["view"])
    metadata = pq.read_schema(io.BytesIO(client.get(PARQUET, QUESTION).content)).metadata
    views.append(metadata[b"view"].decode())
    (view,) = set(views)
    page = client.get(view)
    assert page.context["notices"] == []
    shown = [row["entry"] for row in page.context["rows"]]
    assert shown == [row["entry"] for row in json_rows(client, **QUESTION)]
    # The board that answers may not be the fullest tomorrow.
    assert "hardware=test-cpu" in view


def test_download_has_no_pages(client: Client) -> None:
    for _ in range(60):
        builders.entry()
    assert len(csv_rows(client)) == len(parquet_rows(client)) == 60
    assert client.get(CSV, {"page": 1}).json()["errors"][0]["field"] == "page"


@pytest.mark.parametrize("head", ["=", "+", "-", "@", "\t", "\r"])
def test_spreadsheet_runs_no_title(client: Client, head: str) -> None:
    builders.entry(f'{head}HYPERLINK("https://evil.example")')
    (line,) = csv_rows(client)
    assert line["method"].startswith(f"'{head}")
    assert parquet_rows(client)[0]["method"].startswith(head)


def test_phases_of_one_name_are_added_up_and_missing_stays_unknown(client: Client) -> None:
    def phase(name: str, energy_j: float | None, provenance: str) -> dict[str, Any]:
        return {"phase": name, "energy_j": energy_j, "u95_j": None, "provenance": provenance}

    phases = [
        phase("search", None, "missing"),
        phase("finetune", 1.0, "metered"),
        phase("finetune", 2.0, "estimated"),
    ]
    builders.entry(phases=phases, complete=False, provenance="missing")
    (line,) = parquet_rows(client)
    assert (line["search_energy_j"], line["search_provenance"]) == (None, "missing")
    assert (line["finetune_energy_j"], line["finetune_provenance"]) == (3.0, "estimated")
    assert (line["train_energy_j"], line["train_provenance"]) == (None, None)


@pytest.mark.parametrize("address", [CSV, WHOLE, PARQUET])
def test_empty_and_bad(client: Client, address: str, django_assert_num_queries: Any) -> None:
    assert client.get(address).status_code == 200
    assert client.get(address, {"usage_intensity": "-1"}).json()["errors"][0]["field"] == "usage_intensity"
    builders.many(50)
    with django_assert_num_queries(2):
        client.get(address)
    with django_assert_num_queries(1):
        client.get(address)


def test_csv_is_given_whatever_is_accepted(client: Client) -> None:
    assert client.get(CSV, headers={"Accept": "text/csv"}).status_code == 200
    assert client.get(JSON, headers={"Accept": "text/html"})["Content-Type"] == "application/json"
