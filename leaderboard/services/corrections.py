"""Corrections of the names that a person gave their own work: title, family, paper, authors, summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from leaderboard.models import Action, Method, Recipe, Submission
from leaderboard.services.limits import check_acts, take_turn
from leaderboard.services.log import optional_reason, write_log
from leaderboard.services.publication import boards_changed, lock_works
from leaderboard.services.refusal import Refused
from measurement.documents import DocumentError, Fault
from measurement.recipe import parse_recipe

CORRECTED = ("title", "family", "paper", "authors", "summary")


def own_method(submission: Submission, person: User) -> Method | None:
    """The names that a person gave a submission's work: those that all see, or an open claim; None if others did."""
    standing = submission.recipe.method
    if standing.submitter_id == person.pk:
        return standing
    mine = submission.recipe.work.claims.filter(method__submitter=person, state="open").select_related("method")
    claim = mine.first()
    return claim.method if claim is not None else None


def names_of(method: Method) -> dict[str, Any]:
    """A method's names as a recipe has them."""
    return {
        "title": method.title,
        "family": method.family,
        "paper": method.paper or None,
        "authors": list(method.authors),
        "summary": method.summary,
        "published_model": method.published_model or None,
    }


@transaction.atomic
def correct(
    submission: Submission, given: Mapping[str, Any], *, by: User, reason: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Correct some of CORRECTED. Returns what each was and became; what stays as it is has no line in the log.

    Raises Refused for names that are not this person's own and for a family that the phases contradict, DocumentError
    for what a recipe could not have, LimitReached for too many an hour.
    """
    reason = optional_reason(reason)
    take_turn(by)
    lock_works([submission.recipe.work_id])
    method = own_method(Submission.objects.select_related("recipe__method", "recipe__work").get(pk=submission.pk), by)
    if method is None:
        raise Refused("", f"the names of this work are not yours; {_whose(submission)}")
    before = names_of(method)
    after = _checked(submission, before | {name: given[name] for name in CORRECTED if name in given})
    changes = {name: (before[name], after[name]) for name in CORRECTED if before[name] != after[name]}
    if not changes:
        return {}
    check_acts(by, Action.CORRECT)
    for name, (_, value) in changes.items():
        setattr(method, name, value if value is not None else "")
    method.save(update_fields=list(changes))
    write_log(
        Action.CORRECT,
        method,
        by=by,
        reason=reason,
        changes={name: list(pair) for name, pair in changes.items()},
        submission=str(submission.pk),
    )
    boards_changed(submission.recipe.method)
    return changes


def _whose(submission: Submission) -> str:
    owner = submission.recipe.method.submitter
    name = f"{owner.get_username()} gave them" if owner is not None else "no account that is left gave them"
    return f"{name}. Submit the recipe with your names to claim it"


def _checked(submission: Submission, names: dict[str, Any]) -> dict[str, Any]:
    """The names as the schema of recipes reads them; with every recipe of the work, since all have these names."""
    for recipe in Recipe.objects.filter(work=submission.recipe.work_id):
        try:
            parsed = parse_recipe(recipe.document | {"method": names})
        except DocumentError as error:
            faults = [Fault(fault.field.removeprefix("method."), fault.message) for fault in error.faults]
            raise DocumentError(faults) from None
        if (fault := parsed.why_not_family()) is not None:
            raise Refused("family", fault.message, subject="“family”")
    checked: dict[str, Any] = parsed.document()["method"]
    return checked
