"""Rules of accounts beyond those of django-allauth."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db.models.signals import pre_save
from django.dispatch import receiver
from knox.models import AuthToken

# Names are shown in public: no addresses of e-mail, and no letters that look like others.
USERNAME_VALIDATORS = [
    RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_.-]*\Z", "Letters from A to Z, digits, dots, dashes, underscores.")
]


@receiver(pre_save, sender=settings.AUTH_USER_MODEL)
def revoke_tokens(instance: AbstractUser, update_fields: Collection[str] | None = None, **_: Any) -> None:
    """Whoever changes a password wants everybody else out: API tokens end with it, wherever it is changed."""
    if update_fields is not None and "password" not in update_fields:
        return
    stored = type(instance)._base_manager.filter(pk=instance.pk).exclude(password=instance.password)
    if stored.exists() and not _is_the_same_in_a_newer_hash(instance, update_fields):
        AuthToken.objects.filter(user=instance).delete()


def _is_the_same_in_a_newer_hash(user: AbstractUser, update_fields: Collection[str] | None) -> bool:
    """Whether Django, at a sign-in, renews the hash of the password that was typed.

    It saves the hash alone and, unlike for a password that somebody set, leaves `_password` empty, so that this does
    not count as a change (AbstractBaseUser.check_password).
    """
    renewed = set(update_fields or ()) == {"password"} and user._password is None  # type: ignore[attr-defined]  # not in the stubs
    return renewed and is_password_usable(user.password)
