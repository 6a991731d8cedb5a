"""A quality floor is in force on every page, picture, badge, download and finding, unless the reader changes it."""

from __future__ import annotations

import csv
import io
import re

import pytest

from measurement.tracks import TRACKS
from tests.factories import EntryFactory, make_board, make_verified_entry
from tests.pages.reading import rows, text

pytestmark = pytest.mark.django_db
API = "/api/v1/leaderboard"


@pytest.fixture
def board():
    """Two networks that do the job, and one that answers 15 % of the digits for almost no energy."""
    board = make_board(0)
    EntryFactory(
        board=board, recipe__method__title="Trained", own_energy_j=1000, inference_energy_j=0.01, quality=0.97
    )
    EntryFactory(
        board=board, recipe__method__title="Better", own_energy_j=2000, inference_energy_j=0.01, quality=0.99
    )
    return board


@pytest.fixture
def junk(board):
    return make_verified_entry(
        board, recipe__method__title="Untrained", own_energy_j=0.1, inference_energy_j=1e-6, quality=0.15
    )


def titles(found):
    return [row["method"] for row in rows(found)]


def test_every_track_has_a_floor_and_its_reason(client):
    told = {track["slug"]: track for track in client.get("/api/v1/tracks").json()}
    assert (told["digits"]["quality_floor"], told["imagenet-1k"]["quality_floor"]) == (0.95, 0.7)
    for track in TRACKS.values():
        assert 0 < told[track.slug]["quality_floor"] < 1
        assert re.search(r"\d+(\.\d)? %.*the floor is ", told[track.slug]["floor_reason"])


def test_the_board_ranks_only_what_does_the_job(client, junk):
    page = client.get("/")
    assert titles(page) == ["Trained", "Better"]
    said = text(page)
    assert "Trained (97.0 % top-1) uses the least energy of 2 models at ≥ 95 %: 11.0 kJ" in said
    assert "Next: Better (99.0 %) with 9 % more. No other wins at any usage." in said
    assert "This track's quality floor is 95 %: the nearest class mean" in said
    assert "1 entry is below the floor. Rank every entry" in said
    assert "min_quality" not in page.context["parameters"]
    assert "Untrained" not in said


def test_the_reader_may_rank_every_entry(client, junk):
    page = client.get("/", {"min_quality": "0"})
    assert titles(page) == ["Untrained", "Trained", "Better"]
    said = text(page)
    assert (
        "Untrained (15.0 % top-1, below this track's floor of 95 %) uses the least energy of 3 models, "
        "without a quality floor: 1.10 J"
    ) in said
    assert "Next: Trained (97.0 %) with 10,000 times the energy." in said
    assert "Rank only models at ≥ 95 %" in said
    assert [row["quality_note"] for row in rows(page)] == ["below floor", "", ""]


@pytest.mark.parametrize("typed", ["0.98", "98", "98 %", " 98%", "98,0 %", "98\u00a0%"])
def test_a_floor_is_typed_in_per_cent_or_as_a_fraction(client, junk, typed):
    page = client.get("/", {"min_quality": typed})
    assert titles(page) == ["Better"]
    assert page.context["parameters"] == "min_quality=0.98"
    assert 'value="98 %"' in page.content.decode()
    assert client.get(API, {"min_quality": typed.strip()}).json()["min_quality"] == 0.98


@pytest.mark.parametrize("typed", ["0.95", "95 %", "95"])
def test_the_tracks_own_floor_is_left_out_of_the_address(client, junk, typed):
    page = client.get("/", {"min_quality": typed})
    assert page.context["parameters"] == ""
    assert 'id="min_quality" name="min_quality" value=""' in page.content.decode()


def test_a_floor_that_cannot_be_read_says_what_can(client, junk):
    page = client.get("/", {"min_quality": "a lot"})
    assert "is 'a lot', but must be a number from 0 to 1, or per cent from 0 to 100: 0.75, 75 or 75 %" in text(page)
    assert titles(page) == ["Trained", "Better"]
    assert client.get(API, {"min_quality": "-1"}).json()["errors"][0]["field"] == "min_quality"


def test_the_api_has_the_floor_as_its_default(client, junk):
    answer = client.get(API).json()
    assert [(row["method"], row["rank"], row["below_floor"]) for row in answer["results"]] == [
        ("Trained", 1, False),
        ("Better", 2, False),
    ]
    assert (answer["min_quality"], answer["below_floor"]) == (0.95, 1)
    every = client.get(API, {"min_quality": 0}).json()
    assert (every["results"][0]["method"], every["results"][0]["below_floor"]) == ("Untrained", True)
    assert (every["min_quality"], every["below_floor"]) == (0, 0)
    champions = client.get(f"{API}/champions").json()
    assert ([line["method"] for line in champions["results"]], champions["min_quality"]) == (["Trained"], 0.95)
    snapshot = client.get(f"{API}/snapshot").json()
    assert (snapshot["quality_floor"], len(snapshot["columns"]["entry"])) == (0.95, 3)
    alone = client.get(f"/api/v1/entries/{junk.pk}").json()
    assert (alone["below_floor"], alone["quality_by"]) == (True, "evaluated")


def test_downloads_hold_what_is_ranked(client, junk):
    def lines(**asked):
        return list(csv.DictReader(io.StringIO(client.get(f"{API}.csv", asked).content.decode())))

    assert [(line["method"], line["min_quality"]) for line in lines()] == [("Trained", "0.95"), ("Better", "0.95")]
    assert [line["below_floor"] for line in lines(min_quality="0")] == ["true", "false", "false"]


def test_an_entry_below_the_floor_says_so_and_is_ranked_on_request(client, junk):
    said = text(client.get(junk.get_absolute_url()))
    assert "Below the floor: the quality is 15.0 %, and this track's floor is 95 %" in said
    assert "Rank — below the quality floor, in its group" in said
    assert "Full-cycle energy, for 1 million images 1.10 J" in said  # its figures are there
    asked = text(client.get(junk.get_absolute_url() + "?min_quality=0"))
    assert "Rank 1 in its group" in asked
    submission = text(client.get(junk.run.submission.get_absolute_url()))
    assert "below the floor of its track: ranked only on request" in submission


def test_its_badge_says_so_whatever_is_asked(client, junk):
    badge = client.get(f"/api/v1/entries/{junk.pk}/badge.svg").content.decode().replace("\u00a0", " ")
    assert "below the quality floor of 95 %" in badge
    other = client.get(f"/api/v1/entries/{junk.board.entries.first().pk}/badge.svg").content.decode()
    assert "below" not in other


def test_it_is_no_rival_and_wins_no_comparison(client, junk):
    trained = junk.board.entries.get(recipe__method__title="Trained")
    assert "Untrained" not in text(client.get(trained.get_absolute_url()))
    compared = f"/compare/?entry={trained.pk}&entry={junk.pk}"
    said = text(client.get(compared))
    assert "Untrained is below the quality floor of 95 %: it is not compared." in said
    assert "Untrained uses the least energy" not in said
    assert "Untrained uses the least energy" in text(client.get(f"{compared}&min_quality=0"))


def test_findings_are_of_what_does_the_job(client):
    board = make_board(6)
    EntryFactory(
        board=board, recipe__method__title="Untrained", own_energy_j=0.1, inference_energy_j=1e-9, quality=0.1
    )
    found = client.get("/api/v1/findings").json()
    assert (found["min_quality"], found["entries"], found["complete"]) == (0.95, 6, 6)
    assert "Untrained" not in str(found)
    asked = client.get("/api/v1/findings", {"min_quality": "0"}).json()
    assert {cost["method"] for cost in asked["costs"]} == {"Untrained"}
    page = text(client.get("/findings/"))
    assert "Untrained" not in page
    assert "the track's floor is 95 %; 0 for none" in page


def test_evaluated_only_is_one_click(client, board):
    for title, by in (("Claimed", {"quality_provenance": "reported"}), ("Brought", {"submitters_weights": True})):
        EntryFactory(board=board, recipe__method__title=title, own_energy_j=1, quality=0.98, **by)
    page = client.get("/")
    assert titles(page)[:2] == ["Claimed", "Brought"]
    (link,) = re.findall(r'id="evaluated-link" href="([^"]*)"', page.content.decode())
    chosen = client.get("/" + link)
    assert titles(chosen) == ["Trained", "Better"]
    assert "of 2 filtered models at" in text(chosen)
    assert re.search(
        r'id="evaluated-link" href="\?" data-sets="quality_by" aria-current="true"', chosen.content.decode()
    )
    shown = client.get("/", {"columns": "quality_by", "sort": "quality_by"})
    assert [row["quality_by"] for row in rows(shown)] == ["evaluated", "evaluated", "supplied", "reported"]
    assert [row["method"] for row in client.get(API, {"quality_by": "evaluated"}).json()["results"]] == [
        "Trained",
        "Better",
    ]
    assert {row["quality_by"] for row in client.get(API, {"quality_by": "supplied,reported"}).json()["results"]} == {
        "supplied",
        "reported",
    }
    assert client.get(API, {"quality_by": "me"}).json()["errors"][0]["field"] == "quality_by"
