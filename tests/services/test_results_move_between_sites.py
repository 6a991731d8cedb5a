"""A whole site's results move to another site in a folder, checked, and never overwrite what is there."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

import catalogue
from leaderboard import models, queries, services
from leaderboard.management.progress import ProgressLine
from leaderboard.transfer.lines import FIELDS, KINDS
from tests.factories import MethodFactory, RunFactory, UserFactory
from tests.records import CPU, make_recipe
from tests.services.moving import PUBLISHED, TRACE, empty, enter, export, stored
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db
OF_THE_LINE = ("lease_expires_at", "notified_at", "priority", "turn")


def answers(client) -> dict[str, object]:
    """What the API says of every board and every entry."""
    found: dict[str, object] = {}
    for board in queries.boards():
        group = f"track={board.track}&hardware={board.hardware.slug}&scenario={board.scenario}&scope={board.scope}"
        for address in (
            f"/api/v1/leaderboard?{group}&page_size=100",
            f"/api/v1/leaderboard?{group}&order_by=greenness&source=verified",
            f"/api/v1/leaderboard/champions?{group}",
        ):
            found[address] = client.get(address).json()
    for entry in models.Entry.objects.all():
        found[f"entry {entry.pk}"] = client.get(f"/api/v1/entries/{entry.pk}").json()
    assert len(found) > 20
    return found


def board_sizes() -> list[tuple]:
    group = ("track", "hardware__slug", "scenario", "scope")
    return sorted(models.Board.objects.values_list(*group, "size", "verified_size"))


def test_an_empty_site_then_answers_as_the_first_did(exported, client):
    before, waiting = answers(client), models.Run.objects.get(state="queued")
    entries, sizes = models.Entry.objects.count(), board_sizes()
    empty()
    enter(exported)
    assert answers(client) == before
    assert models.Entry.objects.count() == entries
    assert board_sizes() == sizes
    assert not models.Run.objects.filter(pk=waiting.pk).exists()
    for page in ("/", *(entry.get_absolute_url() for entry in models.Entry.objects.all())):
        assert client.get(page).status_code == 200


def test_everything_but_waiting_runs_moves(exported):
    waiting = models.Run.objects.get(state="queued")
    submission = waiting.submission_id
    waiting.delete()
    models.Submission.objects.filter(pk=submission).delete()
    before = stored()
    empty()
    enter(exported)
    after = stored()
    for name, rows in before.items():
        for row in (*rows, *after[name]):
            # Numbers of rows that nothing shows, what line and worker needed, where files lie, when a board changed.
            for column in (*OF_THE_LINE, "hardware_id", "changed_at", "attempt_id", "trace"):
                row.pop(column, None)
            if name in ("Hardware", "Attempt", "PhaseEnergy"):
                row.pop("id")
        assert after[name] == rows, name
    held = models.Run.objects.get(recipe__method__title="Held")
    assert held.held_for == ["throttled"]
    assert models.Submission.objects.get(recipe__method__title="Withdrawn").withdrawn_at is not None
    assert queries.trace_of(models.Run.objects.get(recipe__method__title="Kept", state="succeeded")).read() == TRACE


def test_a_held_result_can_be_released_there_and_the_site_goes_on(exported, alice):
    empty()
    enter(exported)
    run = models.Run.objects.get(recipe__method__title="Held")
    assert len(services.release_hold(run)) == 4
    hardware = models.Hardware.objects.get(name=CPU)
    new, _ = verify(make_recipe("New", epochs=10), hardware, submitter=alice)
    assert new.entries.count() == 4


def test_the_same_again_changes_nothing(exported):
    before = stored()
    told = enter(exported)
    assert stored() == before
    assert "entries: 0 added" in told
    empty()
    enter(exported)
    before = stored()
    assert set(re.findall(r"(\d+) added", enter(exported))) == {"0"}
    assert stored() == before


def test_submitters_are_matched_by_name_or_left_out(exported, bob):
    text = "".join(path.read_text("utf-8") for path in exported.glob("*.json*"))
    assert "example.org" not in text
    assert get_user_model().objects.get(username="alice").password not in text
    empty()
    get_user_model().objects.get(username="alice").delete()
    enter(exported)
    assert models.Submission.objects.get(recipe__method__title="Kept").submitter is None
    assert models.Submission.objects.get(recipe__method__title="Held").submitter == bob


def test_another_site_s_own_results_stay_beside_them(exported, hardware, client):
    empty()
    hardware = services.register_hardware(CPU, "cpu")
    own, _ = verify(make_recipe("Own"), hardware, submitter=None, one_time_j=7.0)
    other, _ = verify(make_recipe("Other", epochs=6), hardware)
    revision = own.entries.first().board.revision
    enter(exported)
    # "Kept" is the recipe of "Own" under another name: its entry stays with this site's result.
    kept = models.Run.objects.exclude(pk=own.pk).get(recipe=own.recipe, state="succeeded")
    assert not kept.entries.exists()
    assert kept.attempts.get().phases.exists()
    assert {entry.run_id for entry in models.Entry.objects.filter(recipe=own.recipe)} == {own.pk}
    assert other.entries.count() == 4
    assert models.Entry.objects.filter(board__track="cifar10").count() == 2
    board = own.entries.first().board
    assert (board.size, board.verified_size) == (2, 2)
    assert board.revision == revision  # nothing changed on it
    assert not models.Method.objects.filter(recipes=None, published_results=None).exists()
    before = stored()
    enter(exported)
    assert stored() == before


def test_a_full_result_replaces_a_sampled_one_of_the_other_site(exported):
    empty()
    hardware = services.register_hardware(CPU, "cpu")
    own, _ = verify(make_recipe("Own"), hardware)
    models.Run.objects.filter(pk=own.pk).update(mode="sampled")
    own.entries.update(mode="sampled")
    revision = models.Board.objects.filter(entries__run=own).first().revision
    enter(exported)
    entries = models.Entry.objects.filter(recipe=own.recipe)
    assert {(entry.mode, entry.run.mode, entry.run_id == own.pk) for entry in entries} == {("full", "full", False)}
    assert entries.first().board.revision == revision + 1


def test_the_same_catalogue_imported_on_both_sites_is_one(exported):
    empty()
    services.import_published(PUBLISHED, catalogue.load().sources)
    services.take_down(models.Entry.objects.filter(published__model=PUBLISHED[0].model), reason="looks wrong")
    taken_down = models.PublishedResult.objects.exclude(taken_down_at=None).get(model=PUBLISHED[0].model)
    moved = [json.loads(line) for line in (exported / "published_results.jsonl").open()]
    time = next(line["taken_down_at"] for line in moved if line["model"] == taken_down.model)
    models.PublishedResult.objects.filter(pk=taken_down.pk).update(taken_down_at=time)
    enter(exported)
    assert models.PublishedResult.objects.count() == len(PUBLISHED)
    assert models.Entry.objects.filter(source="published").count() == len(PUBLISHED) - 1


def test_traces_can_be_left_out(site, tmp_path):
    folder = export(tmp_path / "moved", "--without-traces")
    assert not (folder / "traces").exists()
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["traces"] is False
    before = stored()
    enter(folder)
    assert stored() == before
    empty()
    enter(folder)
    assert not models.Attempt.objects.exclude(trace="").exists()


def test_a_lost_trace_is_said_and_left_out(site, tmp_path, capsys):
    attempt = models.Attempt.objects.exclude(trace="").get()
    attempt.trace.storage.delete(attempt.trace.name)
    folder = export(tmp_path / "moved")
    assert f"the trace of run {attempt.run_id} is not in storage; it is left out" in capsys.readouterr().err
    empty()
    enter(folder)


def test_the_manifest_and_the_table_say_what_is_in_the_folder(exported):
    manifest = json.loads((exported / "manifest.json").read_text("utf-8"))
    assert manifest["left_out"] == {"queued_or_running_runs": 1}
    for kind in KINDS:
        assert manifest["counts"][kind] == len((exported / f"{kind}.jsonl").read_text("utf-8").splitlines())
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    assert files == {*manifest["files"], "manifest.json"}
    rows = {row["entry"]: row for row in pq.read_table(exported / "entries.parquet").to_pylist()}
    for entry in models.Entry.objects.all():
        row = rows.pop(entry.pk)
        assert (row["method"], row["own_energy_j"]) == (entry.method.title, entry.own_energy_j)
        assert row["inference_energy_j_per_image"] == entry.inference_energy_j
        known = [part["energy_j"] for part in entry.phases if part["phase"] == "train"]
        assert row["train_energy_j"] == (None if None in known or not known else pytest.approx(sum(known)))
    assert rows == {}


STAYS = {
    "Method": {"id", "submitter"},
    "Recipe": {"id", "method", "work", "architecture", "revision", "private_to"},
    "Hardware": {"id", "paused_for"},
    "Submission": {"id", "submitter", "recipe", "hardware", "version_of", "withdrawn_by", "first_version"},
    # What a worker needs while it is at a run; the rest are names of other lines.
    "Run": {"id", "submission", "recipe", "hardware", "requested_by", "is_held", *OF_THE_LINE},
    "Attempt": {"id", "run", "trace"},
    "PhaseEnergy": {"id", "attempt"},
    "Board": {
        "id",
        "hardware",
        "changed_at",
        "size",
        "verified_size",
        "power_limits_w",
        "private_to",
    },  # counted again there
    "PublishedResult": {"id", "method", "board"},
    # What has whose place is found again there.
    "Entry": {"id", "board", "work", "recipe", "run", "published", "replaced_by", "superseded_by"},
}


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)
def test_every_column_travels_or_is_named_here(model):
    columns = {field.name for field in model._meta.concrete_fields}
    assert columns - set(FIELDS[model]) == STAYS[model.__name__]


@pytest.mark.django_db(transaction=True)
def test_an_export_sees_one_moment(hardware):
    RunFactory(submission__hardware=hardware, submission__submitter=UserFactory(), state="failed")
    connection.close()  # as a command begins
    with queries.snapshot():
        assert connection.in_atomic_block
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SHOW transaction_isolation")
                assert cursor.fetchone() == ("repeatable read",)
        assert len(list(queries.lines("runs"))) == 1
    MethodFactory(created_at=timezone.now() - timedelta(days=1))  # the site writes again afterwards


def test_progress_is_drawn_on_a_terminal_alone():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    from django.core.management.base import OutputWrapper

    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        line = ProgressLine(OutputWrapper(stream), {"runs": 1, "entries": 3})
        line("runs")
        line("entries", 3)
        line.end()
        assert ("100 % [##" in stream.getvalue()) == drawn
        assert drawn or not stream.getvalue()
