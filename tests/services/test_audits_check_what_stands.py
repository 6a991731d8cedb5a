"""Nightly audits: what they queue and when, what their results do, and that a drift holds the entry until a person
has decided."""

from datetime import date, timedelta

import pytest
from django.db.models import F
from django.urls import reverse

from leaderboard import queries, services, tasks
from leaderboard.domain.audits import AT_RANDOM, LEAST_AGE_DAYS, MOST_WAITING, Chosen
from leaderboard.models import Action, Board, Delivery, Entry, Hardware, LogLine, Priority, Run, Worker
from leaderboard.services.drift import AUDIT_DRIFTED
from measurement.recipe import parse_recipe
from tests.factories import WorkerFactory
from tests.pages.reading import text
from tests.records import make_recipe, make_record
from tests.services.together import together
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(hardware):
    return WorkerFactory(hardware=hardware, name="worker")


@pytest.fixture
def works(hardware, alice):
    """Six works with two results each, some 2 % apart, all of them old enough."""
    for epochs in range(1, 7):
        first, _ = verify(make_recipe(f"Work {epochs}", epochs=epochs), hardware, alice, one_time_j=99.0 * epochs)
        again = services.rerun(first, by=None)
        measured(again, one_time_j=101.0 * epochs, per_image_j=0.0102)
    later(LEAST_AGE_DAYS + 1)
    return list(Run.objects.order_by("pk"))


def measured(run, **figures):
    record = make_record(parse_recipe(run.recipe.document), hardware=run.hardware.name, **figures)
    assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
    run.refresh_from_db()
    return run


def later(days):
    Run.objects.update(queued_at=F("queued_at") - timedelta(days=days))


def audits():
    return Run.objects.filter(is_audit=True)


def entry_of(run):
    return Entry.objects.get(work=run.recipe.work_id, board__scenario="offline", board__scope="accelerator")


def told(client, entry):
    """What the entry's page says of audits."""
    page = client.get(entry.get_absolute_url())
    words = dict(page.context["submitted"])["Audited"]
    assert words in text(page)
    return words


def test_a_night_audits_its_share_once(works, worker, settings):
    settings.AUDIT_SHARE = 0.5
    tasks.audit_nightly()
    assert 3 <= audits().count() <= MOST_WAITING
    assert {(run.priority, run.requested_by, run.mode) for run in audits()} == {(Priority.AUDIT, None, "full")}
    lines = LogLine.objects.filter(action=Action.AUDIT)
    assert {line.actor for line in lines} == {"system"}
    assert {line.details["run"] for line in lines} == {run.pk for run in audits()}
    before = set(audits())
    tasks.audit_nightly()
    assert set(audits()) == before


def test_it_is_off_at_zero_and_without_a_worker(works, hardware, settings):
    settings.AUDIT_SHARE = 1.0
    tasks.audit_nightly()
    assert not queries.auditable()
    paused = WorkerFactory(hardware=hardware, paused_for="repair")
    drifted = WorkerFactory(hardware=hardware, drifted_for="12 % slower")
    out = WorkerFactory(hardware=hardware, out_of_service="no disk")
    assert not queries.auditable()
    settings.AUDIT_SHARE = 0.0
    Worker.objects.filter(pk__in=[paused.pk, drifted.pk, out.pk]).update(
        paused_for="", drifted_for="", out_of_service=""
    )
    tasks.audit_nightly()
    assert not audits().exists()
    assert len(queries.auditable()) == 6
    settings.AUDIT_SHARE = 1.0
    tasks.audit_nightly()
    assert audits().count() == MOST_WAITING, "an earlier task of this night found nobody, so that it queued none"


def test_a_work_is_left_alone_for_a_while(works, worker, settings):
    settings.AUDIT_SHARE = 1.0
    assert {one.results for one in queries.auditable()} == {2}
    services.rerun(works[0], by=None)
    failed = services.rerun(works[2], by=None)
    services.fail(services.claim(failed.pk, "worker"), "its fan stood still")
    left = {one.work for one in queries.auditable()}
    assert left == {run.recipe.work_id for run in works[4:]}
    later(LEAST_AGE_DAYS + 1)
    assert {one.work for one in queries.auditable()} == {run.recipe.work_id for run in works[2:]}


def test_a_worker_needs_the_data(works, hardware):
    lacking = {"slug": "imagenet-1k", "lacks": "no images", "missing_packages": []}
    worker = WorkerFactory(hardware=hardware, diagnosis={"tracks": [lacking]})
    assert len(queries.auditable()) == 6, "the digits are bundled"
    Board.objects.update(track="imagenet-1k")
    assert not queries.auditable()
    worker.diagnosis = {"tracks": [lacking | {"lacks": ""}]}
    worker.save()
    assert len(queries.auditable()) == 6


@pytest.mark.django_db(transaction=True)
def test_two_tasks_of_one_night_queue_once(works, worker, settings):
    settings.AUDIT_SHARE = 1.0
    assert together(*[tasks.audit_nightly] * 3) == [None] * 3
    assert audits().count() == MOST_WAITING


def test_an_audit_sharpens_the_entry_and_the_page_says_when(works, worker, client, administrator):
    run, entry = works[0], entry_of(works[0])
    assert told(client, entry) == "not yet"
    new = services.audit(entry, by=administrator)
    assert told(client, entry) == "not yet; an audit is queued"
    measured(new, one_time_j=100.5, per_image_j=0.0101)
    answer = client.get(f"/api/v1/entries/{entry.pk}").json()
    assert (answer["results"], [run["audit"] for run in answer["runs"]]) == (3, [True, False, False])
    assert answer["last_audited_at"] is not None
    assert told(client, entry) == f"last on {new.finished_at:%Y-%m-%d}"
    assert entry_of(run).pk == entry.pk


def test_a_drift_holds_the_entry_with_the_reason(works, worker, client, administrator, hardware):
    entry = entry_of(works[0])
    new = measured(services.audit(entry, by=None), one_time_j=160.0, per_image_j=0.0101)
    assert new.held_for == [AUDIT_DRIFTED]
    assert not Entry.objects.filter(work=entry.work_id).exists()
    gone = client.get(entry.get_absolute_url())
    assert gone.status_code == 410
    said = text(gone)
    assert f"The audit (run {new.pk}) measured 60.0 % more energy of the other one-time phases (accelerator)" in said
    assert "An administrator decides which results count." in said
    lines = LogLine.objects.filter(actor="system", action=Action.HOLD)
    assert {line.object_id for line in lines} == {str(run.pk) for run in (*works[:2], new)}
    assert "A later audit disagrees" in text(client.get(new.submission.get_absolute_url()))
    told = Delivery.objects.filter(user=administrator, kind="administration").get()
    assert said.count(told.data["text"].partition("\n")[0]) == 1
    assert Delivery.objects.filter(user__username="alice", kind="held").count() == 2, "of each result that counted"
    # What the administrator believes counts again.
    for run in works[:2]:
        run.refresh_from_db()
        services.release_hold(run, by=administrator, reason="the audit's machine was at fault")
    assert entry_of(works[0]).results == 2


def test_what_chance_explains_is_let_pass(works, worker):
    entry = entry_of(works[0])
    new = measured(services.audit(entry, by=None), one_time_j=102.5, per_image_j=0.0099)
    assert (new.held_for, entry_of(works[0]).results) == ([], 3)


def test_one_result_without_a_pool_is_not_judged(hardware, worker, alice):
    run, _ = verify(make_recipe(), hardware, alice)
    new = measured(services.audit(entry_of(run), by=None), one_time_j=300.0, per_image_j=0.03)
    assert (new.held_for, entry_of(run).results) == ([], 2)


def test_another_device_may_differ_by_its_gain(works, worker):
    Entry.objects.update(device="abcd", gain_u95=0.05)
    entry = entry_of(works[0])
    new = measured(services.audit(entry, by=None), one_time_j=115.0, per_image_j=0.0101)
    assert new.held_for == []


def test_an_ordinary_re_run_is_not_held_for_a_difference(works):
    new = measured(services.rerun(works[0], by=None), one_time_j=160.0, per_image_j=0.0101)
    assert (new.held_for, entry_of(works[0]).results) == ([], 3)


def test_refusals(works, worker, administrator, hardware, alice):
    entry = entry_of(works[0])
    first = services.audit(entry, by=administrator)
    with pytest.raises(services.Refused, match=f"run {first.pk} of its work is already queued"):
        services.audit(entry, by=administrator)
    other = entry_of(works[2])
    services.withdraw(works[2].submission, by=alice)
    with pytest.raises(services.Refused, match="no submission left"):
        services.audit(other, by=administrator)
    chosen = Chosen(entry.work_id, hardware.pk, AT_RANDOM)
    assert services.audit_night(date(2026, 1, 1), [chosen]) == [], "what was chosen is no longer to be audited"


def test_an_administrator_audits_from_the_list(works, client, administrator):
    client.force_login(administrator)
    entry = entry_of(works[0])
    page = reverse("admin:leaderboard_entry_changelist")
    data = {"action": "audit", "_selected_action": [entry.pk], "reason": "looks low"}
    said = text(client.post(page, data, follow=True))
    assert f"queued as run {audits().get().pk}" in said
    line = LogLine.objects.get(action=Action.AUDIT)
    assert (line.actor, line.reason, line.object_id) == ("admin", "looks low", str(entry.pk))


def test_new_runs_go_first(works, worker, hardware, bob):
    audit = services.audit(entry_of(works[0]), by=None)
    new = services.submit(make_recipe(epochs=30), hardware=hardware, submitter=bob)[0].runs.get()
    assert list(queries.runs().queued()) == [new, audit]
    assert Hardware.objects.get(pk=hardware.pk).runs.filter(is_audit=True).count() == 1
