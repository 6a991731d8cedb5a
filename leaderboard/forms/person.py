"""The signed-in account of a request."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied


def signed_in(user: User | AnonymousUser) -> User:
    """The account of a signed-in user. Raises PermissionDenied for anonymous users."""
    if isinstance(user, AnonymousUser):
        raise PermissionDenied
    return user
