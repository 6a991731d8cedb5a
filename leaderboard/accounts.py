"""Rules of accounts beyond those of django-allauth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import AbstractUser, User
from django.contrib.sites.shortcuts import get_current_site
from django.core.validators import RegexValidator
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from leaderboard import services
from leaderboard.database import clock
from leaderboard.models import ApiToken

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
    """Mail is from the site by its name, and not by the address that it happens to be served at.

    It goes through the outbox, as notices do: a mail server that hangs delays no page, and nothing is lost while it
    is away. That somebody has an account is not seen from how long the page takes, either.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Called by allauth, which shows `account/signup_closed.html` otherwise."""
        return str(settings.SIGNUP) != "closed"

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Store a new account, which waits if an administrator approves accounts here."""
        if settings.SIGNUP != "approval":
            return super().save_user(request, user, form, commit)
        super().save_user(request, user, form, commit=False)
        services.wait_for_approval(user)
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Render it, for the outbox; `current_site` is what allauth's texts call the site."""
        domain = get_current_site(self.request).domain
        named = {"request": self.request, "email": email, "current_site": NamedSite(settings.SITE_NAME, domain)}
        message = self.render_mail(template_prefix, email, named | context)
        user = context.get("user")
        services.post_mail(
            email, str(message.subject), str(message.body), user=user if isinstance(user, User) and user.pk else None
        )


class SecondFactors(DefaultMFAAdapter):
    """Rules of second factors."""

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not an administrator's own app where one is required: whoever knows the password would put theirs there."""
        is_app = authenticator.type == Authenticator.Type.TOTP
        return not (settings.ADMIN_2FA and is_app and authenticator.user.is_staff)


@receiver(pre_save, sender=settings.AUTH_USER_MODEL)
def revoke_tokens(instance: AbstractUser, update_fields: Collection[str] | None = None, **_: Any) -> None:
    """End a user's API tokens when the password changes, wherever that happens: others may know them."""
    if update_fields is not None and "password" not in update_fields:
        return
    stored = type(instance)._base_manager.filter(pk=instance.pk).exclude(password=instance.password)
    if stored.exists() and not _is_the_same_in_a_newer_hash(instance, update_fields):
        ApiToken.objects.filter(user=instance, revoked_at=None).update(revoked_at=clock.now())


def _is_the_same_in_a_newer_hash(user: AbstractUser, update_fields: Collection[str] | None) -> bool:
    """Whether Django, at a sign-in, renews the hash of the password that was typed.

    It saves the hash alone and, unlike for a password that is set, leaves `_password` empty, so that this does
    not count as a change (AbstractBaseUser.check_password).
    """
    renewed = set(update_fields or ()) == {"password"} and user._password is None  # type: ignore[attr-defined]  # not in the stubs
    return renewed and is_password_usable(user.password)
