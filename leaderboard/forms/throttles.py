"""How often one person may submit, and one address have pictures drawn."""

from __future__ import annotations

from typing import Any

from rest_framework.throttling import SimpleRateThrottle, UserRateThrottle

from leaderboard import services
from leaderboard.forms.person import signed_in


class SubmissionThrottle(UserRateThrottle):
    """Submissions of one user, by form and API together; the rate is in REST_FRAMEWORK.

    Counted in the database, not in REST framework's cache: exactly, and by the processes of all machines together.
    """

    scope = "submissions"
    num_requests: int  # which REST framework reads from the rate
    duration: int

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count it. `request`: REST framework's or Django's; its user is signed in."""
        user = signed_in(request.user)
        self._wait_s = services.count_request(user, most=self.num_requests, within_s=self.duration)
        return self._wait_s is None

    def wait(self) -> float | None:
        """Seconds until the next submission is taken."""
        return self._wait_s


class CardThrottle(SimpleRateThrottle):
    """Pictures that are drawn for one address. One that was drawn before costs nothing."""

    scope = "cards"

    def get_cache_key(self, request: Any, view: Any) -> str:
        """One count for each address."""
        return str(self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)})
