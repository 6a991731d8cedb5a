"""Notices of an account, and what became of it."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet

from leaderboard.models import Delivery, DeliveryState, MailChoice, Webhook

LAST = 20


def unwanted_mail(user: User) -> list[str]:
    """The kinds of notices that an account wants no mail of."""
    return MailChoice.objects.filter(user=user).values_list("unwanted", flat=True).first() or []


def why_no_mail(user: User) -> str:
    """Why an account can't be sent mail, as a sentence; empty if it can."""
    if not user.email:
        return "The account has no e-mail address."
    if EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=False).exists():
        return "The account's e-mail address is not verified."
    return ""


def notices_by_state() -> dict[str, int]:
    """How many notices are in each state; states without any are left out."""
    counted = Delivery.objects.order_by().values("state").annotate(number=Count("pk"))
    return {row["state"]: row["number"] for row in counted}


def webhooks_of(user: User) -> QuerySet[Webhook]:
    """The webhooks of an account, with how many of their deliveries `failed`."""
    failed = Count("deliveries", filter=Q(deliveries__state=DeliveryState.FAILED))
    return Webhook.objects.filter(user=user).annotate(failed=failed).order_by("pk")


def deliveries_of(webhook: Webhook) -> QuerySet[Delivery]:
    """What a webhook was sent, the newest first."""
    return Delivery.objects.filter(webhook=webhook)


def last_deliveries(webhook: Webhook) -> QuerySet[Delivery]:
    """The last few."""
    return deliveries_of(webhook)[:LAST]
