"""What people ask for: submit, withdraw, re-run, cancel."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from leaderboard.database import clock
from leaderboard.domain.runstate import RunState
from leaderboard.models import Hardware, Method, Recipe, Run, Submission
from leaderboard.services.evidence import WANTED, is_of_known_kind
from leaderboard.services.limits import check_active_runs, take_turn
from leaderboard.services.publication import FULL_FIRST, boards_changed, replace_entries
from leaderboard.services.refusal import Refused
from leaderboard.services.runs import cancel, dispatch
from measurement.documents import Fault
from measurement.recipe import Recipe as RecipeDocument
from measurement.recipe import parse_recipe


@transaction.atomic
def submit(
    recipe: RecipeDocument, *, hardware: Hardware, submitter: User | None, mode: str = "full"
) -> tuple[Submission, bool]:
    """Store method, recipe and a queued run. The same recipe on the same hardware is found, not stored twice.

    If only a sampled run exists and `full` is asked for, a full run is queued, in a submission of the person who
    asks, so that nobody can withdraw what another asked for. Returns the submission, and whether a run was queued.
    Raises Refused for a family that the phases contradict, for a sampled run without the submitter's own figure or
    without evidence of a known kind, or after a full result that the submitter
    withdrew, and for more active runs than a person may have.
    """
    fault = recipe.why_not_family() or (_why_not_sampled(recipe) if mode == "sampled" else None)
    if fault is not None:
        raise Refused(fault.field, fault.message, subject=f"“{fault.field}” in the recipe")
    if submitter is not None:
        take_turn(submitter)
    stored = _stored_recipe(recipe, submitter)
    valid = _valid_submissions(stored, hardware)
    if valid and valid[0][1] in (mode, "full"):
        return valid[0][0], False
    if mode == "sampled":
        _check_no_full_result_withdrawn(stored, hardware, submitter)
    if submitter is not None:
        check_active_runs(submitter)
    own_id = submitter.pk if submitter else None
    submission = next((found for found, _ in valid if found.submitter_id == own_id), None)
    if submission is None:
        _rename(stored, recipe, submitter)
        submission = Submission.objects.create(submitter=submitter, recipe=stored, hardware=hardware)
    _enqueue(submission, requested_by=submitter, mode=mode)
    return submission, True


def _why_not_sampled(recipe: RecipeDocument) -> Fault | None:
    """What a sampled run lacks; its quality is the submitter's word, so that its evidence must be a publication."""
    fault = recipe.why_not_sampled()
    if fault is None and recipe.reported is not None and not is_of_known_kind(recipe.reported.evidence):
        return Fault("reported.evidence", f"is of no known kind in a sampled run; give {WANTED}")
    return fault


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
    """If nobody else's submission of the recipe is left, it gets the names of the new submission."""
    replaced = stored.method
    others = Submission.objects.filter(recipe=stored, withdrawn_at=None).exclude(submitter=submitter)
    if replaced.submitter == submitter or others.exists():
        return
    stored.method = _new_method(recipe, submitter)
    stored.save(update_fields=["method"])
    Method.objects.filter(pk=replaced.pk, recipes=None).delete()
    boards_changed(stored.method)


def _check_no_full_result_withdrawn(recipe: Recipe, hardware: Hardware, submitter: User | None) -> None:
    """Nobody replaces a disappointing full result by withdrawing it and sampling the recipe."""
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
            f"a sampled run cannot replace the full result that you withdrew (run {full.pk}); ask for a full run",
        )


def _valid_submissions(recipe: Recipe, hardware: Hardware) -> list[tuple[Submission, str]]:
    """Submissions with an active or successful run of this recipe, each with its mode: full before sampled.

    They are locked: none can be withdrawn before the transaction ends.
    """
    runs = (
        Run.objects.filter(recipe=recipe, hardware=hardware, submission__withdrawn_at=None)
        .exclude(state__in=[RunState.FAILED, RunState.CANCELLED])
        .order_by(FULL_FIRST, "pk")
    )
    modes = list(runs.values_list("submission", "mode"))
    locked = Submission.objects.select_for_update(no_key=True).filter(
        pk__in={pk for pk, _ in modes}, withdrawn_at=None
    )
    found = {submission.pk: submission for submission in locked.order_by("pk")}
    return [(found[pk], mode) for pk, mode in modes if pk in found]


def _enqueue(submission: Submission, *, requested_by: User | None, mode: str) -> Run:
    run = Run.objects.create(
        submission=submission,
        recipe=submission.recipe,
        hardware=submission.hardware,
        requested_by=requested_by,
        mode=mode,
        queued_at=clock.now(),
    )
    transaction.on_commit(partial(dispatch, [run]))
    return run


@transaction.atomic
def rerun(run: Run, *, by: User | None, mode: str | None = None) -> Run:
    """Queue another run of the same recipe. The published result stays ranked until the new one is published.

    mode: that of `run` unless given. Raises Refused if a run is queued or running already, if the submission was
    withdrawn, and if the recipe can't be sampled.
    """
    mode = mode or run.mode
    fault = _why_not_sampled(parse_recipe(run.recipe.document)) if (run.mode, mode) == ("full", "sampled") else None
    if fault is not None:
        raise Refused(fault.field, fault.message, subject=f"“{fault.field}” in the recipe")
    # The locks order this with submissions and re-runs of the same recipe, and with withdrawing: there may be no run
    # yet that could be locked. Submitting takes them in the same order. They leave foreign keys to these rows free
    # (no_key).
    Recipe.objects.select_for_update(no_key=True).get(pk=run.recipe_id)
    submissions = Submission.objects.select_for_update(no_key=True)
    submission = submissions.filter(pk=run.submission_id).first() if run.submission_id else None
    if submission is None:
        raise Refused("run", f"run {run.pk} has no submission, so it can't be run again")
    if submission.withdrawn_at is not None:
        raise Refused("run", f"the submission of run {run.pk} was withdrawn; submit the recipe again")
    active = Run.objects.filter(
        recipe=run.recipe_id, hardware=run.hardware_id, state__in=[RunState.QUEUED, RunState.RUNNING]
    ).first()
    if active:
        raise Refused("run", f"run {active.pk} of this recipe is already {active.state}; wait for it or cancel it")
    return _enqueue(submission, requested_by=by, mode=mode)


def request_cancel(run: Run, *, by: User | None) -> None:
    """Cancel a queued run at once; ask the worker of a running one to stop it within seconds.

    Raises Refused if the run has ended.
    """
    reason = f"Cancelled by {by.get_username()}." if by else "Cancelled."
    if not cancel(run.pk, reason):
        run.refresh_from_db()
        raise Refused("run", f"run {run.pk} has already ended ({run.state}); there is nothing to cancel")


@transaction.atomic
def withdraw(submission: Submission, *, by: User | None) -> None:
    """Withdraw a submission: its run is cancelled and its entries are removed from the boards. Results stay stored.

    The best result of others' submissions of the recipe is published instead. Raises Refused if it was withdrawn
    before.
    """
    if not Submission.objects.filter(pk=submission.pk, withdrawn_at__isnull=True).update(withdrawn_at=Now()):
        raise Refused("submission", "the submission was already withdrawn")
    for run in submission.runs.filter(state__in=[RunState.QUEUED, RunState.RUNNING]):
        with suppress(Refused):  # it has just ended; what it published is removed below
            request_cancel(run, by=by)
    replace_entries(submission)
