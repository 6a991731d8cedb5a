"""Which measurements recipes name; those that no submission names may be deleted, and go after a time."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from leaderboard.database import clock
from leaderboard.models import Action, Measurement, Submission
from leaderboard.models import Recipe as StoredRecipe
from leaderboard.services.limits import take_turn
from leaderboard.services.log import write_log
from leaderboard.services.measurements import measured_hashes, why_not_measured
from leaderboard.services.refusal import Refused
from measurement.recipe import Recipe


def name_measurements(stored: StoredRecipe, recipe: Recipe, submitter: User | None) -> None:
    """Note that the recipe names them, so that they are kept. Raises Refused if one was deleted meanwhile."""
    hashes = measured_hashes(recipe)
    if not hashes:
        return
    named = Measurement.objects.filter(sha256__in=hashes)
    locked = list(named.select_for_update(no_key=True).order_by("pk"))
    for fault in why_not_measured(recipe, submitter):
        raise Refused(fault.field, fault.message, subject=f"“{fault.field}” in the recipe")
    for measurement in locked:
        measurement.recipes.add(stored)


@transaction.atomic
def delete_measurement(measurement: Measurement, *, by: User) -> None:
    """Delete it with its trace. Raises Refused while a submission names it."""
    take_turn(by)
    found = Measurement.objects.select_for_update(no_key=True).filter(pk=measurement.pk).first()
    if found is None:
        return
    if submission := Submission.objects.filter(recipe__measurements=found, withdrawn_at=None).first():
        raise Refused(
            "measurement",
            f"is the evidence of submission {submission.pk}; withdraw that first, or leave the measurement",
            subject="the measurement",
        )
    write_log(Action.DELETE, found, by=by, sha256=found.sha256)
    _remove(found)


def remove_unused_measurements() -> int:
    """Remove those that no submission has named for ARTIFACT_DAYS, each with a line in the log; how many went."""
    until = clock.now() - timedelta(days=settings.ARTIFACT_DAYS)
    naming = Submission.objects.filter(recipe__measurements=OuterRef("pk"))
    still = Exists(naming.filter(Q(withdrawn_at=None) | Q(withdrawn_at__gt=until)))
    unused = Measurement.objects.filter(~still, created_at__lt=until)
    return sum(_remove_unused(pk) for pk in list(unused.values_list("pk", flat=True)))


@transaction.atomic
def _remove_unused(pk: int) -> int:
    """Unless a submission that names it has just come."""
    found = Measurement.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if found is None or Submission.objects.filter(recipe__measurements=found, withdrawn_at=None).exists():
        return 0
    write_log(Action.REMOVE_UNUSED, found, by=None, sha256=found.sha256)
    _remove(found)
    return 1


def _remove(measurement: Measurement) -> None:
    storage, name = measurement.trace.storage, measurement.trace.name
    measurement.delete()
    if name:
        transaction.on_commit(lambda: storage.delete(name), robust=True)  # not before it is certain
