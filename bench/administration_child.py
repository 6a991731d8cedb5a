"""Helpers of `bench.administration` on the site of DATA_ROOT: a full queue, a long past, a long log, and requests."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from datetime import timedelta
from typing import Any

QUEUED, FINISHED, LINES = 20_000, 100_000, 100_000
OWN = 10_000
BATCH = 2_000
PEOPLE, RECIPES, MONTHS = 200, 400, 14
STATES = ("succeeded",) * 8 + ("failed", "cancelled")


def fill(queued: int = QUEUED, finished: int = FINISHED, lines: int = LINES, own: int = OWN) -> None:
    """Queued and finished runs on four kinds of hardware with their attempts, lines of the log, one person's own."""
    from django.contrib.auth.models import User
    from django.db import connection, transaction
    from django.utils import timezone

    from leaderboard import models
    from leaderboard.services.spent import count_spent

    chance, now = random.Random(14), timezone.now()
    with transaction.atomic():
        User.objects.create_superuser("administrator")
        people = User.objects.bulk_create([User(username=f"person{number}") for number in range(PEOPLE)])
        hardware = [
            models.Hardware.objects.create(slug=f"card-{number}", name=f"Card {number}", kind="cuda")
            for number in range(4)
        ]
        workers = [
            models.Worker.objects.create(name=f"cuda-0@box{number}", hardware=one, device="cuda:0", **_seen(now))
            for number, one in enumerate(hardware * 3)
        ]
        recipes = _recipes(models)
        asked = [
            (chance.choice(people), chance.choice(recipes), chance.choice(hardware))
            for _ in range((queued + finished) // 4 + 1)
        ]
        submissions = models.Submission.objects.bulk_create(
            [models.Submission(submitter=who, recipe=what, hardware=where) for who, what, where in asked], BATCH
        )
        waiting = [_queued(models, chance, now, chance.choice(submissions), number) for number in range(queued)]
        ended = [_finished(models, chance, now, chance.choice(submissions)) for _ in range(finished)]
        runs = models.Run.objects.bulk_create(waiting + ended, BATCH)
        attempts = [
            _attempt(models, chance, run, number, chance.choice(workers))
            for run in runs[queued:]
            for number in range(1, run.attempt + 1)
        ]
        models.Attempt.objects.bulk_create(attempts, BATCH)
        models.LogLine.objects.bulk_create(_lines(models, chance, people, runs, lines), BATCH)
        count_spent()
    _fill_own(models, User.objects.get(username="administrator"), own)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as autovacuum does in a site's first minutes


def _fill_own(models: Any, person: Any, number: int) -> None:
    """Submissions of one person, each with its run and its entry on one board."""
    from bench import page_board

    page_board.fill(number, 1, "Full")
    runs = list(models.Run.objects.filter(hardware__slug="full").order_by("pk"))
    submissions = [
        models.Submission(submitter=person, recipe_id=run.recipe_id, hardware_id=run.hardware_id) for run in runs
    ]
    for run, submission in zip(runs, models.Submission.objects.bulk_create(submissions, BATCH), strict=True):
        run.submission = submission
    models.Run.objects.bulk_update(runs, ["submission"], BATCH)


def _seen(now: Any) -> dict[str, Any]:
    return {"started_at": now, "seen_at": now, "diagnosis": {"devices": []}}


def _recipes(models: Any) -> list[Any]:
    methods = models.Method.objects.bulk_create(
        [models.Method(title=f"Method {number}", family="compact") for number in range(RECIPES)]
    )
    works = models.Work.objects.bulk_create([models.Work(sha256=f"{number:064x}") for number in range(RECIPES)])
    pairs = zip(methods, works, strict=True)
    document = {"model": {"architecture": "resnet18"}, "seed": 0, "phases": [{"phase": "train"}] * 5}
    return models.Recipe.objects.bulk_create(
        [
            models.Recipe(sha256=work.sha256, work=work, method=method, track="digits", document=document)
            for method, work in pairs
        ]
    )


def _run(models: Any, submission: Any, **fields: Any) -> Any:
    return models.Run(
        submission=submission,
        recipe_id=submission.recipe_id,
        hardware_id=submission.hardware_id,
        requested_by_id=submission.submitter_id,
        **fields,
    )


def _queued(models: Any, chance: random.Random, now: Any, submission: Any, number: int) -> Any:
    progress = {"phase": "train", "position": 0, "fraction": 0.4, "steps": ["train"], "ended": []}
    is_running = number < 10
    return _run(
        models,
        submission,
        state="running" if is_running else "queued",
        attempt=int(is_running),
        progress=progress if is_running else {},
        queued_at=now - timedelta(seconds=number),
        turn=number // PEOPLE,
        priority=chance.choice([1, 1, 1, 2, 3]),
    )


def _finished(models: Any, chance: random.Random, now: Any, submission: Any) -> Any:
    began = now - timedelta(days=30 * MONTHS * chance.random())
    state = chance.choice(STATES)
    progress = {"phase": "inference", "position": 4, "fraction": 1.0, "steps": ["train"] * 5, "ended": [{}] * 5}
    return _run(
        models,
        submission,
        state=state,
        attempt=chance.choice([1, 1, 1, 1, 2]),
        progress=progress,
        queued_at=began,
        started_at=began,
        finished_at=began + timedelta(hours=1),
        reason="Over budget." if state == "failed" else "",
        held_for=["throttled"] if chance.random() < 0.02 else [],
        turn=0,
        priority=1,
    )


def _attempt(models: Any, chance: random.Random, run: Any, number: int, worker: Any) -> Any:
    is_last = number == run.attempt
    return models.Attempt(
        run=run,
        number=number,
        worker=worker.name,
        started_at=run.started_at,
        ended_at=run.finished_at,
        outcome=run.state if is_last else "lost",
        spent_energy_j=chance.uniform(1e4, 1e6),
        spent_time_s=3600.0,
        spent_provenance="metered",
    )


def _lines(models: Any, chance: random.Random, people: list[Any], runs: list[Any], number: int) -> list[Any]:
    return [
        models.LogLine(
            actor=chance.choice(people).username if chance.random() < 0.8 else "system",
            action=chance.choice(["submit", "rerun", "cancel", "hold", "release", "audit"]),
            object_type="run",
            object_id=str(chance.choice(runs).pk),
            object_name=f"Run {position}",
            reason="its fan stood still",
        )
        for position in range(number)
    ]


def ask(addresses: list[str], times: int) -> dict[str, dict[str, float]]:
    """Of each address, as an administrator, through all of Django in a process that is prepared as the web's are.

    Seconds of the clock, the first and the median; of this process's processor; and queries.
    """
    from django.contrib.auth.models import User
    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from leaderboard.serving.preparing import prepare

    prepare(WSGIHandler(), lambda: None)
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username="administrator"))
    found = {}
    for address in addresses:
        walls, processors, queries = [], [], 0
        for _ in range(times + 1):  # the first one loads templates
            started, busy = time.perf_counter(), time.process_time()
            with CaptureQueriesContext(connection) as seen:
                answer = client.get(address)
            processors.append(time.process_time() - busy)
            walls.append(time.perf_counter() - started)
            queries = len(seen)
            assert answer.status_code == 200, (address, answer.status_code)
        found[address] = {
            "first_s": walls[0],
            "wall_s": statistics.median(walls[1:]),
            "processor_s": statistics.median(processors[1:]),
            "queries": queries,
        }
    return found


def main(words: list[str]) -> None:
    import django

    django.setup()
    if words[0] == "fill":
        fill()
    else:
        print(json.dumps(ask(json.load(sys.stdin), int(words[1]))))


if __name__ == "__main__":
    main(sys.argv[1:])
