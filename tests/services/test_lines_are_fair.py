"""New runs go before re-runs, people alternate, an administrator moves a run to the front and pauses machines."""

import pytest
from django.urls import reverse

from leaderboard import queries, services
from leaderboard.models import LogLine, Priority, Run, Worker
from leaderboard.worker import follow
from leaderboard.worker.service import Service
from tests.factories import WorkerFactory
from tests.pages.reading import text
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db
WHY = "its fan is replaced"


@pytest.fixture
def asked(hardware):
    """Asks for a verification of another recipe each time."""
    epochs = iter(range(10, 100))

    def ask(person):
        return services.submit(make_recipe(epochs=next(epochs)), hardware=hardware, submitter=person)[0].runs.get()

    return ask


def line():
    return list(queries.runs().queued().values_list("pk", flat=True))


def taken(number):
    """The runs that one worker takes one after the other."""
    claims = [services.claim_next(line()[-1], "worker") for _ in range(number)]
    return [claim.run_id for claim in claims]


def test_new_runs_go_before_any_number_of_re_runs(hardware, alice, administrator, asked):
    ended = [verify(make_recipe(epochs=epochs), hardware, submitter=alice)[0] for epochs in (1, 2, 3)]
    again = [services.rerun(run, by=administrator) for run in ended]
    first, second = asked(alice), asked(alice)
    Run.objects.filter(pk=again[2].pk).update(priority=Priority.AUDIT, turn=0)
    assert line() == [first.pk, second.pk, *(run.pk for run in again)]
    assert [queries.ahead_in_queue(Run.objects.get(pk=pk)) for pk in line()] == [0, 1, 2, 3, 4]
    assert taken(2) == [first.pk, second.pk]
    third = asked(alice)
    assert taken(2) == [third.pk, again[0].pk]


def test_people_alternate_however_many_one_has_queued(alice, bob, asked):
    alices = [asked(alice).pk for _ in range(5)]
    bobs = [asked(bob).pk for _ in range(2)]
    assert line() == [alices[0], bobs[0], alices[1], bobs[1], *alices[2:]]
    assert taken(4) == line_of(alices, bobs)[:4]
    late = asked(bob).pk
    assert line() == [alices[2], late, *alices[3:]], "who has waited least waits no longer than one run of each other"


def line_of(alices, bobs):
    return [alices[0], bobs[0], alices[1], bobs[1]]


def test_an_administrator_moves_a_run_to_the_front(alice, administrator, asked):
    runs = [asked(alice) for _ in range(3)]
    services.move_to_front(runs[2], by=administrator, reason="a deadline")
    services.move_to_front(runs[1], by=administrator)
    assert line() == [runs[1].pk, runs[2].pk, runs[0].pk] or line() == [runs[2].pk, runs[1].pk, runs[0].pk]
    with pytest.raises(services.Refused, match="at the front already"):
        services.move_to_front(runs[2], by=administrator)
    assert LogLine.objects.filter(action="move", actor="admin").count() == 2


@pytest.mark.parametrize("which", ["hardware", "worker"])
def test_what_is_paused_begins_nothing_until_it_is_resumed(client, alice, administrator, asked, which):
    waiting = asked(alice)
    hardware = waiting.hardware
    worker = WorkerFactory(name="worker", hardware=hardware)
    of = {"hardware": hardware, "worker": worker}[which]
    with pytest.raises(services.Invalid):
        services.pause(of, by=administrator, reason=" ")
    services.pause(of, by=administrator, reason=WHY)
    with pytest.raises(services.Refused, match="paused already"):
        services.pause(of, by=administrator, reason=WHY)
    assert services.claim_next(waiting.pk, "worker") is services.claim(waiting.pk, "worker") is None
    assert services.why_paused("worker") == f"paused by an administrator: {WHY}"
    services.register_worker("worker", hardware=hardware, device="cpu", diagnosis={})
    assert services.why_paused("worker") == f"paused by an administrator: {WHY}", (
        "a worker that starts again is still paused"
    )
    services.worker_seen("worker", f"paused by an administrator: {WHY}")
    assert WHY in text(client.get(waiting.submission.get_absolute_url()))
    assert WHY in text(client.get(reverse("queue")))
    other = services.claim_next(waiting.pk, "another")
    assert (other is None) == (which == "hardware"), "another worker of the hardware goes on"
    services.resume(of, by=administrator)
    with pytest.raises(services.Refused, match="not paused"):
        services.resume(of, by=administrator)
    if which == "hardware":
        assert services.claim_next(waiting.pk, "worker") is not None
    assert list(LogLine.objects.filter(object_type=which).values_list("action", "reason").order_by("pk")) == [
        ("pause", WHY),
        ("resume", ""),
    ]


def test_a_paused_worker_says_so_and_goes_on_by_itself(hardware, alice, administrator, asked, monkeypatch):
    worker = WorkerFactory(name="worker", hardware=hardware)
    services.pause(worker, by=administrator, reason=WHY)
    said = []

    def look(*_):
        said.append(Worker.objects.get().out_of_service)
        services.resume(Worker.objects.get(), by=administrator)

    monkeypatch.setattr(follow.Termination, "wait", look)
    with follow.Termination() as termination:
        assert Service().begin("worker", termination)
    assert said == [f"paused by an administrator: {WHY}"]
    assert Worker.objects.get().out_of_service == ""
