"""Published figures of others come onto the boards from the catalogue, beside verified results and told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

import catalogue
from leaderboard import queries, services
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Board, Entry, Method, PublishedResult
from tests.factories import EntryFactory

pytestmark = pytest.mark.django_db

RESULTS = catalogue.published_results()
SOURCES = catalogue.load().sources
CARD, CPU, METERED = "NVIDIA GeForce RTX 3090", "Intel(R) Core(TM) i9-10940X CPU @ 3.30GHz", "Quadro RTX 5000"


def of(hardware: str, number: int = 12) -> list[catalogue.PublishedResult]:
    return [result for result in RESULTS if result.hardware == hardware][:number]


def missing_a_phase(hardware: str) -> catalogue.PublishedResult:
    return next(result for result in RESULTS if result.hardware == hardware and not result.complete)


SOME = [*of(CARD), missing_a_phase(CARD), *of(CPU, 3), *of(METERED, 3)]


@pytest.fixture
def imported() -> services.Imported:
    return services.import_published(SOME, SOURCES)


def entry_of(result: catalogue.PublishedResult) -> Entry:
    return Entry.objects.get(
        published__model=result.model, published__resolution=result.resolution, board__hardware__name=result.hardware
    )


def test_every_result_is_an_entry_with_its_own_figures(imported):
    assert (imported.added, Entry.objects.count()) == (len(SOME), len(SOME))
    for result in SOME:
        entry = entry_of(result)
        assert (entry.source, entry.run, entry.recipe) == ("published", None, None)
        assert entry.complete == result.complete
        assert entry.inference_energy_j == result.inference_energy_j
        assert (entry.quality, entry.quality_provenance) == (result.quality, "reported")
        assert [part["energy_j"] for part in entry.phases] == [phase.energy_j for phase in result.phases]
        known = [phase.energy_j for phase in result.phases if phase.energy_j is not None]
        assert entry.shared_energy_j + entry.own_energy_j == pytest.approx(sum(known), rel=1e-12)
        assert entry.metered_shared_j == entry.metered_own_j == 0
        assert entry.latency_p50_ms is None


def test_missing_is_a_lower_bound_of_unknown_uncertainty(imported):
    entry = entry_of(missing_a_phase(CARD))
    assert (entry.complete, entry.provenance) == (False, "missing")
    assert None in [part["energy_j"] for part in entry.phases]


def test_a_phase_names_hardware_that_is_not_the_board_s(imported):
    on_cpu, on_card = entry_of(of(CPU)[0]), entry_of(of(CARD)[0])
    assert {part["hardware"] for part in on_cpu.phases if part["energy_j"]} == {CARD}
    assert not any("hardware" in part for part in on_card.phases)


def test_the_same_again_changes_nothing(imported):
    before = list(Entry.objects.order_by("pk").values()), list(Board.objects.order_by("pk").values("pk", "revision"))
    again = services.import_published(SOME, SOURCES)
    assert (again.added, again.changed, again.removed, again.unchanged) == (0, 0, 0, len(SOME))
    after = list(Entry.objects.order_by("pk").values()), list(Board.objects.order_by("pk").values("pk", "revision"))
    assert after == before


def test_new_figures_keep_their_entry_and_leave_the_old_ones_stored(imported):
    old = entry_of(SOME[0])
    corrected = replace(SOME[0], inference_energy_j=SOME[0].inference_energy_j * 2)
    count = services.import_published([corrected, *SOME[1:]], SOURCES)
    assert (count.changed, count.unchanged) == (1, len(SOME) - 1)
    new = entry_of(SOME[0])
    assert (new.pk, new.inference_energy_j) == (old.pk, corrected.inference_energy_j)
    assert new.published_id != old.published_id
    assert PublishedResult.objects.get(pk=old.published_id).left_at is not None


def test_what_leaves_the_catalogue_leaves_the_board_and_stays_stored(imported):
    board = entry_of(SOME[0]).board
    count = services.import_published(SOME[1:], SOURCES)
    assert count.removed == 1
    assert not Entry.objects.filter(published__model=SOME[0].model, board=board).exists()
    kept = PublishedResult.objects.get(board=board, model=SOME[0].model, resolution=SOME[0].resolution)
    assert kept.left_at is not None
    assert Board.objects.get(pk=board.pk).revision > board.revision
    services.import_published(SOME, SOURCES)
    assert entry_of(SOME[0]).inference_energy_j == SOME[0].inference_energy_j


def test_what_was_taken_down_stays_down_until_its_figures_change(imported):
    services.take_down(Entry.objects.filter(pk=entry_of(SOME[0]).pk), reason="looks wrong")
    assert services.import_published(SOME, SOURCES).unchanged == len(SOME)
    assert not Entry.objects.filter(published__model=SOME[0].model, board__hardware__name=CARD).exists()
    corrected = replace(SOME[0], quality=SOME[0].quality - 0.01)
    services.import_published([corrected, *SOME[1:]], SOURCES)
    assert entry_of(SOME[0]).quality == corrected.quality


def test_one_method_stands_for_a_model_on_all_hardware(imported):
    on_both = {r.title for r in of(CARD)} & {r.title for r in of(CPU, 3)}
    assert on_both
    for title in on_both:
        entries = Entry.objects.filter(published__method=Method.objects.get(title=title))
        assert {entry.board.hardware.name for entry in entries} == {CARD, CPU}
        assert {entry.pk for entry in queries.siblings(entries[0])} == {entry.pk for entry in entries}


def test_verified_and_published_rank_together_and_either_can_be_had_alone(imported, client):
    board = entry_of(SOME[0]).board
    verified = EntryFactory(board=board, own_energy_j=1.0, inference_energy_j=1e-9, quality=0.99)
    services.boards_changed(verified.method)
    query = LeaderboardQuery(track=board.track, hardware=board.hardware.slug)
    everything = queries.ranked_board(query)
    assert everything.rows[0].entry.pk == verified.pk
    assert len(everything.rows) == len(of(CARD)) + 1 + 1
    for source, number in (("verified", 1), ("published", len(of(CARD)) + 1)):
        rows = client.get(f"/api/v1/leaderboard?hardware={board.hardware.slug}&source={source}").json()["results"]
        assert len(rows) == number
        assert {row["source"] for row in rows} == {source}
    row = rows[0]
    assert (row["recipe"], row["model"] in {result.model for result in SOME}) == (None, True)
    bad = client.get("/api/v1/leaderboard?source=hearsay")
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "source")


def test_an_entry_links_every_source_of_every_figure(imported, client):
    for result in (SOME[0], of(CPU)[0], of(METERED)[0]):
        entry = entry_of(result)
        detail = client.get(f"/api/v1/entries/{entry.pk}").json()
        assert (detail["source"], detail["run"], detail["recipe_document"]) == ("published", None, None)
        assert [source["id"] for source in detail["sources"]] == list(result.sources)
        page = client.get(entry.get_absolute_url()).content.decode()
        assert "published by others" in page
        for source in result.sources:
            assert f'href="{SOURCES[source].address}"' in page
        for phase in result.phases:
            assert phase.sources or phase.provenance == "missing"
        assert result.inference_sources


def test_rows_say_which_are_published(imported, client):
    page = client.get("/").content.decode()
    assert 'class="source source-published"' in page
    assert "none has been verified by this site's workers yet" in page.replace("&#x27;", "'")


def test_pages_of_a_published_entry_answer(imported, client):
    first, second = entry_of(SOME[0]), entry_of(SOME[1])
    for address in (
        f"/compare/?entry={first.pk}&entry={second.pk}",
        f"/entries/{first.pk}/card.png",
        f"/api/v1/entries/{first.pk}/badge.svg",
        "/api/v1/leaderboard.csv",
        "/api/v1/leaderboard.parquet",
        "/api/v1/leaderboard/snapshot",
        f"/?search={SOME[0].model}",
    ):
        assert client.get(address).status_code == 200, address
    for address in (
        f"/entries/{first.pk}/recipe.yaml",
        f"/entries/{first.pk}/power.json",
        f"/api/v1/entries/{first.pk}/trace",
    ):
        assert client.get(address).status_code == 404, address


def test_a_catalogue_with_a_fault_imports_nothing(tmp_path, capsys):
    import shutil
    from pathlib import Path

    from django.core.management import call_command
    from django.core.management.base import CommandError

    folder = tmp_path / "imagenet-1k"
    shutil.copytree(Path(catalogue.__file__).parent / "imagenet-1k", folder)
    models = folder / "models.csv"
    lines = models.read_text("utf-8").splitlines()
    models.write_text("\n".join([*lines, lines[1]]) + "\n", "utf-8")
    with pytest.raises(CommandError, match="nothing was imported") as refused:
        call_command("import_catalogue", str(folder))
    assert refused.value.returncode == 2
    assert f"models.csv:{len(lines) + 1}" in capsys.readouterr().err
    assert not PublishedResult.objects.exists()


def test_a_published_entry_starts_a_verification(imported, client, django_user_model):
    entry = entry_of(SOME[0])
    address = f"/submit/?published={entry.pk}"
    assert address in client.get(entry.get_absolute_url()).content.decode()
    client.force_login(django_user_model.objects.create_user("alice"))
    page = client.get(address).content.decode()
    assert f"architecture: {SOME[0].architecture}" in page
    assert "What this recipe does not say of the published model" in page
    for given in ("0", "x", "999999999", "9" * 5000, "²", ""):
        answer = client.get(f"/submit/?published={given}")
        assert answer.status_code == 200
        assert "starnet" in answer.content.decode()
