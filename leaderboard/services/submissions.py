"""What people ask for: submit, withdraw, re-run, cancel."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Case, When
from django.utils import timezone

from leaderboard.domain.runstate import RunState
from leaderboard.models import Entry, Hardware, Method, Recipe, Run, Submission
from leaderboard.services.publication import take_down
from leaderboard.services.refusal import Refused
from leaderboard.services.runs import announce, cancel
from measurement.recipe import Recipe as RecipeDocument
from measurement.recipe import parse_recipe


@transaction.atomic
def submit(
    recipe: RecipeDocument, *, hardware: Hardware, submitter: AbstractBaseUser | None, mode: str = "full"
) -> tuple[Submission, bool]:
    """Store method, recipe and a queued run. The same recipe on the same hardware is found, not stored twice.

    What a full run answers a sampled one would not: asking for `full` where only a sampled one stands queues a full
    run of the standing submission. Returns the submission, and whether a run was queued. Raises Refused for a sample
    without the submitter's own figure, and for one run more than a person may have waiting.
    """
    if mode == "sampled" and (fault := recipe.why_not_sampled()) is not None:
        raise Refused(fault.field, fault.message)
    stored = _stored_recipe(recipe, submitter)
    standing, stands = _standing_submission(stored, hardware)
    if standing and stands in (mode, "full"):
        return standing, False
    _check_share(submitter)
    if standing:
        _enqueue(standing, requested_by=submitter, mode=mode)
        return standing, True
    if stored.method.submitter_id != (submitter.pk if submitter else None):
        _rename(stored, recipe, submitter)
    submission = Submission.objects.create(submitter=submitter, recipe=stored, hardware=hardware)
    _enqueue(submission, requested_by=submitter, mode=mode)
    return submission, True


def _stored_recipe(recipe: RecipeDocument, submitter: AbstractBaseUser | None) -> Recipe:
    # The lock makes two equal submissions at once take turns (SQLite takes turns anyhow).
    found = Recipe.objects.select_for_update(no_key=True).filter(sha256=recipe.sha256).first()
    if found:
        return found
    method = _new_method(recipe, submitter)
    stored, created = Recipe.objects.get_or_create(
        sha256=recipe.sha256, defaults={"method": method, "track": recipe.track_key, "document": recipe.document()}
    )
    if not created:
        method.delete()
    return stored


def _new_method(recipe: RecipeDocument, submitter: AbstractBaseUser | None) -> Method:
    return Method.objects.create(
        title=recipe.method.title,
        family=recipe.method.family,
        paper=recipe.method.paper or "",
        authors=list(recipe.method.authors),
        summary=recipe.method.summary,
        submitter=submitter,
    )


def _rename(stored: Recipe, recipe: RecipeDocument, submitter: AbstractBaseUser | None) -> None:
    """Nobody stands for the recipe here any more: it is named by who submits it now, not by who took it back."""
    if Entry.objects.filter(recipe=stored).exists():
        return
    stored.method = _new_method(recipe, submitter)
    stored.save(update_fields=["method"])


def _check_share(submitter: AbstractBaseUser | None) -> None:
    """One person's runs must not keep everybody else's waiting for days."""
    if submitter is None or getattr(submitter, "is_staff", False):
        return
    active = Run.objects.filter(requested_by=submitter, state__in=[RunState.QUEUED, RunState.RUNNING]).count()
    if active >= settings.MAX_ACTIVE_RUNS:
        raise Refused(
            "submission",
            f"you have {active} runs waiting or running, the most allowed; wait for one, or withdraw one",
        )


def _standing_submission(recipe: Recipe, hardware: Hardware) -> tuple[Submission | None, str]:
    """The submission whose verification of this recipe is under way or done, and in which mode: full before sampled.

    It can't be withdrawn before the transaction ends.
    """
    standing = (
        Run.objects.filter(recipe=recipe, hardware=hardware, submission__withdrawn_at__isnull=True)
        .exclude(state__in=[RunState.FAILED, RunState.CANCELLED])
        .order_by(Case(When(mode="full", then=0), default=1), "pk")
    )
    for submission_id, mode in standing.values_list("submission", "mode"):
        submission = Submission.objects.select_for_update(no_key=True).get(pk=submission_id)
        if submission.withdrawn_at is None:
            return submission, mode
    return None, ""


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
def rerun(run: Run, *, by: AbstractBaseUser | None, mode: str | None = None) -> Run:
    """Queue another verification of the same recipe. The standing result stays ranked until this one is in.

    mode: that of `run` unless given. Raises Refused where one is waiting or running already, where nobody wants the
    result any more, and where the recipe can't be sampled.
    """
    mode = mode or run.mode
    fault = parse_recipe(run.recipe.document).why_not_sampled() if (run.mode, mode) == ("full", "sampled") else None
    if fault is not None:
        raise Refused(fault.field, fault.message)
    # The locks make this take turns with submissions and re-runs of the same recipe, and with withdrawing: there may
    # be no run yet that could be locked. Submitting takes them in the same order. They leave foreign keys to these
    # rows free (no_key).
    Recipe.objects.select_for_update(no_key=True).get(pk=run.recipe_id)
    submission = Submission.objects.select_for_update(no_key=True).filter(pk=run.submission_id).first()
    if submission is None:
        raise Refused("run", f"run {run.pk} has no submission to run again for")
    if submission.withdrawn_at is not None:
        raise Refused("run", f"the submission of run {run.pk} was withdrawn; submit the recipe again")
    waiting = Run.objects.filter(
        recipe=run.recipe_id, hardware=run.hardware_id, state__in=[RunState.QUEUED, RunState.RUNNING]
    ).first()
    if waiting:
        raise Refused("run", f"run {waiting.pk} of this recipe is already {waiting.state}; wait for it or cancel it")
    return _enqueue(submission, requested_by=by, mode=mode)


def request_cancel(run: Run, *, by: AbstractBaseUser | None) -> None:
    """Cancel a waiting run at once; ask the worker of a running one to stop it within seconds.

    Raises Refused where the run has ended.
    """
    reason = f"Cancelled by {by.get_username()}." if by else "Cancelled."
    if not cancel(run.pk, reason):
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
        with suppress(Refused):  # it ended in this moment; what it published is taken down below
            request_cancel(run, by=by)
    take_down(Entry.objects.filter(run__submission=submission))
