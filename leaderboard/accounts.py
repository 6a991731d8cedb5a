"""Rules of accounts beyond those of django-allauth."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from django.core.validators import RegexValidator
from django.dispatch import receiver
from knox.models import AuthToken

# Names are shown in public: no addresses of e-mail, and no letters that look like others.
USERNAME_VALIDATORS = [
    RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_.-]*\Z", "Letters from A to Z, digits, dots, dashes, underscores.")
]


@receiver([password_changed, password_reset, password_set])
def revoke_tokens(user: Any, **_: Any) -> None:
    """Whoever changes a password wants everybody else out: API tokens end with it."""
    AuthToken.objects.filter(user=user).delete()
