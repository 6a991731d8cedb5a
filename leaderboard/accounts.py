"""Rules of accounts beyond those of django-allauth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import AbstractUser
from django.contrib.sites.shortcuts import get_current_site
from django.core.validators import RegexValidator
from django.db.models.signals import pre_save
from django.dispatch import receiver
from knox.models import AuthToken

# Names are public: no e-mail addresses, and no letters that look like others.
USERNAME_VALIDATORS = [
    RegexValidator(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]*\Z", "Use only letters from A to Z, digits, dots, dashes and underscores."
    )
]


@dataclass(frozen=True, slots=True)
class NamedSite:
    """What allauth's mails say of the site."""

    name: str
    domain: str


class Adapter(DefaultAccountAdapter):
    """Mail is from the site by its name, and not by the address that it happens to be served at."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Render and send; `current_site` is what allauth's texts call the site."""
        domain = get_current_site(self.request).domain
        named = {"current_site": NamedSite(settings.SITE_NAME, domain)}
        super().send_mail(template_prefix, email, named | context)


@receiver(pre_save, sender=settings.AUTH_USER_MODEL)
def revoke_tokens(instance: AbstractUser, update_fields: Collection[str] | None = None, **_: Any) -> None:
    """Delete a user's API tokens when the password changes, wherever that happens: others may know them."""
    if update_fields is not None and "password" not in update_fields:
        return
    stored = type(instance)._base_manager.filter(pk=instance.pk).exclude(password=instance.password)
    if stored.exists() and not _is_the_same_in_a_newer_hash(instance, update_fields):
        AuthToken.objects.filter(user=instance).delete()


def _is_the_same_in_a_newer_hash(user: AbstractUser, update_fields: Collection[str] | None) -> bool:
    """Whether Django, at a sign-in, renews the hash of the password that was typed.

    It saves the hash alone and, unlike for a password that is set, leaves `_password` empty, so that this does
    not count as a change (AbstractBaseUser.check_password).
    """
    renewed = set(update_fields or ()) == {"password"} and user._password is None  # type: ignore[attr-defined]  # not in the stubs
    return renewed and is_password_usable(user.password)
