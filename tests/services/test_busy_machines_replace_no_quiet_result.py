"""A result that other work disturbed is held; one that it may have changed is published only if nothing better is.

What is published of a busy machine is marked on the board, in the API and in downloads.
"""

import importlib
from pathlib import Path

import pytest
from django.apps import apps

from leaderboard import migrations, services
from leaderboard.models import Entry
from measurement.vocabulary import Flag, Phase
from tests.pages.reading import rows
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db

BUSY = (Flag.BUSY_MACHINE,)
OVERLOADED = (Flag.BUSY_MACHINE, Flag.OVERLOADED_MACHINE)


@pytest.fixture
def measure(hardware, administrator):
    """Verify one recipe again and again: the newest run with the flags asked for, held for or shown."""
    recipe = make_recipe()
    submission, _ = services.submit(recipe, hardware=hardware, submitter=None)
    runs = [submission.runs.get()]

    def _measure(*flags, of=Phase.INFERENCE):
        run = runs[-1]
        record = make_record(recipe, hardware=hardware.name)
        phases = [phase.model_copy(update={"flags": flags if phase.phase == of else ()}) for phase in record.phases]
        text = record.model_copy(update={"phases": tuple(phases)}).model_dump_json().encode()
        assert services.record(services.claim(run.pk, "worker"), text)
        run.refresh_from_db()
        runs.append(services.rerun(run, by=administrator))
        return run

    return _measure


def shown():
    return set(Entry.objects.values_list("run", flat=True))


def counting():
    """The runs that the entries are the mean of."""
    return {tuple(repeats["runs"]) for repeats in Entry.objects.values_list("repeats", flat=True)}


def test_a_first_result_of_a_busy_machine_is_shown_until_a_quiet_one_replaces_it(measure):
    first = measure(*BUSY)
    assert (first.held_for, shown()) == ([], {first.pk})
    quiet = measure()
    assert shown() == {quiet.pk}
    first.refresh_from_db()
    assert (first.held_for, counting()) == (["busy_machine"], {(quiet.pk,)})


@pytest.mark.parametrize("phase", [Phase.TRAIN, Phase.INFERENCE])
def test_a_result_of_a_busy_machine_replaces_no_quiet_one_until_a_person_says_so(measure, phase):
    quiet = measure()
    busy = measure(*BUSY, of=phase)
    assert (busy.held_for, shown()) == (["busy_machine"], {quiet.pk})
    services.release_hold(busy)
    assert counting() == {(busy.pk, quiet.pk)}
    again = measure()
    assert counting() == {(again.pk, busy.pk, quiet.pk)}


@pytest.mark.parametrize("flags", [OVERLOADED, (Flag.REFERENCE_DRIFT,)])
def test_a_result_that_other_work_disturbed_is_held(measure, flags):
    run = measure(*flags)
    assert run.held_for == [str(flags[-1])]
    assert not Entry.objects.exists()


def test_the_evaluation_and_the_kernel_s_share_hold_nothing(measure):
    assert measure(*OVERLOADED, of=Phase.EVALUATE).held_for == []
    run = measure(Flag.KERNEL_TIME)
    assert (run.held_for, shown()) == ([], {run.pk})


def test_an_operator_whose_machines_are_always_busy_can_publish_all_the_same(measure, settings):
    settings.HOLD_BUSY_RESULTS = False
    measure()
    run = measure(*OVERLOADED)
    assert (run.held_for, shown()) == ([], {run.pk})


@pytest.mark.parametrize(
    ("phase", "is_marked"), [(Phase.TRAIN, True), (Phase.INFERENCE, True), (Phase.EVALUATE, False)]
)
def test_what_a_busy_machine_may_have_changed_is_marked(measure, client, phase, is_marked):
    measure(*BUSY, of=phase)
    marked = {entry.pk for entry in Entry.objects.filter(busy_machine=True)}
    assert marked == ({entry.pk for entry in Entry.objects.all()} if is_marked else set())
    (line,) = rows(client.get("/", {"min_quality": "0"}))
    assert line["busy"] == ("busy machine" if is_marked else "")
    (answer,) = client.get("/api/v1/leaderboard", {"min_quality": "0"}).json()["results"]
    assert answer["busy_machine"] == is_marked
    assert client.get("/api/v1/leaderboard/snapshot").json()["columns"]["busy_machine"] == [is_marked]

    # An entry of an earlier version has its mark after the migration.
    Entry.objects.update(busy_machine=False)
    (name,) = (path.stem for path in Path(migrations.__file__).parent.glob("*_entry_busy_machine.py"))
    importlib.import_module(f"leaderboard.migrations.{name}").find_busy(apps, None)
    assert {entry.pk for entry in Entry.objects.filter(busy_machine=True)} == marked


def test_a_mean_with_one_result_of_a_busy_machine_is_marked(hardware, administrator, settings):
    settings.HOLD_BUSY_RESULTS = False
    for seed, flags in enumerate([(), BUSY]):
        recipe = make_recipe(seed=seed)
        submission, _ = services.submit(recipe, hardware=hardware, submitter=administrator)
        record = make_record(recipe, hardware=hardware.name)
        phases = tuple(phase.model_copy(update={"flags": flags}) for phase in record.phases)
        text = record.model_copy(update={"phases": phases}).model_dump_json().encode()
        assert services.record(services.claim(submission.runs.get().pk, "worker"), text)
        assert set(Entry.objects.values_list("results", "busy_machine")) == {(1 + seed, bool(flags))}
