"""GET entries/{id}, its trace and its badge."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from leaderboard.api.schemas.entries import EntrySerializer
from leaderboard.models import Attempt, Board, Entry, PhaseEnergy
from tests.api import builders

pytestmark = pytest.mark.django_db


def measured(entry: Entry, number: int = 1, energy_j: float = 1000.0) -> Attempt:
    attempt = Attempt.objects.create(run=entry.run, number=number, worker="w", started_at=timezone.now(), record={})
    for position, (phase, scenario) in enumerate(
        [("train", ""), ("inference", "offline"), ("inference", "single_stream")]
    ):
        for scope in ("accelerator", "system"):
            PhaseEnergy.objects.create(
                attempt=attempt,
                position=position,
                phase=phase,
                technique="supervised",
                scenario=scenario,
                scope=scope,
                provenance="estimated",
                contains_estimate=True,
                energy_j=energy_j,
            )
    return attempt


def test_entry(client: Client, django_assert_num_queries: Any) -> None:
    entry = builders.entry("Little trained", shared_energy_j=5.0, own_energy_j=10.0, inference_energy_j=2.0)
    measured(entry)
    with django_assert_num_queries(8):  # the entry, phases, claims, versions, corrections, runs, attempts and figures
        answer = client.get(f"/api/v1/entries/{entry.pk}", {"usage_intensity": "100"}).json()
    assert set(answer) == set(EntrySerializer().fields)
    assert answer["method"]["title"] == "Little trained"
    assert answer["full_cycle_energy_j"] == 215.0
    assert answer["recipe_document"] == entry.recipe.document
    assert [(row["phase"], row["scenario"], row["scope"]) for row in answer["measured_phases"]] == [
        ("train", "", "accelerator"),
        ("inference", "offline", "accelerator"),
    ]
    for name in ("self", "run"):
        assert client.get(answer["links"][name]).status_code == 200


@pytest.mark.parametrize("part", ["", "/trace", "/badge.svg"])
@pytest.mark.parametrize("number", ["0", "999", "9" * 30, "9" * 5000])
def test_no_such_entry(client: Client, part: str, number: str) -> None:
    answer = client.get(f"/api/v1/entries/{number}{part}")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["message"]


def test_trace_is_that_of_the_current_attempt(client: Client, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    entry = builders.entry()
    measured(entry, 1).trace.save("a.parquet", ContentFile(b"PAR1 current"))
    measured(entry, 2).trace.save("b.parquet", ContentFile(b"PAR1 later"))
    answer = client.get(f"/api/v1/entries/{entry.pk}/trace")
    assert b"".join(answer.streaming_content) == b"PAR1 current"  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "application/vnd.apache.parquet"


def test_page_and_api_show_the_last_attempt_with_a_record_if_the_current_one_has_none(
    client: Client, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    entry = builders.entry()
    for number in (1, 2):
        attempt = measured(entry, number, energy_j=100.0 * number)
        attempt.record = {"number": number}
        attempt.trace.save(f"{number}.parquet", ContentFile(b"PAR1 %d" % number))
    Attempt.objects.create(run=entry.run, number=3, worker="w", started_at=timezone.now())
    entry.run.attempt = 3
    entry.run.save()
    phases = client.get(f"/api/v1/entries/{entry.pk}").json()["measured_phases"]
    assert {row["energy_j"] for row in phases} == {200.0}
    assert client.get(f"/api/v1/runs/{entry.run_id}/record").json() == {"number": 2}
    trace = client.get(f"/api/v1/entries/{entry.pk}/trace")
    assert b"".join(trace.streaming_content) == b"PAR1 2"  # type: ignore[attr-defined]
    assert "200 J" in client.get(entry.get_absolute_url()).content.decode().replace("\u00a0", " ")


def test_entry_without_a_trace(client: Client) -> None:
    entry = builders.entry()
    assert client.get(f"/api/v1/entries/{entry.pk}/trace").status_code == 404
    attempt = measured(entry)
    attempt.trace.name = "traces/gone.parquet"
    attempt.save()
    answer = client.get(f"/api/v1/entries/{entry.pk}/trace")
    assert answer.status_code == 404
    assert "file was deleted" in answer.json()["errors"][0]["message"]


def badge(client: Client, entry: Entry, **parameters: str) -> str:
    answer = client.get(f"/api/v1/entries/{entry.pk}/badge.svg", parameters)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/svg+xml"
    root = ElementTree.fromstring(answer.content)  # noqa: S314 - our own
    title = root.findtext("{http://www.w3.org/2000/svg}title")
    assert title == root.get("aria-label")
    return (title or "").replace("\u00a0", " ")


def test_badge_says_how_much_when_and_whence(client: Client) -> None:
    entry = builders.entry('Little <trained> & "quick"', own_energy_j=10.0, inference_energy_j=0.01)
    title = badge(client, entry, usage_intensity="1e6")
    assert title.startswith('Little <trained> & "quick": full-cycle energy, 1 million images: 10.0 kJ, estimated, ')
    assert f"{entry.published_at:%Y-%m-%d}" in title
    assert "TEST-CPU" in title
    assert re.search(r"quality \d+\.\d % \(floor 95 %\)", title)
    svg = client.get(f"/api/v1/entries/{entry.pk}/badge.svg").content.decode()
    seen = " ".join(re.findall(r"<text [^>]*>([^<]*)</text>", svg)).replace("\u00a0", " ")
    for words in ("1 million images", "TEST-CPU", "10.0 kJ", "estimated", "(floor 95 %)"):
        assert words in seen
    assert "1.01 kJ" in badge(client, entry, usage_intensity="1e5")


def test_badge_of_an_incomplete_entry_is_a_lower_bound(client: Client) -> None:
    entry = builders.entry(complete=False, provenance="missing")
    assert "≥ 11.0 kJ, a lower bound" in badge(client, entry)


def test_badge_of_a_metered_entry(client: Client) -> None:
    assert "estimated" not in badge(client, builders.entry(provenance="metered"))


def test_badge_of_greenness(client: Client) -> None:
    entry = builders.entry("Half", own_energy_j=1e6, inference_energy_j=1.0, quality=0.5)
    title = badge(client, entry, metric="greenness", accuracy_weight="2", usage_intensity="1e6")
    assert title.startswith("Half: greenness, τ = 2, 1 million images: 0.125 per MJ, estimated, ")
    assert "τ = 1, 1 million images: 0.250 per MJ" in badge(client, entry, metric="greenness")
    assert badge(client, entry, metric="energy") == badge(client, entry)
    bound = builders.entry(complete=False, provenance="missing", quality=0.5)
    assert "≤ " in badge(client, bound, metric="greenness")
    hopeless = builders.entry(quality=0.0)
    assert "images: —, " in badge(client, hopeless, metric="greenness")
    address = f"/api/v1/entries/{entry.pk}/badge.svg?metric=greenness"
    tags = {client.get(address + weight)["ETag"] for weight in ("", "&accuracy_weight=2", "&accuracy_weight=2.5")}
    assert len(tags) == 3


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("metric", "flops", "energy, greenness"),
        *(("accuracy_weight", value, "from 0 to 100") for value in ("-1", "abc", "1e9", "nan")),
    ],
)
def test_badge_names_what_it_cannot_take(client: Client, field: str, value: str, remedy: str) -> None:
    answer = client.get(f"/api/v1/entries/{builders.entry().pk}/badge.svg", {field: value})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert remedy in error["message"]


def test_badge_is_cached_until_the_board_changes(client: Client) -> None:
    entry = builders.entry()
    address = f"/api/v1/entries/{entry.pk}/badge.svg"
    first = client.get(address)
    assert "max-age" in first["Cache-Control"]
    assert client.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 304
    for change in ({"revision": 9}, {"revision": entry.board.revision, "changed_at": timezone.now()}):
        Board.objects.update(**change)
        assert client.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("part", ["", "/badge.svg"])
def test_bad_usage_intensity(client: Client, part: str) -> None:
    entry = builders.entry()
    for value in ("-1", "abc", "1e400", "0", "nan"):
        answer = client.get(f"/api/v1/entries/{entry.pk}{part}", {"usage_intensity": value})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "usage_intensity"
