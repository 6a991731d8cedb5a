"""What `submit` would refuse, said beforehand."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from leaderboard.models import Hardware
from leaderboard.services.evidence import why_not_sampled
from leaderboard.services.measurements import why_not_measured
from leaderboard.services.named_artifacts import why_not_artifacts
from leaderboard.services.published_models import check_published_model
from leaderboard.services.refusal import Refused
from leaderboard.services.submissions import submit
from measurement.documents import DocumentError, Fault
from measurement.recipe import Recipe


class _Undone(Exception):
    """Ends a rehearsal that nothing refused."""


def why_not(recipe: Recipe, mode: str, submitter: User | None) -> list[Fault]:
    """What `submit` would refuse of the recipe itself, whatever the hardware; empty if nothing. Only reads."""
    of_mode = why_not_sampled(recipe) if mode == "sampled" else None
    found = [fault for fault in (recipe.why_not_family(), of_mode) if fault is not None]
    try:
        check_published_model(recipe)
    except (Refused, DocumentError) as error:
        found += _faults(error)
    return [*found, *why_not_measured(recipe, submitter), *why_not_artifacts(recipe, submitter)]


def why_not_submitted(
    recipe: Recipe, *, hardware: Hardware, submitter: User, mode: str, version_of: UUID | None = None
) -> list[Fault]:
    """What else `submit` would refuse now, such as for a limit or a seed too many; empty if nothing.

    It submits and takes that back, so that no rule is known to one of both alone. Nothing stays stored or is sent.
    """
    try:
        with transaction.atomic():
            submit(recipe, hardware=hardware, submitter=submitter, mode=mode, version_of=version_of)
            raise _Undone
    except _Undone:
        return []
    except (Refused, DocumentError) as error:
        return _faults(error)


def _faults(error: Refused | DocumentError) -> list[Fault]:
    return error.faults if isinstance(error, DocumentError) else [Fault(error.field, error.message)]
