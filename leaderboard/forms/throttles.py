"""How often one person may submit, and one address have pictures drawn."""

from __future__ import annotations

from typing import Any

from rest_framework.throttling import SimpleRateThrottle, UserRateThrottle


class SubmissionThrottle(UserRateThrottle):
    """Submissions of one user, by form and API together; the rate is in REST_FRAMEWORK."""

    scope = "submissions"
    num_requests: int  # which REST framework reads from the rate


class CardThrottle(SimpleRateThrottle):
    """Pictures that are drawn for one address. One that was drawn before costs nothing."""

    scope = "cards"

    def get_cache_key(self, request: Any, view: Any) -> str:
        """One count for each address."""
        return str(self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)})
