"""The result of a run: checked, stored once, and published unless it is held for review."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from django.core.files import File
from django.db import Error, transaction
from django.db.models.fields.files import FieldFile
from django.db.models.functions import Now

from leaderboard.domain.runstate import RunState
from leaderboard.domain.spending import spent_in
from leaderboard.models import Action, Attempt, NoticeKind, PhaseEnergy, Run
from leaderboard.services.drift import hold_if_drifted
from leaderboard.services.log import write_log
from leaderboard.services.notices import tell_of_end, tell_of_run
from leaderboard.services.publication import lock_works, publish
from leaderboard.services.review import reasons_to_hold
from leaderboard.services.runs import Claim, end_attempt, move
from measurement.record import COUNTED_SOURCES, PhaseRecord, Record, parse_record

log = structlog.get_logger()


def record(claim: Claim, text: bytes, trace: Path | None = None) -> bool:
    """Validate a record and store it with its phases once, then publish it unless it is held for review.

    False if the run is no longer this worker's: nothing is stored then. Raises DocumentError for an invalid record,
    and ValueError for one of another recipe, hardware or mode.
    """
    parsed = parse_record(text)
    with _removed_on_error(claim) as kept, transaction.atomic():
        lock_works(Run.objects.filter(pk=claim.run_id).values_list("recipe__work", flat=True))
        moved = move(
            claim.run_id,
            RunState.RUNNING,
            RunState.SUCCEEDED,
            claim.token,
            finished_at=Now(),
            lease_expires_at=None,
            cancel_requested=False,
            reason="",
        )
        if not moved:
            return False
        run = Run.objects.select_related("recipe", "hardware", "submission__submitter").get(pk=claim.run_id)
        _check_is_of(parsed, run)
        run.held_for = reasons_to_hold(run, parsed)
        run.save(update_fields=["held_for"])
        stored = parsed.model_dump(mode="json")
        attempt = end_attempt(claim, "succeeded", record=stored, **_spent(run, stored))
        PhaseEnergy.objects.bulk_create(row for phase in parsed.phases for row in _phase_rows(attempt, phase))
        if trace is not None:
            with trace.open("rb") as file:
                attempt.trace.save(f"run-{run.pk}-{claim.token}.parquet", File(file), save=False)
            kept.append(attempt.trace)
            attempt.save(update_fields=["trace"])
        if run.held_for:
            line = write_log(Action.HOLD, run, by=None, held_for=run.held_for)
            tell_of_run(NoticeKind.HELD, run, event=line)
        elif not hold_if_drifted(run, parsed):
            tell_of_end(NoticeKind.VERIFIED, run, entries=publish(run))
    return True


def _spent(run: Run, record: dict[str, Any]) -> dict[str, Any]:
    """What the attempt has spent, as its fields; without what attempts that it resumed are known to have spent."""
    begun = [datetime.fromisoformat(lost["started_at"]) for lost in record["lost"]]
    before = [
        attempt.spent_energy_j
        for attempt in run.attempts.filter(spent_energy_j__isnull=False, ended_at__isnull=False).defer("record")
        if any(attempt.started_at <= at <= (attempt.ended_at or at) for at in begun)
    ]
    spent = spent_in(record, counted_before_j=math.fsum(energy_j or 0.0 for energy_j in before))
    return {
        "spent_energy_j": spent.energy_j,
        "spent_time_s": spent.time_s,
        "spent_provenance": str(spent.provenance),
    }


@contextmanager
def _removed_on_error(claim: Claim) -> Iterator[list[FieldFile]]:
    """Gives a list of files, which are removed if the block fails: no row would name them."""
    files: list[FieldFile] = []
    try:
        yield files
    except BaseException:
        for file in files:
            _remove_unless_named(file, claim)
        raise


def _remove_unless_named(file: FieldFile, claim: Claim) -> None:
    try:
        # If the connection broke while committing, the row may or may not be there.
        if not Attempt.objects.filter(run_id=claim.run_id, number=claim.token, trace=file.name).exists():
            file.storage.delete(str(file.name))
    except (Error, OSError) as error:
        log.warning("orphaned trace not removed", file=file.name, reason=str(error))


def _check_is_of(parsed: Record, run: Run) -> None:
    if parsed.recipe_sha256 != run.recipe.sha256:
        raise ValueError(
            f"the record is of recipe {parsed.recipe_sha256[:12]}, but run {run.pk} is of {run.recipe.sha256[:12]}"
        )
    if parsed.hardware.name != run.hardware.name:
        raise ValueError(f"the record is from {parsed.hardware.name}, but run {run.pk} is for {run.hardware.name}")
    if parsed.mode != run.mode:
        raise ValueError(f"the record is of a {parsed.mode} run, but run {run.pk} is {run.mode}")


def _phase_rows(attempt: Attempt, phase: PhaseRecord) -> list[PhaseEnergy]:
    return [
        PhaseEnergy(
            attempt=attempt,
            position=phase.position,
            phase=str(phase.phase),
            technique=phase.technique,
            scenario=str(phase.scenario or ""),
            scope=str(energy.scope),
            provenance=str(energy.provenance),
            sources=[str(source) for source in energy.sources],
            contains_estimate=bool(set(energy.sources) - COUNTED_SOURCES),
            energy_j=energy.energy_j,
            repeatability_u95_j=energy.repeatability_u95_j,
            absolute_u95_j=energy.absolute_u95_j,
            net_of_idle_j=energy.net_of_idle_j,
            duration_s=phase.duration_s,
            energy_per_image_j=energy.energy_per_image_j,
            energy_per_image_u95_j=energy.energy_per_image_u95_j,
            energy_per_image_absolute_u95_j=energy.energy_per_image_absolute_u95_j,
            images=phase.inference.images if phase.inference else None,
            flags=[str(flag) for flag in phase.flags],
            evidence=phase.evidence or "",
        )
        for energy in phase.energies
    ]
