"""New versions: a submission that says which earlier one of the same person it is to supersede."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User

from leaderboard.models import Action, Entry, Recipe, Submission
from leaderboard.services.log import write_log
from leaderboard.services.publication import raise_revisions
from leaderboard.services.refusal import Refused

FIELD = "version_of"


def predecessor(number: UUID, stored: Recipe, submitter: User | None) -> Submission:
    """The submission that a recipe is to be a new version of. Refused if it can't be one of this person's."""
    found = Submission.objects.select_related("recipe").filter(pk=number).first()
    if found is None or submitter is None or found.submitter_id != submitter.pk:
        raise Refused(FIELD, f"is {number}, which is no submission of yours; give one of yours, or leave it out")
    if found.recipe.track != stored.track:
        raise Refused(
            FIELD,
            f"is a submission on track {found.recipe.track}, but this recipe is on {stored.track}; a new version is "
            "on the same track, so leave it out",
        )
    for earlier in _chain_of(found):
        if earlier.recipe.work_id == stored.work_id and earlier.pk != found.pk:
            raise Refused(
                FIELD,
                f"is a later version of this very work (submission {earlier.pk}); withdraw the later versions to "
                "bring it back",
            )
    return found


def check_is_other_work(stored: Recipe, before: Submission) -> None:
    """Refused if the predecessor has results and the recipe does the same as it: that is no version of it.

    One that failed may be asked for again, with another budget or seed.
    """
    shown = Entry.objects.filter(work=stored.work_id, board__hardware=before.hardware_id, work__isnull=False)
    if before.recipe.work_id == stored.work_id and before.withdrawn_at is None and shown.exists():
        raise Refused(
            FIELD,
            f"is submission {before.pk}, whose recipe does the same: another seed or budget gives another result of "
            "its entry, not a new version. Change what is done, or leave version_of out",
        )


def mark(submission: Submission, before: Submission, *, by: User | None) -> None:
    """Make a submission that was there already a new version of an earlier one. Refused if it can't be."""
    if submission.version_of_id == before.pk:
        return
    if submission.submitter_id != before.submitter_id:
        raise Refused(
            FIELD,
            f"can't be given: this work was verified for somebody else, in submission {submission.pk}, so it is no "
            "version of yours. Leave it out, and withdraw yours if it is out of date",
        )
    if submission.pk == before.pk:
        raise Refused(
            FIELD, f"is {before.pk}, which has this very recipe; change the recipe to submit a new version of it"
        )
    if submission.version_of_id is not None:
        raise Refused(
            FIELD, f"is {before.pk}, but this recipe was submitted as a new version of {submission.version_of_id}"
        )
    if before.created_at >= submission.created_at:
        raise Refused(
            FIELD,
            f"is {before.pk}, which is newer than the submission of this recipe ({submission.pk}); a new version is "
            "the later one",
        )
    submission.version_of, submission.first_version = before, first_of(before)
    submission.save(update_fields=["version_of", "first_version"])
    Submission.objects.filter(first_version=submission.pk).update(first_version=submission.first_version)
    write_log(Action.CHANGE, submission, by=by, version_of=str(before.pk))
    standing_changed(submission)


def standing_changed(submission: Submission) -> None:
    """Find again which versions are on the boards of a submission's work, though no figure of it has changed."""
    on_boards = Entry.objects.filter(work=submission.recipe.work_id, board__hardware=submission.hardware_id)
    raise_revisions(on_boards.values_list("board_id", flat=True))


def first_of(before: Submission) -> Submission:
    """Where the chain begins that a new version of `before` belongs to."""
    return before.first_version or before


def _chain_of(last: Submission) -> list[Submission]:
    """A submission and the versions before it, the newest first. One query."""
    root = last.first_version_id or last.pk
    of_chain = Submission.objects.select_related("recipe").defer("recipe__document")
    by_number = {found.pk: found for found in of_chain.filter(first_version=root)}
    by_number |= {root: first_of(last), last.pk: last}
    chain: list[Submission] = []
    here: Submission | None = last
    while here is not None:
        chain.append(here)
        here = by_number.get(here.version_of_id) if here.version_of_id is not None else None
    return chain
