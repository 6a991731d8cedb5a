"""A sampled result is marked wherever its figures are shown, and so is a quality of the submitter's weights."""

import csv
import importlib
import json
import re
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.urls import reverse

from leaderboard import queries, services
from leaderboard.domain import ranking
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Board, Entry
from leaderboard.views.cards import card_of
from tests.factories import RunFactory
from tests.pages.reading import rows, text
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db
MARK = "sampled on synthetic images"
OFFLINE = {"board__scenario": "offline", "board__scope": "accelerator"}
# What a run was -> what its entry stores: mode, data, submitters_weights; and the marks of its row.
RUNS = {
    "in full": (("full", "track", False), ("", "")),
    "a sample of noise": (("sampled", "synthetic", False), (MARK, "reported")),
    "a sample with finished weights": (("sampled", "track", True), ("sampled", "supplied")),
}


def quality_of(kind: str) -> dict:
    return {
        "in full": {},
        "a sample of noise": {"provenance": "reported", "images": None},
        "a sample with finished weights": {"finished_weights_sha256": "0" * 64},
    }[kind]


@pytest.fixture
def published(hardware, administrator) -> SimpleNamespace:
    """An entry of each kind on one board, as a worker's record makes it."""
    found = SimpleNamespace(entries={})
    for position, kind in enumerate(RUNS):
        mode, data, _ = RUNS[kind][0]
        reported = (
            {} if mode == "full" else {"reported": {"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"}}
        )
        phases = [{"phase": "train", "technique": "supervised", "epochs": 1 + position}]
        recipe = make_recipe(kind, phases=phases, **reported)
        submission, _ = services.submit(recipe, hardware=hardware, submitter=administrator, mode=mode)
        record = make_record(recipe, one_time_j=100.0 + position)
        quality = record.quality.model_copy(update=quality_of(kind))
        record = record.model_copy(update={"mode": mode, "data": data, "quality": quality})
        run = submission.runs.get()
        assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
        run.refresh_from_db()
        if run.held_for:
            services.release_hold(run)
        found.entries[kind] = Entry.objects.get(run=run, **OFFLINE)
    return found


def stored(entry: Entry) -> tuple[str, str, bool]:
    return entry.mode, entry.data, entry.submitters_weights


def test_entries_store_it_and_those_from_before_take_it_over(published):
    assert {kind: stored(entry) for kind, entry in published.entries.items()} == {
        kind: facts for kind, (facts, _) in RUNS.items()
    }
    Entry.objects.update(mode="full", data="track", submitters_weights=False)
    revision = Board.objects.get(**{name.removeprefix("board__"): value for name, value in OFFLINE.items()}).revision
    importlib.import_module("leaderboard.migrations.0006_samples_are_told").take_over(apps, None)
    for kind, entry in published.entries.items():
        entry.refresh_from_db()
        assert stored(entry) == RUNS[kind][0], kind
    assert entry.board.revision == revision + 1


def test_every_row_is_marked(client, published):
    marks = {row["method"]: (row["sample"], row["quality_note"]) for row in rows(client.get("/"))}
    assert marks == {kind: words for kind, (_, words) in RUNS.items()}
    table = text(client.get(reverse("compare"), {"entry": [entry.pk for entry in published.entries.values()]}))
    assert f"Mode full {MARK} sampled" in table
    assert "97.0 % top-1, reported 97.0 % top-1, on the submitter’s weights" in table


def test_rows_of_the_api_and_of_downloads_say_it(client, published):
    address = "/api/v1/leaderboard"
    columns = client.get(f"{address}/snapshot").json()["columns"]
    names = ("method", "mode", "data", "submitters_weights")
    listed = {
        "rows": client.get(address).json()["results"],
        "json": client.get(f"{address}.json").json()["results"],
        "csv": list(csv.DictReader(client.get(f"{address}.csv").content.decode().splitlines())),
        "snapshot": [dict(zip(names, line, strict=True)) for line in zip(*(columns[n] for n in names), strict=True)],
    }
    expected = {kind: [str(fact) for fact in facts] for kind, (facts, _) in RUNS.items()}
    for source, lines in listed.items():
        found = {line["method"]: [str(line[name]) for name in names[1:]] for line in lines}
        if source == "csv":
            found = {method: [*facts[:2], facts[2].capitalize()] for method, facts in found.items()}
        assert found == expected, source


def test_the_queue_says_it_of_what_waits_and_what_ended(client):
    for state, mode in (("queued", "sampled"), ("queued", "full"), ("failed", "sampled")):
        RunFactory(state=state, mode=mode, submission__recipe__method__title=f"{mode} {state}")
    page = text(client.get(reverse("queue")))
    for state, mode in (("queued", "sampled"), ("queued", "full"), ("failed", "sampled")):
        assert f"{mode} {state} Test Cpu {mode} {state}" in page


def test_an_entrys_page_card_and_badge_say_it(client, published):
    for kind, entry in published.entries.items():
        page = text(client.get(entry.get_absolute_url()))
        is_sample, is_noise = entry.mode == "sampled", entry.data == "synthetic"
        assert ("This is a sampled run" in page) == is_sample, kind
        assert ("(estimated, sampled" in page.partition("@misc")[2]) == is_sample, kind
        assert ("random noise in the track's image shape" in page) == is_noise, kind
        assert ("evaluated on the submitter’s weights" in page) == entry.submitters_weights, kind
        answer = json.loads(client.get(f"/api/v1/entries/{entry.pk}").content)
        assert (answer["mode"], answer["data"], answer["submitters_weights"]) == RUNS[kind][0]
        (place,) = ranking.rank([queries.candidate(entry)], 1e6)
        card = card_of(entry, place, LeaderboardQuery(), "Least energy")
        badge = client.get(f"/api/v1/entries/{entry.pk}/badge.svg").content.decode()
        for words in (card.foot, badge):
            assert ("sampled" in words, "synthetic" in words) == (is_sample, is_noise), kind
        assert ("on the submitter’s weights" in card.quality_detail) == entry.submitters_weights, kind


@pytest.mark.parametrize(
    ("kind", "energy", "quality"),
    [
        ("a sample of noise", f"estimated, {MARK}", ", reported by the submitter"),
        ("a sample with finished weights", "estimated, sampled", ", evaluated on the submitter's weights"),
        ("in full", "estimated", ""),
    ],
)
def test_the_result_in_words_says_it_of_the_winner(client, published, kind, energy, quality):
    page = text(client.get("/", {"search": kind, "min_quality": "0.5"}))
    said = rf"{kind} \(97\.0 % top-1{quality}\) uses [^;.]*Wh, {energy}\) over its life, [^;.]* of it one-time\."
    assert re.search(said.replace("[^;.]*Wh", ".*Wh"), page), page[:900]
