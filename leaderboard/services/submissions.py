"""What people ask for: submit, withdraw, re-run, cancel."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from leaderboard.domain.runstate import RunState
from leaderboard.models import Hardware, Method, Recipe, Run, Submission
from leaderboard.services.publication import FULL_FIRST, boards_changed, give_way
from leaderboard.services.refusal import Refused
from leaderboard.services.runs import announce, cancel
from measurement.recipe import Recipe as RecipeDocument
from measurement.recipe import parse_recipe


@transaction.atomic
def submit(
    recipe: RecipeDocument, *, hardware: Hardware, submitter: User | None, mode: str = "full"
) -> tuple[Submission, bool]:
    """Store method, recipe and a queued run. The same recipe on the same hardware is found, not stored twice.

    What a full run answers a sampled one would not: asking for `full` where only a sampled one stands queues a full
    run, in a submission of whoever asks, so that nobody takes back what another asked for. Returns the submission,
    and whether a run was queued. Raises Refused for a sample without the submitter's own figure, or after a full
    result that the submitter withdrew, and for one run more than a person may have waiting.
    """
    if mode == "sampled" and (fault := recipe.why_not_sampled()) is not None:
        raise Refused(fault.field, fault.message)
    stored = _stored_recipe(recipe, submitter)
    standing = _standing_submissions(stored, hardware)
    if standing and standing[0][1] in (mode, "full"):
        return standing[0][0], False
    if mode == "sampled":
        _check_nothing_full_taken_back(stored, hardware, submitter)
    _check_share(submitter)
    own_id = submitter.pk if submitter else None
    submission = next((found for found, _ in standing if found.submitter_id == own_id), None)
    if submission is None:
        _rename(stored, recipe, submitter)
        submission = Submission.objects.create(submitter=submitter, recipe=stored, hardware=hardware)
    _enqueue(submission, requested_by=submitter, mode=mode)
    return submission, True


def _stored_recipe(recipe: RecipeDocument, submitter: User | None) -> Recipe:
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


def _new_method(recipe: RecipeDocument, submitter: User | None) -> Method:
    return Method.objects.create(
        title=recipe.method.title,
        family=recipe.method.family,
        paper=recipe.method.paper or "",
        authors=list(recipe.method.authors),
        summary=recipe.method.summary,
        submitter=submitter,
    )


def _rename(stored: Recipe, recipe: RecipeDocument, submitter: User | None) -> None:
    """Where nobody else stands for the recipe any more, who submits it now names it, not who took it back."""
    replaced = stored.method
    others = Submission.objects.filter(recipe=stored, withdrawn_at=None).exclude(submitter=submitter)
    if replaced.submitter == submitter or others.exists():
        return
    stored.method = _new_method(recipe, submitter)
    stored.save(update_fields=["method"])
    Method.objects.filter(pk=replaced.pk, recipes=None).delete()
    boards_changed(stored.method)


def _check_nothing_full_taken_back(recipe: Recipe, hardware: Hardware, submitter: User | None) -> None:
    """Who withdraws a full result that disappoints does not get the sample back instead."""
    if submitter is None:
        return
    full = Run.objects.filter(
        recipe=recipe,
        hardware=hardware,
        mode="full",
        state=RunState.SUCCEEDED,
        held_for=[],
        submission__submitter=submitter,
    ).first()
    if full:
        raise Refused(
            "mode",
            f"you withdrew a full result of this recipe on this hardware (run {full.pk}), whose place a sample never "
            "takes; ask for a full verification",
        )


def _check_share(submitter: User | None) -> None:
    """One person's runs must not keep everybody else's waiting for days."""
    if submitter is None or submitter.is_staff:
        return
    active = Run.objects.filter(requested_by=submitter, state__in=[RunState.QUEUED, RunState.RUNNING]).count()
    if active >= settings.MAX_ACTIVE_RUNS:
        raise Refused(
            "submission",
            f"you have {active} runs waiting or running, the most allowed; wait for one, or withdraw one",
        )


def _standing_submissions(recipe: Recipe, hardware: Hardware) -> list[tuple[Submission, str]]:
    """Submissions whose verification of this recipe is under way or done, each with its mode: full before sampled.

    None can be withdrawn before the transaction ends.
    """
    runs = (
        Run.objects.filter(recipe=recipe, hardware=hardware, submission__withdrawn_at=None)
        .exclude(state__in=[RunState.FAILED, RunState.CANCELLED])
        .order_by(FULL_FIRST, "pk")
    )
    found = list(runs.values_list("submission", "mode"))
    locked = Submission.objects.select_for_update(no_key=True).filter(
        pk__in={pk for pk, _ in found}, withdrawn_at=None
    )
    standing = {submission.pk: submission for submission in locked.order_by("pk")}
    return [(standing[pk], mode) for pk, mode in found if pk in standing]


def _enqueue(submission: Submission, *, requested_by: User | None, mode: str) -> Run:
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
def rerun(run: Run, *, by: User | None, mode: str | None = None) -> Run:
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
    submissions = Submission.objects.select_for_update(no_key=True)
    submission = submissions.filter(pk=run.submission_id).first() if run.submission_id else None
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


def request_cancel(run: Run, *, by: User | None) -> None:
    """Cancel a waiting run at once; ask the worker of a running one to stop it within seconds.

    Raises Refused where the run has ended.
    """
    reason = f"Cancelled by {by.get_username()}." if by else "Cancelled."
    if not cancel(run.pk, reason):
        run.refresh_from_db()
        raise Refused("run", f"run {run.pk} is already {run.state}; there is nothing to cancel")


@transaction.atomic
def withdraw(submission: Submission, *, by: User | None) -> None:
    """Take a submission back: its run is cancelled, and its entries leave the board. Results stay stored.

    Where another's result of the recipe stands, it takes the place. Raises Refused where it was withdrawn before.
    """
    if not Submission.objects.filter(pk=submission.pk, withdrawn_at__isnull=True).update(withdrawn_at=timezone.now()):
        raise Refused("submission", "has already been withdrawn")
    for run in submission.runs.filter(state__in=[RunState.QUEUED, RunState.RUNNING]):
        with suppress(Refused):  # it ended in this moment; what it published is taken down below
            request_cancel(run, by=by)
    give_way(submission)
