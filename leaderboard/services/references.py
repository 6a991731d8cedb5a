"""What the reference workload took on a worker, and what follows from its drift."""

from __future__ import annotations

from statistics import median
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from leaderboard.domain.devices import identity
from leaderboard.domain.energy import Provenance
from leaderboard.domain.reference import IN_A_ROW, MOST_DRIFT, MOST_PAST, drift, is_adrift, is_disturbed
from leaderboard.models import Action, Reference, Worker
from leaderboard.services.line import notify_after
from leaderboard.services.log import optional_reason, write_log
from leaderboard.services.notices import tell_administrators
from leaderboard.services.refusal import Refused


@transaction.atomic
def record_reference(name: str, figures: dict[str, Any]) -> bool:
    """Store what the reference workload took on the worker of this name; after IN_A_ROW drifts it leaves service.

    figures: what `measurement reference --json` says. Returns whether to measure again at once, because it drifted
    and has not yet done so often enough. False for a worker that never registered itself.
    """
    worker = Worker.objects.select_for_update(no_key=True, of=("self",)).filter(name=name).first()
    if worker is None:
        return False
    made = Reference(
        worker=worker,
        device=identity(figures["uuid"]),
        workload=f"{figures['workload']}, torch {figures['torch']}"[:100],
        images_per_s=figures["images_per_s"],
        energy_per_image_j=figures["energy_per_image_j"],
        provenance=figures["provenance"],
        duration_s=figures["duration_s"],
        flags=figures["flags"],
        is_disturbed=is_disturbed(figures["flags"]),
    )
    past = list(_past(made)[:MOST_PAST])
    made.past = len(past)
    made.drift = drift(made.images_per_s, [one.images_per_s for one in past])
    if made.provenance == Provenance.METERED:  # a model of power has no drift of its own
        metered = [one.energy_per_image_j for one in past if one.provenance == Provenance.METERED]
        made.energy_drift = drift(made.energy_per_image_j, [joules for joules in metered if joules is not None])
    made.of_hardware = _of_hardware(made)
    kind = worker.hardware.kind
    made.is_adrift = not made.is_disturbed and is_adrift([made.drift, made.energy_drift], kind)
    made.save()
    Worker.objects.filter(pk=worker.pk).update(reference=made)
    if not made.is_adrift or worker.drifted_for:
        return False
    if _adrift_in_a_row(made) < IN_A_ROW:
        return True
    _take_out(worker, made)
    return False


def _same(made: Reference) -> QuerySet[Reference]:
    """The worker's comparable measurements, the newest first; since it was put back, if it was."""
    found = Reference.objects.filter(worker=made.worker, device=made.device, workload=made.workload)
    found = found.filter(is_disturbed=False).order_by("-pk")
    since = made.worker.compared_since
    return found if since is None else found.filter(at__gte=since)


def _past(made: Reference) -> QuerySet[Reference]:
    return _same(made).filter(is_adrift=False)


def _adrift_in_a_row(made: Reference) -> int:
    newest = list(_same(made).values_list("is_adrift", flat=True)[:IN_A_ROW])
    return next((position for position, adrift in enumerate(newest) if not adrift), len(newest))


def _of_hardware(made: Reference) -> float | None:
    """From the median of the newest of each other worker of this hardware; one is enough to be shown."""
    others = Reference.objects.filter(worker__hardware=made.worker.hardware_id, workload=made.workload)
    newest = others.filter(pk=F("worker__reference")).exclude(worker=made.worker)
    rates = list(newest.filter(is_disturbed=False).values_list("images_per_s", flat=True))
    return made.images_per_s / median(rates) - 1 if rates else None


def _take_out(worker: Worker, made: Reference) -> None:
    parts = {"images per second": made.drift, "joules per image": made.energy_drift}
    words = " and ".join(f"{100 * part:+.1f} % {name}" for name, part in parts.items() if part is not None)
    reason = (
        f"its reference workload drifted, {words} against the median of its past, {IN_A_ROW} times in a row; the "
        f"bound is {100 * MOST_DRIFT[worker.hardware.kind]:.0f} %. An administrator can put it back"
    )
    Worker.objects.filter(pk=worker.pk).update(drifted_for=reason)
    write_log(Action.DRIFT, worker, by=None, reason=reason)
    text = f"{worker} on {worker.hardware} takes no more runs: {reason}, under /admin/, Workers."
    tell_administrators(f"worker {worker} has drifted", text, event=f"reference-{made.pk}")


@transaction.atomic
def put_back(worker: Worker, *, by: User | None, reason: str = "") -> None:
    """Let a worker that drifted take runs again; what it measures from now on is its new past.

    Raises Refused if it has not drifted.
    """
    reason = optional_reason(reason)
    drifted = Worker.objects.filter(pk=worker.pk).exclude(drifted_for="")
    if not drifted.update(drifted_for="", compared_since=Now()):
        raise Refused("worker", f"{worker} has not drifted, so there is nothing to put back")
    write_log(Action.PUT_BACK, worker, by=by, reason=reason, drifted_for=worker.drifted_for)
    notify_after(worker.hardware)
