"""Who asks."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied


def signed_in(user: User | AnonymousUser) -> User:
    """The account of somebody who has signed in. Raises PermissionDenied for somebody who has not."""
    if isinstance(user, AnonymousUser):
        raise PermissionDenied
    return user
