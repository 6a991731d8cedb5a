"""Accounts that may be used once an administrator has approved them (SIGNUP=approval)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse

from leaderboard.models import Action, Approval
from leaderboard.services.limits import take_turn
from leaderboard.services.log import optional_reason, write_log
from leaderboard.services.notices import post_mail, tell_administrators
from leaderboard.services.refusal import Refused


@transaction.atomic
def wait_for_approval(user: User) -> None:
    """Store a new account that nobody can use yet, and notify the administrators."""
    user.is_active = False
    user.save()
    Approval.objects.create(user=user)
    where = settings.SITE_URL + reverse("admin:auth_user_changelist") + "?approval__isempty=0"
    text = f"{user} has signed up and waits for your approval.\n\nApprove or delete the account: {where}"
    tell_administrators("an account waits for approval", text, event=f"approval-of-{user.pk}")


@transaction.atomic
def approve(user: User, *, by: User | None, reason: str = "") -> None:
    """Let an account be used, and mail its owner. Raises Refused if it does not wait for that."""
    reason = optional_reason(reason)
    take_turn(user)
    deleted, _ = Approval.objects.filter(user=user).delete()
    if not deleted:
        raise Refused("user", f"{user} does not wait for approval")
    User.objects.filter(pk=user.pk).update(is_active=True)
    write_log(Action.APPROVE, user, by=by, reason=reason)
    if user.email:
        text = (
            f"Your account {user} on {settings.SITE_NAME} was approved.\n\n"
            f"Sign in: {settings.SITE_URL}{reverse('account_login')}\n"
        )
        post_mail(user.email, f"[{settings.SITE_NAME}] Your account was approved", text, user=user)
