"""How often one person may submit, and one address sign in, have pictures drawn, and read traces.

All is counted in the database, by the processes of all machines together; docs/settings.md lists the limits.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.throttling import UserRateThrottle

from leaderboard import services
from leaderboard.forms.client import client_of
from leaderboard.forms.person import signed_in

HOUR, MINUTE = 3600, 60
SIGNING_IN = {
    "account_login": (30, 5 * MINUTE),
    "mfa_authenticate": (30, 5 * MINUTE),
    "account_signup": (20, HOUR),
    "account_reset_password": (20, HOUR),
    "account_reset_password_from_key": (20, HOUR),
}
"""Forms that anybody may post: how often one address may, within how many seconds."""
TRACES = frozenset({"entry-power", "run-power", "api-entry-trace", "api-measurement-trace"})
"""Addresses that read a whole trace."""
TRACE_RATE = (120, MINUTE)


def wait_of(request: HttpRequest, name: str) -> float | None:
    """Count a request for the address of this name, if such are limited. Seconds to wait; None: it may go on."""
    what, rate = name, SIGNING_IN.get(name) if request.method == "POST" else None
    if rate is None and name in TRACES and request.method in ("GET", "HEAD"):
        what, rate = "traces", TRACE_RATE
    if rate is None:
        return None
    return services.count(what, client_of(request), most=rate[0], within_s=rate[1])


class SubmissionThrottle(UserRateThrottle):
    """Submissions of one user, by form and API together; the rate is in REST_FRAMEWORK.

    Each counts for a whole hour from its own moment on.
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


class _Counted(UserRateThrottle):
    num_requests: int
    duration: int

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count it, unless a copy of the site asks, which is nobody. `request`: REST framework's or Django's."""
        if getattr(request, "copied", None):
            return True
        most, within_s = self.num_requests, self.duration
        self._wait_s = services.count(str(self.scope), self.whose(request), most=most, within_s=within_s)
        return self._wait_s is None

    def whose(self, request: Any) -> str:
        """Whom it counts for."""
        return f"user {request.user.pk}" if request.user.is_authenticated else client_of(request)

    def wait(self) -> float | None:
        """Seconds until the next is taken."""
        return self._wait_s


class CheckThrottle(_Counted):
    """Checks of one user's recipes."""

    scope = "checks"


class CardThrottle(_Counted):
    """Pictures that are drawn for one address. One that was drawn before costs nothing."""

    scope = "cards"

    def whose(self, request: Any) -> str:
        """The address, whoever is signed in."""
        return client_of(request)
