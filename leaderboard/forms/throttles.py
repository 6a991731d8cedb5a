"""How often one person may ask for work."""

from __future__ import annotations

from rest_framework.throttling import UserRateThrottle


class SubmissionThrottle(UserRateThrottle):
    """Submissions of one user, by form and API together; the rate stands in REST_FRAMEWORK."""

    scope = "submissions"
    num_requests: int  # which REST framework reads from the rate
