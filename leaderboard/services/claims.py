"""Who says that a work is theirs: apart from the recipe, so that nobody gets another's work by submitting first."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from leaderboard.models import Action, Claim, Method, Recipe, Submission, Work
from leaderboard.services.log import optional_reason, write_log
from leaderboard.services.publication import boards_changed, lock_works
from leaderboard.services.refusal import Refused
from measurement.recipe import Recipe as RecipeDocument


def new_method(recipe: RecipeDocument, submitter: User | None) -> Method:
    """Store the names that a recipe gives."""
    return Method.objects.create(
        title=recipe.method.title,
        family=recipe.method.family,
        paper=recipe.method.paper or "",
        authors=list(recipe.method.authors),
        summary=recipe.method.summary,
        published_model=recipe.method.published_model or "",
        submitter=submitter,
    )


def hear(work: Work, recipe: RecipeDocument, submitter: User | None) -> None:
    """Store the names of a recipe whose work has others already, as a claim of its submitter.

    The current names, given again, claim nothing, and take an open claim of this person back. If nobody else's
    submission of the work is left, the new names take the place of the old ones, and nothing is to be decided.
    """
    standing = standing_method(work)
    others = Submission.objects.filter(recipe__work=work, withdrawn_at=None).exclude(submitter=submitter)
    mine = work.claims.filter(method__submitter=submitter) if submitter else work.claims.none()
    if _same_names(standing, recipe):
        _forget(mine.filter(state="open"))
    elif standing.submitter == submitter:
        return
    elif not others.exists():
        _forget(mine.filter(state="open"))
        _give_names(work, new_method(recipe, submitter))
        Method.objects.filter(pk=standing.pk, recipes=None, claim=None).delete()
    elif submitter is not None and not mine.exists():
        Claim.objects.create(work=work, method=new_method(recipe, submitter))
        boards_changed(standing)


def standing_method(work: Work) -> Method:
    """The names that all recipes of a work have."""
    return Method.objects.filter(recipes__work=work).order_by("pk")[0]


@transaction.atomic
def decide(claim: Claim, *, accept: bool, by: User | None, reason: str = "") -> None:
    """Accept a claim: its names take the place of those that stood, and all others are refused. Or refuse it.

    Nothing is deleted: the names that stood become a refused claim. Raises Refused if it was decided before.
    """
    reason = optional_reason(reason)
    lock_works([claim.work_id])
    decision = {"decided_by": by, "decided_at": Now()}
    state = "accepted" if accept else "refused"
    if not Claim.objects.filter(pk=claim.pk, state="open").update(state=state, **decision):
        raise Refused("claim", f"claim {claim.pk} has been decided already")
    standing = standing_method(claim.work)
    names = {"title": [standing.title, claim.method.title]} if accept else {}
    write_log(Action.ACCEPT_CLAIM if accept else Action.REFUSE_CLAIM, claim, by=by, reason=reason, **names)
    if accept:
        for other in claim.work.claims.filter(state="open").select_related("method", "work"):
            write_log(Action.REFUSE_CLAIM, other, by=by, reason=reason, accepted=claim.pk)
        claim.work.claims.filter(state="open").update(state="refused", **decision)
        Claim.objects.update_or_create(method=standing, defaults={"work": claim.work, "state": "refused", **decision})
        _give_names(claim.work, claim.method)
    else:
        boards_changed(standing)


def _same_names(standing: Method, recipe: RecipeDocument) -> bool:
    given = recipe.method
    return (standing.title.casefold(), list(standing.authors)) == (given.title.casefold(), list(given.authors))


def _give_names(work: Work, method: Method) -> None:
    Recipe.objects.filter(work=work).update(method=method)
    boards_changed(method)


def _forget(claims: QuerySet[Claim]) -> None:
    for claim in claims.select_related("method", "work"):
        method = claim.method
        claim.delete()
        method.delete()
        boards_changed(standing_method(claim.work))
