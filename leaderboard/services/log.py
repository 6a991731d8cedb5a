"""Who did what to which object, and why. A line is written in the transaction of the act."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model

from leaderboard.models import Action, LogLine
from leaderboard.services.refusal import Invalid

MOST_OF_REASON = 1000
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
REASON_PATTERN = rf"^[^{_CONTROLS}]*[^\x00-\x20\x7f\s][^{_CONTROLS}]*$"
"""Some text that can be seen, and no control characters but tabs and ends of lines."""


def write_log(action: Action, about: Model | str, *, by: User | None, reason: str = "", **details: Any) -> LogLine:
    """Add a line and return it, in the transaction of the act, so that neither is there alone.

    about: an object, or what there is only one of, such as the catalogue. by: None for what the system does, its
    commands and workers. details: values that JSON can hold.
    """
    return LogLine.objects.create(
        actor=by.get_username() if by else LogLine.SYSTEM,
        actor_number=by.pk if by else None,
        action=action,
        object_type=str(about._meta.model_name) if isinstance(about, Model) else about,
        object_id=str(about.pk)[:40] if isinstance(about, Model) else "",
        object_name=str(about)[:300],
        reason=reason,
        details=details,
    )


def given_reason(reason: str) -> str:
    """The reason without the space around it. Raises Invalid if nothing is said."""
    if not reason.strip():
        raise Invalid("reason", "is required; say in a sentence why, the submitter will read it", subject="“reason”")
    return optional_reason(reason)


def optional_reason(reason: str) -> str:
    """The reason without the space around it; may be empty. Raises Invalid for what can't be shown or is too long."""
    if len(reason) > MOST_OF_REASON:
        raise Invalid(
            "reason", f"has {len(reason):,} characters; give at most {MOST_OF_REASON:,}", subject="“reason”"
        )
    if reason.strip() and not re.match(REASON_PATTERN, reason):
        raise Invalid("reason", "has control characters; leave them out", subject="“reason”")
    return reason.strip()
