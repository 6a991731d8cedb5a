"""Pages that are made for a copy of the site as files (`leaderboard.staticcopy`): nothing there changes."""

from __future__ import annotations

from django.http import HttpRequest


def is_for_a_copy(request: HttpRequest) -> bool:
    """Whether the answer becomes a file. Readers can't ask for that: no header sets it."""
    return getattr(request, "copied", None) is not None
