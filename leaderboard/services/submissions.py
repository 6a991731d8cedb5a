"""What people ask for: submit, re-run, cancel."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from leaderboard.database import clock
from leaderboard.domain.runstate import ACTIVE, RunState
from leaderboard.models import Action, Hardware, LogLine, NoticeKind, Priority, Recipe, Run, Submission, Work
from leaderboard.services import versions
from leaderboard.services.claims import hear, new_method, standing_method
from leaderboard.services.evidence import why_not_sampled
from leaderboard.services.limits import check_active_runs, check_not_banned, check_quota, take_turn
from leaderboard.services.line import next_turn
from leaderboard.services.log import optional_reason, write_log
from leaderboard.services.measurements import why_not_measured
from leaderboard.services.named_artifacts import name_artifacts, why_not_artifacts
from leaderboard.services.named_measurements import name_measurements
from leaderboard.services.notices import tell_of_run
from leaderboard.services.private_results import of_submitter
from leaderboard.services.publication import FULL_FIRST, boards_changed, lock_works
from leaderboard.services.published_models import FIELD, check_published_model
from leaderboard.services.refusal import Refused
from leaderboard.services.runs import cancel, dispatch
from measurement.recipe import Recipe as RecipeDocument
from measurement.recipe import parse_recipe


@transaction.atomic
def submit(
    recipe: RecipeDocument,
    *,
    hardware: Hardware,
    submitter: User | None,
    mode: str = "full",
    version_of: UUID | None = None,
) -> tuple[Submission, bool]:
    """Store method, recipe and a queued run. The same work on the same hardware is found, not run twice.

    If only a sampled run exists and `full` is asked for, a full run is queued, in a submission of the person who
    asks, so that nobody can withdraw what another asked for. version_of: the person's earlier submission that this is
    a new version of. Returns the submission, and whether a run was queued.

    Raises Refused for a banned account, for a family that the phases contradict, for a sampled run without the
    submitter's own figure or without evidence of a known kind, or after a full result that the submitter withdrew,
    for more active runs than a person may have, for more seeds of a work than count, for a version of what it can't
    be one of, and for a published model that the recipe can't be said to repeat, or for an uploaded file or a
    measurement that the submitter does not have; DocumentError with each field in which it differs from that model's
    training.
    """
    recipe = of_submitter(recipe, submitter)
    fault = recipe.why_not_family() or (why_not_sampled(recipe) if mode == "sampled" else None)
    if fault is not None:
        raise Refused(fault.field, fault.message, subject=f"“{fault.field}” in the recipe")
    check_published_model(recipe)
    for fault in (*why_not_measured(recipe, submitter), *why_not_artifacts(recipe, submitter)):
        raise Refused(fault.field, fault.message, subject=f"“{fault.field}” in the recipe")
    if submitter is not None:
        take_turn(submitter)
        check_not_banned(submitter)
    stored, is_known = _stored_recipe(recipe, submitter)
    name_artifacts(stored, recipe, submitter)
    name_measurements(stored, recipe, submitter)
    before = versions.predecessor(version_of, stored, submitter) if version_of is not None else None
    found = answer(stored, recipe, hardware, mode)
    if found is not None:
        if before is not None:
            versions.mark(found, before, by=submitter)
        _hear(stored, recipe, submitter, is_known)
        _name_published_model(stored, recipe, submitter)
        return found, False
    if mode == "sampled":
        _check_no_full_result_withdrawn(stored, hardware, submitter)
    if submitter is not None:
        check_quota(submitter)
        check_active_runs(submitter)
    own_id = submitter.pk if submitter else None
    valid = _valid_submissions(Q(recipe=stored), hardware)
    submission = next((found for found, _ in valid if found.submitter_id == own_id), None)
    if submission is None:
        if before is not None:
            versions.check_is_other_work(stored, before)
        check_seeds(stored.work, hardware, submitter)
        _hear(stored, recipe, submitter, is_known)
        first = versions.first_of(before) if before is not None else None
        submission = Submission.objects.create(
            submitter=submitter, recipe=stored, hardware=hardware, version_of=before, first_version=first
        )
    elif before is not None:
        versions.mark(submission, before, by=submitter)
    _name_published_model(stored, recipe, submitter)
    run = enqueue(submission, requested_by=submitter, mode=mode, priority=Priority.NEW)
    link = {"version_of": str(before.pk)} if before is not None else {}
    write_log(Action.SUBMIT, submission, by=submitter, run=run.pk, mode=mode, **link)
    return submission, True


def _hear(stored: Recipe, recipe: RecipeDocument, submitter: User | None, is_known: bool) -> None:
    if is_known:
        hear(stored.work, recipe, submitter)
        stored.refresh_from_db(fields=["method"])


def _stored_recipe(recipe: RecipeDocument, submitter: User | None) -> tuple[Recipe, bool]:
    """The recipe, and whether its work was known before; the work is locked until the transaction ends.

    So equal submissions at once take turns (SQLite takes turns anyhow).
    """
    found = Recipe.objects.select_related("work").filter(sha256=recipe.sha256).first()
    work = found.work if found else Work.objects.get_or_create(sha256=recipe.work_sha256)[0]
    lock_works([work.pk])
    is_known = work.recipes.exists()
    # Once more: another may have stored it before the lock was ours.
    found = found or Recipe.objects.select_related("work").filter(sha256=recipe.sha256).first()
    if found:
        return found, is_known
    method = standing_method(work) if is_known else new_method(recipe, submitter)
    made = Recipe.objects.create(
        sha256=recipe.sha256,
        work=work,
        method=method,
        track=recipe.track_key,
        document=recipe.document(),
        private_to=recipe.private_to,
    )
    return made, is_known


def answer(stored: Recipe, recipe: RecipeDocument, hardware: Hardware, mode: str) -> Submission | None:
    """The submission that has what is asked for: of this recipe, or in full of the same work from the same seed.

    Another budget or another writing is no other result. It must measure the scenarios that are asked for.
    """
    for found, of in _valid_submissions(Q(recipe=stored), hardware):
        if of in (mode, "full"):
            return found
    same = Q(recipe__work=stored.work_id, recipe__document__seed=recipe.seed, mode="full")
    asked = set(recipe.inference.scenarios)
    for found, _ in _valid_submissions(same, hardware):
        if asked <= set(found.recipe.document["inference"]["scenarios"]):
            return found
    return None


def check_seeds(work: Work, hardware: Hardware, submitter: User | None, *, but: Submission | None = None) -> None:
    """Nobody draws until a lucky seed comes: so many submissions of a work count, and no more are run.

    One that ended by a machine's fault is no draw. One that was withdrawn once begun is: its progress was seen. So is
    one that failed under its own budget, which can be set so that only cheap runs end in time. but: one to leave out.
    """
    if submitter is not None and submitter.is_staff:
        return
    begun = Q(runs__state__in=[*ACTIVE, RunState.SUCCEEDED])
    begun |= Q(runs__attempt__gt=0, withdrawn_at__isnull=False)
    begun |= Q(runs__attempt__gt=0, runs__state=RunState.FAILED) & ~Q(
        recipe__document__budget={"time_s": None, "energy_j": None}
    )
    drawn_by = Submission.objects.filter(begun, recipe__work=work, hardware=hardware)
    drawn = (drawn_by if but is None else drawn_by.exclude(pk=but.pk)).distinct().count()
    if drawn >= settings.MAX_SEEDS:
        raise Refused(
            "seed",
            f"this work has {drawn} results on this hardware, from other seeds or budgets, and {settings.MAX_SEEDS} "
            "is the limit; its entry shows their mean. Change what is done, or ask an administrator for a re-run",
        )


def _others_submitted(stored: Recipe, submitter: User | None) -> bool:
    return (
        Submission.objects.filter(recipe__work=stored.work_id, withdrawn_at=None)
        .exclude(submitter=submitter)
        .exists()
    )


def _name_published_model(stored: Recipe, recipe: RecipeDocument, submitter: User | None) -> None:
    """Note which published model a stored recipe repeats, if a later submission of it names one.

    Refused if it repeats another already, and for somebody else's recipe, unless an administrator asks.
    """
    named, method = recipe.method.published_model, stored.method
    if named is None or named == method.published_model:
        return
    if method.published_model:
        raise Refused(
            FIELD,
            f"is {named}, but this recipe was submitted as the training of {method.published_model}; set what is "
            f"{named}'s own, or leave it out",
        )
    is_staff = submitter is not None and submitter.is_staff
    if method.submitter != submitter and not is_staff and _others_submitted(stored, submitter):
        raise Refused(
            FIELD,
            "can only be added by the person who submitted this recipe without it, or by an administrator; leave it "
            "out to see that submission",
        )
    method.published_model = named
    method.save(update_fields=["published_model"])
    boards_changed(method)


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


def _valid_submissions(of: Q, hardware: Hardware) -> list[tuple[Submission, str]]:
    """Submissions with an active or successful run, each with its mode: full before sampled. of: which runs.

    They are locked: none can be withdrawn before the transaction ends.
    """
    runs = (
        Run.objects.filter(of, hardware=hardware, submission__withdrawn_at=None)
        .exclude(state__in=[RunState.FAILED, RunState.CANCELLED])
        .order_by(FULL_FIRST, "pk")
    )
    modes = list(runs.values_list("submission", "mode"))
    locked = Submission.objects.select_for_update(no_key=True, of=("self",)).select_related("recipe")
    standing = locked.filter(pk__in={pk for pk, _ in modes}, withdrawn_at=None).order_by("pk")
    found = {submission.pk: submission for submission in standing}
    return [(found[pk], mode) for pk, mode in modes if pk in found]


def enqueue(submission: Submission, *, requested_by: User | None, mode: str, priority: Priority) -> Run:
    """Queue a run of a submission, and notify its workers once it is stored."""
    run = Run.objects.create(
        submission=submission,
        recipe=submission.recipe,
        hardware=submission.hardware,
        requested_by=requested_by,
        mode=mode,
        queued_at=clock.now(),
        priority=priority,
        is_audit=priority == Priority.AUDIT,
        turn=next_turn(submission.hardware, requested_by, priority),
    )
    transaction.on_commit(partial(dispatch, [run]))
    return run


@transaction.atomic
def rerun(run: Run, *, by: User | None, mode: str | None = None, reason: str = "") -> Run:
    """Queue another run of the same recipe. The published result stays ranked until the new one is published.

    mode: that of `run` unless given. Raises Refused if a run is queued or running already, if the submission was
    withdrawn, and if the recipe can't be sampled.
    """
    mode, reason = mode or run.mode, optional_reason(reason)
    fault = why_not_sampled(parse_recipe(run.recipe.document)) if (run.mode, mode) == ("full", "sampled") else None
    if fault is not None:
        raise Refused(fault.field, fault.message, subject=f"“{fault.field}” in the recipe")
    # The locks order this with submissions and re-runs of the same recipe, and with withdrawing: there may be no run
    # yet that could be locked. Submitting takes them in the same order. They leave foreign keys to these rows free
    # (no_key).
    lock_works([run.recipe.work_id])
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
    new = enqueue(submission, requested_by=by, mode=mode, priority=Priority.RERUN)
    write_log(Action.RERUN, run, by=by, reason=reason, run=new.pk, mode=mode)
    return new


def request_cancel(run: Run, *, by: User | None, reason: str = "") -> None:
    """Cancel a queued run at once; ask the worker of a running one to stop it within seconds.

    Raises Refused if the run has ended.
    """
    with transaction.atomic():
        line = cancel_without_notice(run, by=by, reason=reason)
        if not is_by_submitter(run.submission, by):
            tell_of_run(NoticeKind.CANCELLED, run, event=line, reason=line.reason)


def cancel_without_notice(run: Run, *, by: User | None, reason: str) -> LogLine:
    """The same without a notice, for an act that gives one of its own. Returns the line of the log."""
    reason = optional_reason(reason)
    words = f"Cancelled by {by.get_username()}" if by else "Cancelled"
    if not cancel(run.pk, f"{words}: {reason}" if reason else f"{words}."):
        run.refresh_from_db()
        raise Refused("run", f"run {run.pk} has already ended ({run.state}); there is nothing to cancel")
    return write_log(Action.CANCEL, run, by=by, reason=reason)


def is_by_submitter(submission: Submission | None, by: User | None) -> bool:
    """Whether an act is that of a submission's own submitter, who needs no notice of it."""
    return submission is not None and by is not None and submission.submitter_id == by.pk
