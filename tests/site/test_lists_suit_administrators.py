"""The lists of administrators: columns in words, filters, and a number of queries that no length changes."""

from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.db import connection
from django.db.models import JSONField
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bench import administration
from bench.administration_child import fill
from leaderboard import models, services
from measurement.vocabulary import Flag
from tests.factories import EntryFactory, ReferenceFactory
from tests.pages.reading import text
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db
RUNS = "admin:leaderboard_run_changelist"


@pytest.fixture
def office(client, administrator):
    client.force_login(administrator)
    return client


def queries_of(client, address):
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def test_a_longer_site_asks_no_more_queries(office):
    fill(queued=3, finished=6, lines=3, own=6)
    pages = {name: address for name, address in administration.PAGES.items() if "page=" not in address}
    before = {name: queries_of(office, address) for name, address in pages.items()}
    more()
    assert {name: queries_of(office, address) for name, address in pages.items()} == before


def more():
    """Each kind of object thrice over."""
    for run in list(models.Run.objects.prefetch_related("attempts")):
        for _ in range(3):
            attempts = list(run.attempts.all())
            run.pk = None
            run._state.adding = True
            run.save()
            for attempt in attempts:
                attempt.pk, attempt.run = None, run
                attempt._state.adding = True
                attempt.save()
            services.write_log("hold", run, by=None, reason="again")


def test_the_list_of_runs_has_what_decides(office, hardware, alice, administrator):
    held, _ = verify(make_recipe("Held"), hardware, alice, flags=(Flag.THROTTLED,))
    by_hand, _ = verify(make_recipe("By hand", epochs=2), hardware, alice)
    services.hold(by_hand, by=administrator, reason="its fan stood still")
    running = services.submit(make_recipe("Runs", epochs=3), hardware=hardware, submitter=alice)[0].runs.get()
    claim = services.claim(running.pk, "a-worker")
    spent = {"energy_j": 7200.0, "time_s": 4.0, "provenance": "metered"}
    position = {"phase": "train", "fraction": 0.4, "position": 0, "steps": ["train", "evaluate"]}
    services.report_progress(claim, position | {"spent": spent})
    models.Run.objects.filter(pk=held.pk).update(started_at=timezone.now() - timedelta(hours=2, seconds=30))
    page = text(office.get(reverse(RUNS))).replace("\N{NO-BREAK SPACE}", " ")
    assert "train, 40 %, step 1 of 2" in page
    assert "≥ 2.00 Wh" in page
    assert "a-worker" in page
    assert "33.6 mWh, estimated" in page
    assert "2 h 0 min" in page
    assert "taken down by an administrator: its fan stood still" in page
    queue = text(office.get("/queue/")).replace("\N{NO-BREAK SPACE}", " ")
    assert "train, 40 %, step 1 of 2" in queue
    assert "held for review: taken down by an administrator: its fan stood still" in queue
    assert "33.6 mWh, estimated" in queue

    def listed(**filters):
        answer = office.get(reverse(RUNS), filters)
        return {run.pk for run in answer.context["cl"].result_list}

    assert listed(held="any") == {held.pk, by_hand.pk}
    assert listed(held="throttled") == {held.pk}
    assert listed(held="audit_drifted") == set()
    models.Worker.objects.create(
        name="a-worker", hardware=hardware, device="cpu", started_at=timezone.now(), seen_at=timezone.now()
    )
    assert listed(worker="a-worker") == {running.pk}
    services.release_hold(models.Run.objects.get(pk=by_hand.pk), by=administrator)
    assert listed(held="any") == {held.pk}


def test_submissions_are_found_by_the_state_of_their_newest_run(office, hardware, alice, administrator):
    done, _ = verify(make_recipe(), hardware, alice)
    again, _ = verify(make_recipe(epochs=2), hardware, alice)
    services.rerun(again, by=administrator)

    def listed(**filters):
        answer = office.get(reverse("admin:leaderboard_submission_changelist"), filters)
        return [submission.pk for submission in answer.context["cl"].result_list]

    assert listed(state="succeeded") == [done.submission_id]
    assert listed(state="queued") == [again.submission_id]
    assert listed(recipe__track="cifar10") == []
    assert "queued" in text(office.get(reverse("admin:leaderboard_submission_changelist")))


def test_no_page_shows_json(office, hardware, alice, administrator):
    """Neither braces and brackets of what is stored, nor a field to type them into."""
    run, _ = verify(make_recipe(), hardware, alice, flags=(Flag.THROTTLED,))
    services.release_hold(run, by=administrator, reason="fine")
    EntryFactory()
    ReferenceFactory(flags=["busy_machine"])
    models.Worker.objects.update(diagnosis={"devices": [], "tracks": []})
    models.Method.objects.update(authors=["Ann", "Bob"])
    for model in site._registry:
        stored = [field.name for field in model._meta.get_fields() if isinstance(field, JSONField)]
        found = model._default_manager.order_by("pk").first()
        if not stored or found is None:
            continue
        names = f"{model._meta.app_label}_{model._meta.model_name}"
        for address in (reverse(f"admin:{names}_change", args=[found.pk]), reverse(f"admin:{names}_changelist")):
            shown = text(office.get(address))
            for name in stored:
                value = str(getattr(found, name))
                assert value not in shown or value in ("[]", "{}"), (address, name)
            assert '{"' not in shown, address
            assert "['" not in shown, address


def test_authors_are_typed_a_line_each(office, hardware, alice):
    verify(make_recipe(), hardware, alice)
    method = models.Method.objects.get()
    address = reverse("admin:leaderboard_method_change", args=[method.pk])
    office.post(address, {"title": method.title, "family": "compact", "authors": " Ann Lee \n\nBob\n"})
    method.refresh_from_db()
    assert method.authors == ["Ann Lee", "Bob"]
    assert "Ann Lee\nBob" in office.get(address).content.decode()


def test_the_log_is_downloaded_as_it_is_filtered(office, hardware, alice, administrator):
    run, _ = verify(make_recipe(), hardware, alice)
    services.hold(run, by=administrator, reason="its fan stood still")
    page = reverse("admin:leaderboard_logline_changelist")
    for filters, lines in (
        ({}, 2),
        ({"action__exact": "hold"}, 1),
        ({"object_type": "submission"}, 1),
        ({"q": "fan stood"}, 1),
        ({"q": "nothing of this"}, 0),
        ({"at__gte": "2001-01-01 00:00:00+00:00", "at__lt": "2001-02-01 00:00:00+00:00"}, 0),
    ):
        answer = office.get(page, filters)
        assert answer.context["cl"].result_count == lines
        for suffix, extra in (("csv", 1), ("jsonl", 0)):
            address = answer.content.decode().partition(f"log.{suffix}")[2].partition('"')[0].replace("&amp;", "&")
            got = b"".join(office.get(f"/api/v1/log.{suffix}{address}").streaming_content).decode()
            assert len(got.splitlines()) == lines + extra, (filters, address)
