"""Runs, submissions, the queue, attempts and their figures, workers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.fields.files import FieldFile
from django.db.models.functions import Now

from leaderboard import routing
from leaderboard.domain.runstate import ACTIVE, RunState
from leaderboard.models import (
    Attempt,
    Entry,
    Hardware,
    PhaseEnergy,
    PublishedResult,
    Run,
    Submission,
    Worker,
)
from leaderboard.queries.privacy import visible

WORKER_SILENT_AFTER = timedelta(seconds=60)


class RunQuerySet(QuerySet[Run]):
    """Runs."""

    def queued(self) -> RunQuerySet:
        """Waiting for a worker, in the order in which those of one hardware are done."""
        return self.filter(state=RunState.QUEUED).order_by(*routing.LINE)

    def with_routing(self) -> RunQuerySet:
        """With the fields that choose their Celery queue; recipes without their documents."""
        return self.select_related("hardware", "recipe").defer("recipe__document")

    def active(self) -> RunQuerySet:
        """Queued or running."""
        return self.filter(state__in=ACTIVE)

    def due_for_notification(self) -> RunQuerySet:
        """Queued, and workers were not notified of them within the last minute."""
        a_minute_ago = Now() - timedelta(seconds=60)
        return self.queued().filter(Q(notified_at__isnull=True) | Q(notified_at__lt=a_minute_ago))

    def with_names(self) -> RunQuerySet:
        """With the fields of a list's line; recipes without their documents, which no list shows."""
        return self.select_related("recipe__method", "hardware", "submission").defer("recipe__document")


def every_run() -> RunQuerySet:
    """All runs, whoever reads: for the line and its workers, and for the runs of what was found already."""
    return RunQuerySet(Run)


def runs() -> RunQuerySet:
    """The runs that who reads now may see."""
    return every_run().filter(visible("recipe__private_to"))


def every_submission() -> QuerySet[Submission]:
    """All submissions with what their pages show."""
    return Submission.objects.select_related("recipe__method", "hardware", "submitter")


def submissions() -> QuerySet[Submission]:
    """Those that who reads now may see."""
    return every_submission().filter(visible("recipe__private_to"))


def current_run(submission: Submission) -> Run | None:
    """The newest run of a submission: of its own, not of others that ask for the same recipe on its hardware."""
    return every_run().filter(submission=submission).with_names().order_by("-pk").first()


def is_active(submission: UUID) -> bool:
    """Whether a run of the submission of this number is queued or running."""
    return every_run().active().filter(submission=submission).exists()


def earlier_result(run: Run) -> int | None:
    """The newest other run of the same work on the same hardware that left a result; None if there is none."""
    others = every_run().filter(recipe__work=run.recipe.work_id, hardware=run.hardware_id, state=RunState.SUCCEEDED)
    return others.exclude(pk=run.pk).order_by("-pk").values_list("pk", flat=True).first()


def runs_by_state() -> dict[str, int]:
    """How many runs are in each state; states without runs are left out."""
    return {
        row["state"]: row["number"] for row in Run.objects.order_by().values("state").annotate(number=Count("pk"))
    }


def history(entry: Entry) -> QuerySet[Run]:
    """Every run of an entry's work on its hardware with attempts (without their records), the newest first."""
    attempts = Prefetch(
        "attempts",
        Attempt.objects.select_related("thinned")
        .annotate(quality=F("record__quality"), hardware=F("record__hardware"))
        .defer("record"),
    )
    found = every_run().filter(recipe__work=entry.work_id, hardware=entry.board.hardware_id)
    return found.select_related("recipe", "submission__submitter").prefetch_related(attempts)


def figures_of_runs(entry: Entry) -> QuerySet[PhaseEnergy]:
    """What every attempt at an entry's work on its hardware measured, in its scope and scenario."""
    return (
        PhaseEnergy.objects.filter(
            attempt__run__recipe__work=entry.work_id,
            attempt__run__hardware=entry.board.hardware_id,
            scope=entry.board.scope,
            scenario__in=["", entry.board.scenario],
        )
        .select_related("attempt")
        .defer("attempt__record")
    )


def _attempts_that_measured(run: Run) -> QuerySet[Attempt]:
    """Attempts that left a record: the current one first if it did, then the last."""
    is_current = Case(When(number=run.attempt, then=0), default=1)
    return Attempt.objects.filter(run=run, record__isnull=False).order_by(is_current, "-number")


def attempt_of(run: Run) -> Attempt | None:
    """The attempt that a run's figures are from: the current one if it left a record, else the last that did."""
    return _attempts_that_measured(run).select_related("thinned").first()


def phases_of(run: Run) -> QuerySet[PhaseEnergy]:
    """The phases of the attempt that a run's figures are from, in order, in both scopes."""
    attempt = Subquery(_attempts_that_measured(run).values("pk")[:1])
    return PhaseEnergy.objects.filter(attempt=attempt).order_by("position", "scope")


def trace_of(run: Run) -> FieldFile | None:
    """The power trace of the attempt that a run's figures are from, None if there is none."""
    attempt = _attempts_that_measured(run).only("trace").first()
    return attempt.trace if attempt and attempt.trace else None


def traces_by_form() -> dict[str, int]:
    """How many power traces of runs are stored, full and thinned, and the bytes that thinning has saved."""
    of_thinned = Q(thinned__at__isnull=False)
    saved = F("thinned__bytes_before") - F("thinned__bytes")
    counted = Attempt.objects.exclude(trace="").aggregate(
        number=Count("pk"), of_thinned=Count("pk", filter=of_thinned), saved=Sum(saved)
    )
    thinned = counted["of_thinned"]
    return {"full": counted["number"] - thinned, "thinned": thinned, "saved": counted["saved"] or 0}


def record_of(run: Run) -> dict[str, Any] | None:
    """The record that a run's figures are from, as its worker wrote it; None if there is none."""
    return _attempts_that_measured(run).values_list("record", flat=True).first()


def workers() -> QuerySet[Worker]:
    """All workers that ever reported."""
    return Worker.objects.select_related("hardware", "reference")


def is_live() -> Q:
    """Of workers: seen within the last minute, by the database's clock."""
    return Q(seen_at__gte=Now() - WORKER_SILENT_AFTER)


def live_workers() -> QuerySet[Worker]:
    """Workers seen within the last minute, with how long they have been silent (`silent_for`)."""
    silent_for = ExpressionWrapper(Now() - F("seen_at"), output_field=DurationField())
    return workers().filter(is_live()).annotate(silent_for=silent_for)


def hardware_choices() -> QuerySet[Hardware]:
    """Hardware that a submission may ask for: not what only published figures name, since no worker has it."""
    published_only = Q(workers__isnull=True, boards__published_results__isnull=False)
    found = Hardware.objects.exclude(pk__in=Hardware.objects.filter(published_only).values("pk")).annotate(
        live_workers=Count("workers", filter=Q(workers__seen_at__gte=Now() - WORKER_SILENT_AFTER))
    )
    return found.order_by("name")  # counting drops the model's own order


def has_published() -> bool:
    """Whether a catalogue was ever imported."""
    return PublishedResult.objects.exists()


def is_empty() -> bool:
    """Whether nothing was ever submitted."""
    return not Submission.objects.exists() and not Run.objects.exists()
