"""Every full run counts; where there are few, the spread of a board's works is pooled, and the reader is told so."""

import pytest
import yaml
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leaderboard import services
from leaderboard.domain.students_t import student_t95
from leaderboard.models import Board, Entry, Run
from leaderboard.services import publication
from measurement.recipe import parse_recipe
from tests.pages.reading import text
from tests.records import make_recipe, make_record
from tests.services.moving import empty, enter, export
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def measure(hardware, administrator):
    """A work of so many epochs with a run for each of the joules given: the first submitted, the others re-run."""

    def _measure(epochs, *joules, per_image_j=0.01, protocol=1, **figures):
        recipe = make_recipe(f"Work {epochs}", epochs=epochs)
        runs = []
        for one_time_j in joules:
            before = Run.objects.filter(recipe__sha256=recipe.sha256, hardware=hardware).order_by("-pk").first()
            run = services.rerun(before, by=administrator) if before else None
            run = run or services.submit(recipe, hardware=hardware, submitter=administrator)[0].runs.get()
            record = make_record(
                recipe, hardware=hardware.name, one_time_j=one_time_j, per_image_j=per_image_j, **figures
            )
            record = record.model_copy(update={"track_protocol_version": protocol})
            assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
            run.refresh_from_db()
            runs.append(run)
        return runs

    return _measure


def entry_of(run):
    return Entry.objects.get(work=run.recipe.work_id, board__scenario="offline", board__scope="accelerator")


def answer_of(client, run):
    entry = entry_of(run)
    answer = client.get(f"/api/v1/entries/{entry.pk}").json()
    return (
        answer,
        {found["of"]: found for found in answer["uncertainties"]},
        text(client.get(entry.get_absolute_url())),
    )


def test_a_rerun_sharpens_the_figure_and_the_page_lists_what_each_weighs(measure, client):
    runs = measure(1, 100.0, 104.0, 102.0)
    entry = entry_of(runs[0])
    assert (entry.own_energy_j, entry.results, entry.run_id) == (102.0, 3, runs[-1].pk)
    assert entry.own_u95_j == pytest.approx(student_t95(2) * 2.0 / 3**0.5)
    answer, uncertainties, page = answer_of(client, runs[0])
    listed = [(run["run"], run["one_time_energy_j"], run["counts"], run["weight"]) for run in answer["runs"]]
    assert listed == [
        (runs[2].pk, 102.0, True, pytest.approx(1 / 3)),
        (runs[1].pk, 104.0, True, pytest.approx(1 / 3)),
        (runs[0].pk, 100.0, True, pytest.approx(1 / 3)),
    ]
    assert uncertainties["own"]["basis"] == "own"
    assert "its own 3 results" in page
    assert "2 times, spread 2.0 %" in page
    assert "run once" not in page.lower()
    assert "Only one" not in page


def test_an_estimate_gets_its_interval_with_the_second_run(measure, client):
    first = make_record(make_recipe("Work 1", epochs=1))
    assert {energy.provenance for phase in first.phases for energy in phase.energies} == {"estimated"}
    measure(1, 100.0)
    Entry.objects.update(own_u95_j=None)  # as where nothing tells how well an estimate repeats
    measure(1, 101.0)
    row = client.get("/api/v1/leaderboard?min_quality=0&scenario=offline&scope=accelerator").json()["results"][0]
    assert row["full_cycle_energy_u95_j"] > 0
    assert (row["rank_best"], row["rank_worst"]) == (1, 1)


def test_few_runs_take_the_spread_of_all_works_on_the_board(measure, client):
    runs = [measure(epochs, 99.0, 101.0, per_image_j=0.01 * epochs) for epochs in range(1, 6)]
    (single,) = measure(9, 100.0)
    deviation = 2**0.5 / 100
    for run, results in ((runs[0][0], 2), (single, 1)):
        answer, uncertainties, page = answer_of(client, run)
        assert answer["own_u95_j"] == pytest.approx(student_t95(5) * deviation * 100 / results**0.5)
        assert uncertainties["own"] == {
            "of": "own",
            "u95_j": answer["own_u95_j"],
            "basis": "pooled",
            "relative_deviation": pytest.approx(deviation),
            "degrees_of_freedom": 5,
            "works": 5,
        }
        assert answer["phases"][0]["u95_j"] == answer["own_u95_j"]
        assert "shared" not in uncertainties, "no work has such a phase"
        assert "all 5 works of this board that were run more than once, pooled" in page
    board = Board.objects.get(scenario="offline", scope="accelerator")
    assert (board.pools["own"]["degrees_of_freedom"], board.pools["train"]["works"]) == (5, 5)
    # A run that is held no longer shows a spread, and the single one has its own readings again.
    services.hold(runs[0][0], reason="looks wrong")
    assert entry_of(single).own_u95_j == pytest.approx(1.0)


def test_only_rows_that_change_are_written_and_queries_do_not_grow(measure):
    def statements(do):
        with CaptureQueriesContext(connection) as found:
            do()
        return [query["sql"] for query in found]

    measure(1, 100.0, 100.0)
    first = statements(lambda: measure(1, 100.0))
    for epochs in range(2, 12):
        measure(epochs, 99.0, 101.0)
    boards = list(Board.objects.values_list("pk", flat=True))
    before = list(Entry.objects.order_by("pk").values())
    assert len(before) == 44
    same = statements(lambda: publication.raise_revisions(boards))
    assert not [sql for sql in same if "UPDATE leaderboard_entry" in sql]
    assert list(Entry.objects.order_by("pk").values()) == before
    again = statements(lambda: measure(1, 100.0))
    assert len(again) <= len(first) + len(boards), "a board's rows are written in one statement"


def test_an_outlier_is_named_and_counts(measure, client):
    for epochs in range(2, 8):
        measure(epochs, 99.0, 101.0)
    runs = measure(1, 100.0, 101.0, 130.0)
    answer, uncertainties, page = answer_of(client, runs[0])
    assert [(run["run"], run["outlier_in"], run["counts"]) for run in answer["runs"]] == [
        (runs[2].pk, ["own"], True),
        (runs[1].pk, [], True),
        (runs[0].pk, [], True),
    ]
    assert answer["own_energy_j"] == pytest.approx(331.0 / 3)
    assert uncertainties["own"]["basis"] == "own"
    assert "Outlier: one-time energy 26 % above the median of its runs" in page
    assert "its own 3 results, which scatter more than those of the other works" in page


def test_declared_joules_lend_nobody_their_lack_of_spread(hardware, administrator):
    def declared(title, phases, *joules):
        for seed, one_time_j in enumerate(joules):
            recipe = make_recipe(title, phases=phases, seed=seed)
            verify(recipe, hardware, administrator, one_time_j=one_time_j)

    evidence = "https://arxiv.org/abs/2108.13465"
    told = {"phase": "pretrain", "technique": "declared", "scope": "accelerator", "evidence": evidence}
    for number in range(5):
        train = {"phase": "train", "technique": "supervised", "epochs": 1 + number}
        declared(f"Told {number}", [told | {"energy_j": 1e6}, train], 99.0, 101.0)
    searched = yaml.safe_load((settings.BASE_DIR / "recipes/digits/searched-random.yaml").read_text("utf-8"))
    for seed, one_time_j in enumerate((90.0, 110.0)):
        recipe = parse_recipe(searched | {"seed": seed})
        run, _ = verify(recipe, hardware, administrator, one_time_j=one_time_j)
    found = entry_of(run)
    pools = Board.objects.get(pk=found.board_id).pools
    assert "pretrain" not in pools
    assert (pools["search"]["works"], pools["shared"]["works"], pools["train"]["works"]) == (1, 1, 6)
    assert found.shared_u95_j == pytest.approx(12.706 * 10.0)


def test_results_of_an_older_protocol_do_not_count_beside_a_newer(measure, client):
    old = measure(1, 500.0, 520.0)
    new = measure(1, 100.0, protocol=2)
    assert (entry_of(new[0]).own_energy_j, entry_of(new[0]).results) == (100.0, 1)
    answer, _, _ = answer_of(client, new[0])
    assert {run["run"]: (run["counts"], run["weight"]) for run in answer["runs"]} == {
        new[0].pk: (True, 1.0),
        **{run.pk: (False, 0.0) for run in old},
    }


def test_a_mean_over_runs_of_which_one_is_taken_away_is_that_of_the_others(measure):
    runs = measure(1, 100.0, 110.0, 150.0)
    services.hold(runs[2], reason="looks wrong")
    assert (entry_of(runs[0]).own_energy_j, entry_of(runs[0]).results) == (105.0, 2)
    services.release_hold(Run.objects.get(pk=runs[2].pk))
    assert (entry_of(runs[0]).own_energy_j, entry_of(runs[0]).results) == (120.0, 3)
    assert entry_of(runs[0]).repeats["runs"] == [run.pk for run in reversed(runs)]


def test_works_of_another_site_join_the_pool(measure, hardware, tmp_path, client):
    for epochs in range(1, 4):
        measure(epochs, 99.0, 101.0)
    folder = export(tmp_path / "moved")
    empty()
    hardware.pk = None
    hardware.save()
    measure(7, 90.0, 110.0)
    (single,) = measure(8, 100.0)
    measure(9, 95.0, 105.0, 100.0)
    assert entry_of(single).own_u95_j == pytest.approx(1.0)
    enter(folder)
    pools = Board.objects.get(scenario="offline", scope="accelerator").pools
    assert (pools["own"]["works"], pools["own"]["degrees_of_freedom"]) == (5, 6)
    assert entry_of(single).own_u95_j > 10.0
    for run in Run.objects.filter(state="succeeded"):
        answer, _, _ = answer_of(client, run)
        assert sum(listed["weight"] for listed in answer["runs"]) == pytest.approx(1.0)
    assert "entries: 0 added" in enter(folder), "other uncertainties are no other result"
