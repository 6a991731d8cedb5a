"""Old power traces become smaller at night: no figure changes, no moment is without a trace, and readers are told."""

from __future__ import annotations

import io
import json
import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.urls import reverse

from leaderboard import services, tasks
from leaderboard.database import clock
from leaderboard.models import Attempt, Entry, LogLine, Measurement, PhaseEnergy, Run, ThinnedTrace
from leaderboard.services import thinned_files, thinning
from leaderboard.services.thinned_files import said_by
from measurement.dataroot import sha256_of
from tests.measurement.recorded import record_a_run
from tests.records import make_recipe
from tests.services import moving
from tests.site.whole_site import find_programs_of_the_server, settle

pytestmark = pytest.mark.django_db(transaction=True)

RECIPE = make_recipe("Pruned", inference={"scenarios": ["offline"]})
OLD = timedelta(days=100)
SIZES = {"bytes_before": "trace", "bytes": "thinned"}
at_once = pytest.mark.usefixtures("_at_once")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Record and trace of one long run, for every test of this module. Seconds of power, no second of waiting."""
    folder = tmp_path_factory.mktemp("measured")
    course = [(0.02, 200_000 + 1_000 * (step % 97)) for step in range(20_000)]
    course[16_001] = (0.02, 650_000)
    record_a_run(folder, course, [course[:40]] * 3, recipe=RECIPE, hardware="AMD EPYC test (2 cores)")
    return folder


@pytest.fixture(scope="module")
def as_a_child_left_it(measured):
    """What `python -m measurement thin` writes and says of that run, made once."""
    attempt = SimpleNamespace(
        record=json.loads((measured / "record.json").read_text()),
        trace=SimpleNamespace(open=lambda _: (measured / "trace.parquet").open("rb")),
    )
    with thinned_files.thinned_file(attempt) as (path, _):
        shutil.copy(path, measured / "thinned.parquet")
        answer = {"thinned": True, "at": "2026-12-01T03:00:00+00:00", **said_by(path.open("rb"))}
    sizes = {name: (measured / f"{file}.parquet").stat().st_size for name, file in SIZES.items()}
    return answer | sizes | {"sha256_now": sha256_of(measured / "thinned.parquet")}


@pytest.fixture
def _at_once(measured, as_a_child_left_it, monkeypatch):
    """Take that instead of starting the same child in each test."""

    def lay(folder: Path) -> dict:
        shutil.copy(measured / "thinned.parquet", folder)
        return as_a_child_left_it

    monkeypatch.setattr(thinned_files, "_thinned", lay)


@pytest.fixture(autouse=True)
def _site(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.TRACE_FULL_DAYS = 90


@pytest.fixture
def verified(measured, hardware):
    """Gives a function that stores the result of a new run, 100 days old."""

    def verify() -> Attempt:
        submission, _ = services.submit(RECIPE, hardware=hardware, submitter=None)
        run = submission.runs.get() if submission.runs.count() == 1 else None
        if run is None or run.state == "succeeded":
            run = services.rerun(submission.runs.order_by("pk").first(), by=None)
        claim = services.claim(run.pk, "worker")
        assert services.record(claim, (measured / "record.json").read_bytes(), measured / "trace.parquet")
        Attempt.objects.filter(run=run).update(ended_at=clock.now() - OLD)
        return Attempt.objects.get(run=run)

    return verify


def files() -> set[str]:
    """Names of all that lies in the storage of traces."""
    root = Path(default_storage.location)
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def later(days: float) -> None:
    """Let time pass for what was thinned, and for what began to be."""
    for row in ThinnedTrace.objects.all():
        ThinnedTrace.objects.filter(pk=row.pk).update(begun_at=row.begun_at - timedelta(days=days))


def figures() -> list:
    return [list(PhaseEnergy.objects.order_by("pk").values()), list(Entry.objects.order_by("pk").values())]


def thin_traces(*options: str) -> str:
    told = io.StringIO()
    call_command("thin_traces", *options, stdout=told)
    return told.getvalue()


def test_an_old_trace_becomes_smaller_and_its_full_file_goes_a_week_later(verified, measured, client, tmp_path):
    attempt = verified()
    full, before, record = attempt.trace.name, figures(), attempt.record
    entry = Entry.objects.get(board__scope="accelerator")
    power = reverse("entry-power", args=[entry.pk])
    chart = client.get(power)
    assert client.get(f"/api/v1/entries/{entry.pk}").json()["trace_thinned"] is None

    said = thin_traces("--dry-run")
    assert "1 traces would be thinned, 0 stay full" in said
    assert files() == {full}
    assert not ThinnedTrace.objects.exists()

    tasks.thin_traces()
    attempt = Attempt.objects.get()
    row, thinned = attempt.thinned, attempt.trace.name
    assert files() == {full, thinned}  # a backup, an export or a restored database may still name the full one
    assert default_storage.size(thinned) < default_storage.size(full) / 2
    assert f"{row.bytes_before:,} bytes before, {row.bytes:,} after" in said
    assert (figures(), attempt.record) == (before, record)
    assert row.sha256_before == sha256_of(measured / "trace.parquet") == record["trace_sha256"]
    line = LogLine.objects.get(action="thin")
    assert (line.actor, line.object_type, line.details["samples"]) == ("system", "run", row.samples)

    api = client.get(f"/api/v1/entries/{entry.pk}").json()["trace_thinned"]
    assert (api["samples_before"], api["samples"]) == (row.samples_before, row.samples)
    assert api["sha256_before"] == record["trace_sha256"]
    assert api["sha256"] == sha256_of(Path(default_storage.path(Attempt.objects.get().trace.name)))
    page = client.get(entry.get_absolute_url()).content.decode()
    assert f"from {row.samples_before:,} samples to {row.samples:,}" in page
    assert record["trace_sha256"] in page
    assert 'leaderboard_traces{form="thinned"} 1.0' in client.get("/metrics").content.decode()
    new_chart = client.get(power, headers={"If-None-Match": chart["ETag"]})
    assert new_chart.status_code == 200
    assert max(new_chart.json()["most_w"]) == max(chart.json()["most_w"]) > 400
    assert min(new_chart.json()["least_w"]) == min(chart.json()["least_w"])

    # What anyone can download still proves every figure.
    (tmp_path / "record.json").write_bytes(client.get(f"/api/v1/runs/{entry.run_id}/record").content)
    served = b"".join(client.get(f"/api/v1/entries/{entry.pk}/trace").streaming_content)
    (tmp_path / "trace.parquet").write_bytes(served)
    from measurement.__main__ import main

    assert main(["recompute", str(tmp_path)]) == 0

    tasks.thin_traces()  # nothing more to do, tonight and any other night
    assert files() == {full, thinned}
    later(days=8)
    tasks.thin_traces()
    assert files() == {thinned}
    tasks.thin_traces()
    assert (files(), Attempt.objects.get().trace.name) == ({thinned}, thinned)
    assert LogLine.objects.filter(action="thin").count() == 1


@at_once
def test_what_may_be_disputed_and_what_is_young_stays_full(verified, settings, alice):
    attempt = verified()
    full = attempt.trace.name
    measured = Measurement(sha256="a" * 64, submitter=alice, hardware="Their CPU", record={}, figures={})
    measured.trace.save("measured.parquet", ContentFile(b"PAR1"))

    def stays() -> None:
        tasks.thin_traces()
        assert files() == {full, measured.trace.name}
        assert not ThinnedTrace.objects.exists()

    Attempt.objects.update(ended_at=clock.now() - timedelta(days=89))
    stays()
    Attempt.objects.update(ended_at=clock.now() - OLD)
    settings.TRACE_FULL_DAYS = 0
    stays()
    settings.TRACE_FULL_DAYS = 90
    run = Run.objects.get()
    Run.objects.update(held_for=["throttled"])
    stays()
    Run.objects.update(held_for=[])
    again = services.rerun(run, by=None)  # such as an audit that is under way
    stays()
    services.fail(services.claim(again.pk, "worker"), "the disk was full")
    tasks.thin_traces()
    assert ThinnedTrace.objects.get().at is not None
    assert Measurement.objects.get().trace.name in files()  # nobody else's meter has seen it: never thinned


def test_a_thinned_trace_is_no_evidence_of_one_s_own(measured, as_a_child_left_it, alice):
    """Who sends a measurement has the full trace: what it was thinned from can't be checked."""
    files = [(measured / name).read_bytes() for name in ("record.json", "thinned.parquet")]
    with pytest.raises(services.Invalid, match="is not this record's"):
        services.take_measurement(*files, alice)


@at_once
def test_the_page_that_compares_runs_says_which_trace_was_thinned(verified, client):
    first, second = verified(), verified()
    tasks.thin_traces()
    ThinnedTrace.objects.get(attempt=second).delete()
    page = client.get(reverse("runs-compare"), {"run": [first.run_id, second.run_id]}).content.decode()
    assert f"Run {first.run_id}: The power trace was thinned on" in page
    assert f"Run {second.run_id}: The power trace" not in page


@at_once
def test_a_result_that_is_held_meanwhile_keeps_its_full_trace(verified, monkeypatch):
    full = verified().trace.name
    store = thinning._store

    def hold_then_store(*args):
        Run.objects.update(held_for=["throttled"])
        store(*args)

    monkeypatch.setattr(thinning, "_store", hold_then_store)
    tasks.thin_traces()
    assert files() == {full}
    assert not ThinnedTrace.objects.exists()


@at_once
@pytest.mark.parametrize("disputed", ["held", "measured again"])
def test_a_result_that_is_disputed_within_the_week_keeps_its_full_file(verified, disputed):
    full = verified().trace.name
    tasks.thin_traces()
    run = Run.objects.get()
    if disputed == "held":
        Run.objects.update(held_for=["throttled"])
    else:
        again = services.rerun(run, by=None)
    later(days=8)
    tasks.thin_traces()
    assert "0 full files removed" in thin_traces("--remove-full")
    assert full in files()
    if disputed == "held":
        Run.objects.update(held_for=[])
    else:
        services.fail(services.claim(again.pk, "worker"), "the disk was full")
    tasks.thin_traces()
    assert full not in files()


@at_once
def test_a_full_file_that_can_t_be_removed_holds_up_no_other(verified, monkeypatch):
    verified()
    tasks.thin_traces()
    later(days=8)
    verified()

    def refuses(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(default_storage._wrapped), "delete", refuses)
    tasks.thin_traces()
    assert ThinnedTrace.objects.exclude(at=None).count() == 2


class Killed(BaseException):
    """As a process ends that is killed: nothing of its own runs any more."""


def killed_at(monkeypatch, name: str, *, after: bool) -> None:
    """Let the process be killed before or after a step of its work."""
    step = getattr(thinning, name)

    def dies(*args, **options):
        if after:
            step(*args, **options)
        raise Killed

    monkeypatch.setattr(thinning, name, dies)
    monkeypatch.setattr(thinning, "_abandon", lambda *_: None)


@at_once
@pytest.mark.parametrize(
    ("step", "after"), [("thinned_file", False), ("_store", False), ("_store", True), ("_put_in_place", True)]
)
def test_a_process_that_is_killed_loses_nothing(verified, monkeypatch, step, after):
    full = verified().trace.name
    with monkeypatch.context() as patch:
        killed_at(patch, step, after=after)
        with pytest.raises(Killed):
            tasks.thin_traces()
    named = Attempt.objects.get().trace.name
    assert {full, named} <= files()
    tasks.thin_traces()  # the next minute: it may be another's, which is still at it
    assert Attempt.objects.get().trace.name == named
    later(days=0.05)
    tasks.thin_traces()  # the next hour
    row = ThinnedTrace.objects.get()
    assert row.at is not None
    assert files() == {full, row.file}
    assert Attempt.objects.get().trace.name == row.file
    later(days=8)
    tasks.thin_traces()
    assert files() == {row.file}


@at_once
def test_a_full_disk_leaves_the_trace_as_it_was(verified, monkeypatch):
    full = verified().trace.name

    def fails(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(default_storage._wrapped), "_save", fails)
        with pytest.raises(CommandError, match="could not be read or written"):
            thin_traces()
    assert files() == {full}
    assert not ThinnedTrace.objects.exists()
    assert "1 traces thinned" in thin_traces()


@at_once
def test_a_storage_that_keeps_something_else_is_noticed(verified, monkeypatch):
    full = verified().trace.name
    save = type(default_storage._wrapped)._save
    with monkeypatch.context() as patch:
        patch.setattr(
            type(default_storage._wrapped), "_save", lambda self, name, _: save(self, name, ContentFile(b"PAR1"))
        )
        tasks.thin_traces()
    assert (files(), Attempt.objects.get().trace.name) == ({full}, full)


@at_once
def test_two_at_once_thin_a_trace_once(verified, monkeypatch):
    attempt = verified()
    full, thinned_file = attempt.trace.name, thinning.thinned_file
    outcomes = []

    def other_first(attempt):
        if not outcomes:
            outcomes.append("begun")
            outcomes.append(thinning.thin(Attempt.objects.get()))  # another process, in the midst of this one
        return thinned_file(attempt)

    monkeypatch.setattr(thinning, "thinned_file", other_first)
    assert thinning.thin(attempt) is not None
    assert outcomes == ["begun", None]
    assert files() == {full, ThinnedTrace.objects.get().file}
    assert LogLine.objects.filter(action="thin").count() == 1


@at_once
def test_one_that_was_taken_for_dead_changes_nothing(verified, monkeypatch):
    """It slept for hours; another has done its work, and its own file goes."""
    attempt = verified()
    full, put = attempt.trace.name, thinning._put_in_place

    def sleeps(*args):
        monkeypatch.setattr(thinning, "_put_in_place", put)
        later(days=0.05)
        tasks.thin_traces()
        return put(*args)

    monkeypatch.setattr(thinning, "_put_in_place", sleeps)
    assert thinning.thin(attempt) is None
    row = ThinnedTrace.objects.get()
    assert (Attempt.objects.get().trace.name, files()) == (row.file, {full, row.file})


@at_once
def test_a_full_file_stays_while_the_thinned_one_is_not_there(verified):
    full = verified().trace.name
    tasks.thin_traces()
    default_storage.delete(ThinnedTrace.objects.get().file)
    assert "0 full files removed" in thin_traces("--remove-full")
    assert files() == {full}


def test_what_can_t_be_thinned_is_noted_once(verified, admin_client):
    attempt = verified()
    with default_storage.open(attempt.trace.name, "wb") as file:
        file.write(b"PAR1 is no trace")
    said = thin_traces()
    assert "0 traces thinned, 1 stay full" in said
    assert "is no trace of the meter" in ThinnedTrace.objects.get().reason
    assert "trace.parquet: is" in ThinnedTrace.objects.get().reason  # without the folder of a process
    assert "0 traces thinned, 0 stay full" in thin_traces()
    page = admin_client.get(reverse("admin:leaderboard_attempt_change", args=[attempt.pk])).content.decode()
    assert "Stays full: trace.parquet: is no trace of the meter" in page
    with pytest.raises(CommandError, match="must be at least 1"):
        thin_traces("--days", "0")


@at_once
def test_what_stayed_full_is_tried_again_after_a_month(verified):
    attempt = verified()
    root = Path(default_storage.location)
    away = root.rename(root.with_name("away"))  # such as a disk that is not mounted
    tasks.thin_traces()
    away.rename(root)
    assert ThinnedTrace.objects.get().reason == "its file is missing in the storage"
    later(days=29)
    tasks.thin_traces()
    assert ThinnedTrace.objects.get().at is None
    later(days=2)
    tasks.thin_traces()
    assert ThinnedTrace.objects.get(attempt=attempt).at is not None


@at_once
def test_the_command_removes_full_files_at_once_if_asked(verified):
    verified()
    assert "1 full files removed" in thin_traces("--days", "30", "--remove-full")
    assert files() == {Attempt.objects.get().trace.name}


@at_once
def test_a_backup_has_the_thinned_trace_and_is_restored(verified, settings, tmp_path, monkeypatch):
    find_programs_of_the_server(monkeypatch)
    settle(settings, tmp_path / "data")
    verified()
    tasks.thin_traces()
    row = ThinnedTrace.objects.get()
    call_command("backup", str(tmp_path / "copy"), stdout=io.StringIO())
    copied = {path.name for path in (tmp_path / "copy" / "files").rglob("*.parquet")}
    assert copied == {Path(row.file).name}  # the full file, which no result names any more, is not in it
    settle(settings, tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    call_command("restore", str(tmp_path / "copy"), "--replace", stdout=io.StringIO())
    assert ThinnedTrace.objects.get().samples == row.samples
    later(days=8)
    tasks.thin_traces()  # the full file is not here; the thinned one is
    assert files() == {row.file}
    assert ThinnedTrace.objects.get().full_file == ""


@at_once
def test_a_thinned_trace_moves_to_another_site(verified, tmp_path, client):
    verified()
    full_export = moving.export(tmp_path / "full")
    tasks.thin_traces()
    thinned_export = moving.export(tmp_path / "thinned")
    # One trace, thinned or not: what arrives again is there already.
    assert "attempts: 0 added, 1 there already" in moving.enter(full_export)
    ThinnedTrace.objects.all().delete()
    moving.empty()
    moving.enter(full_export)
    assert not ThinnedTrace.objects.exists()
    assert "attempts: 0 added, 1 there already" in moving.enter(thinned_export)
    moving.empty()
    moving.enter(thinned_export)
    row = ThinnedTrace.objects.get()
    assert row.file == Attempt.objects.get().trace.name
    assert row.sha256_before == Attempt.objects.get().record["trace_sha256"]
    entry = Entry.objects.first()
    assert client.get(f"/api/v1/entries/{entry.pk}").json()["trace_thinned"]["samples"] == row.samples
    said = json.loads((thinned_export / "attempts.jsonl").read_text().splitlines()[0])["trace"]
    assert (thinned_export / said).stat().st_size == default_storage.size(row.file)
