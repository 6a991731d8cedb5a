"""What people ask for: submit, withdraw, re-run, cancel."""

from __future__ import annotations

from functools import partial

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from leaderboard.domain.runstate import RunState
from leaderboard.models import Entry, Hardware, Method, Recipe, Run, Submission
from leaderboard.services.publication import take_down
from leaderboard.services.runs import announce
from measurement.recipe import Recipe as RecipeDocument


class Refused(Exception):
    """A request that can't be met, with the field at fault (may be empty) and what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@transaction.atomic
def submit(
    recipe: RecipeDocument, *, hardware: Hardware, submitter: AbstractBaseUser | None, mode: str = "full"
) -> tuple[Submission, bool]:
    """Store method, recipe and a queued run. The same recipe on the same hardware is found, not stored twice.

    Returns the submission, and whether it is new. Raises Refused for a mode that no worker has yet.
    """
    if mode != "full":
        raise Refused("mode", f"{mode!r} is not available yet; leave it out, or give full")
    stored = _stored_recipe(recipe, submitter)
    standing = _standing_submission(stored, hardware)
    if standing:
        return standing, False
    submission = Submission.objects.create(submitter=submitter, recipe=stored, hardware=hardware)
    _enqueue(submission, requested_by=submitter, mode=mode)
    return submission, True


def _stored_recipe(recipe: RecipeDocument, submitter: AbstractBaseUser | None) -> Recipe:
    # The lock makes two equal submissions at once take turns (SQLite takes turns anyhow).
    found = Recipe.objects.select_for_update().filter(sha256=recipe.sha256).first()
    if found:
        return found
    method = Method.objects.create(
        title=recipe.method.title,
        family=recipe.method.family,
        paper=recipe.method.paper or "",
        authors=list(recipe.method.authors),
        summary=recipe.method.summary,
        submitter=submitter,
    )
    stored, created = Recipe.objects.get_or_create(
        sha256=recipe.sha256, defaults={"method": method, "track": recipe.track, "document": recipe.document()}
    )
    if not created:
        method.delete()
    return stored


def _standing_submission(recipe: Recipe, hardware: Hardware) -> Submission | None:
    """The submission whose verification of this recipe is under way or done."""
    standing = (
        Run.objects.filter(recipe=recipe, hardware=hardware, submission__withdrawn_at__isnull=True)
        .exclude(state__in=[RunState.FAILED, RunState.CANCELLED])
        .select_related("submission")
        .order_by("pk")
        .first()
    )
    return standing.submission if standing else None


def _enqueue(submission: Submission, *, requested_by: AbstractBaseUser | None, mode: str) -> Run:
    run = Run.objects.create(
        submission=submission,
        recipe=submission.recipe,
        hardware=submission.hardware,
        requested_by=requested_by,
        mode=mode,
        queued_at=timezone.now(),
    )
    transaction.on_commit(partial(announce, [run]))
    return run


@transaction.atomic
def rerun(run: Run, *, by: AbstractBaseUser | None) -> Run:
    """Queue another verification of the same recipe. The standing result stays ranked until this one is in.

    Raises Refused where one is waiting or running already.
    """
    waiting = (
        Run.objects.select_for_update()
        .filter(recipe=run.recipe, hardware=run.hardware, state__in=[RunState.QUEUED, RunState.RUNNING])
        .first()
    )
    if waiting:
        raise Refused("run", f"run {waiting.pk} of this recipe is already {waiting.state}; wait for it or cancel it")
    if run.submission is None:
        raise Refused("run", f"run {run.pk} has no submission to run again for")
    return _enqueue(run.submission, requested_by=by, mode=run.mode)


@transaction.atomic
def request_cancel(run: Run, *, by: AbstractBaseUser | None) -> None:
    """Cancel a waiting run at once; ask the worker of a running one to stop it within seconds.

    Raises Refused where the run has ended.
    """
    reason = f"Cancelled by {by.get_username()}." if by else "Cancelled."
    cancelled = Run.objects.filter(pk=run.pk, state=RunState.QUEUED).update(
        state=RunState.CANCELLED, reason=reason, finished_at=timezone.now()
    )
    asked = cancelled or Run.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
        cancel_requested=True, reason=reason
    )
    if not asked:
        run.refresh_from_db()
        raise Refused("run", f"run {run.pk} is already {run.state}; there is nothing to cancel")


@transaction.atomic
def withdraw(submission: Submission, *, by: AbstractBaseUser | None) -> None:
    """Take a submission back: its run is cancelled, and its entries leave the board. Results stay stored.

    Raises Refused where it was withdrawn before.
    """
    if not Submission.objects.filter(pk=submission.pk, withdrawn_at__isnull=True).update(withdrawn_at=timezone.now()):
        raise Refused("submission", "has already been withdrawn")
    for run in submission.runs.filter(state__in=[RunState.QUEUED, RunState.RUNNING]):
        request_cancel(run, by=by)
    take_down(Entry.objects.filter(run__submission=submission))
