"""Results on one's own data set that the submitter and administrators alone see."""

from __future__ import annotations

from django.contrib.auth.models import User

from leaderboard.services.refusal import Refused
from measurement.recipe import Recipe

FIELD = "dataset.visibility"


def of_submitter(recipe: Recipe, submitter: User | None) -> Recipe:
    """The recipe with its submitter's number, if its results are to be private; else as it is.

    So the same data have another track, and the same recipe is another work, for each account and for everybody: no
    private result is ever among others. Raises Refused without an account, and for another's number.
    """
    if recipe.private_to is None:
        return recipe
    if submitter is None:
        raise _refused(FIELD, "is private, but nobody submits it; write public")
    if recipe.private_to not in (0, submitter.pk):
        raise _refused("dataset.private_to", "is not the number of your account; leave it out")
    return recipe.kept_private_to(submitter.pk)


def _refused(field: str, message: str) -> Refused:
    return Refused(field, message, subject=f"“{field}” in the recipe")
