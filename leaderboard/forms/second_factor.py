"""Whether an administrator has given a second factor, where the setting ADMIN_2FA asks for it."""

from __future__ import annotations

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest


def has_second_factor(user: User | AnonymousUser) -> bool:
    """Whether an account asks for one at each sign-in."""
    return bool(is_mfa_enabled(user))  # type: ignore[arg-type]  # which takes anonymous users too


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the session is an administrator's, and was opened by a password alone where that is not enough.

    A session that was open before the second factor was set up has not given it either.
    """
    user: Any = request.user
    if not settings.ADMIN_2FA or not user.is_staff:
        return False
    given = any(record.get("method") == "mfa" for record in get_authentication_records(request, user))
    return not (given and has_second_factor(user))
