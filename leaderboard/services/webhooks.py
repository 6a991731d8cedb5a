"""Webhooks of an account: added with a secret that is shown once, changed, tested, switched on again, deleted."""

from __future__ import annotations

import base64
import math
import secrets
import uuid
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from leaderboard.dispatch import notify_of_notices
from leaderboard.domain.addresses import is_public
from leaderboard.models import Delivery, DeliveryState, NoticeKind, Webhook
from leaderboard.services.counting import count
from leaderboard.services.limits import take_turn
from leaderboard.services.notices import offered_kinds
from leaderboard.services.refusal import Invalid, LimitReached

MOST_WEBHOOKS = 5
MOST_CHARACTERS = 500
LOWEST_FREE_PORT = 1024
MOST_BY_HAND_AN_HOUR = 30
"""Tests, and notices sent again, of one account."""


@transaction.atomic
def add_webhook(user: User, url: str, kinds: Collection[str]) -> Webhook:
    """Add a webhook. Its `secret` is to be shown now. Raises Invalid, and LimitReached for too many."""
    take_turn(user)
    if Webhook.objects.filter(user=user).count() >= MOST_WEBHOOKS:
        raise LimitReached("url", f"you have {MOST_WEBHOOKS} webhooks, which is the limit; delete one first")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return Webhook.objects.create(user=user, url=checked_url(url), secret=secret, kinds=_checked_kinds(user, kinds))


def change_webhook(webhook: Webhook, kinds: Collection[str]) -> None:
    """Choose what it is sent, and switch it on. Raises Invalid."""
    webhook.kinds = _checked_kinds(webhook.user, kinds)
    webhook.off_because, webhook.failing_since = "", None
    webhook.save(update_fields=["kinds", "off_because", "failing_since"])


@transaction.atomic
def test_webhook(webhook: Webhook) -> Delivery:
    """Send it a test. Raises LimitReached while the last one waits."""
    waiting = Delivery.objects.filter(webhook=webhook, kind=NoticeKind.TEST, state=DeliveryState.WAITING)
    if waiting.exists():
        raise LimitReached("webhook", "the last test is still waiting to be sent; see its answer below")
    check_by_hand(webhook.user)
    made = Delivery.objects.create(
        key=f"test/{uuid.uuid4()}", user=webhook.user, webhook=webhook, kind=NoticeKind.TEST, data={}
    )
    transaction.on_commit(notify_of_notices)
    return made


def check_by_hand(user: User) -> None:
    """Count what an account has sent by hand, so that it turns no webhook into a stream. Raises LimitReached."""
    wait_s = count("by hand", f"user {user.pk}", most=MOST_BY_HAND_AN_HOUR, within_s=3600)
    if wait_s is not None:
        raise LimitReached(
            "webhook",
            f"you have sent {MOST_BY_HAND_AN_HOUR} tests and notices by hand within this hour, which is the limit; "
            f"try again in {math.ceil(wait_s / 60)} min",
            retry_after_s=wait_s,
        )


def _checked_kinds(user: User, kinds: Collection[str]) -> list[str]:
    offered = offered_kinds(user)
    if unknown := [kind for kind in kinds if kind not in offered]:
        raise Invalid("events", f"{unknown[0][:40]!r} is no event; use some of {', '.join(offered)}")
    if not kinds:
        raise Invalid("events", "choose at least one event, or delete the webhook")
    return [str(kind) for kind in offered if kind in kinds]


def checked_url(url: str) -> str:
    """The address of a webhook. Raises Invalid for one that can't be called, with what to change.

    A host given as a number is checked here already; what a name leads to is checked at each connection.
    """
    url = url.strip()
    if len(url) > MOST_CHARACTERS:
        raise Invalid("url", f"has {len(url):,} characters; give at most {MOST_CHARACTERS}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid("url", "has characters other than those of an address; write names in ASCII (xn--…)")
    schemes = ["https", "http"] if settings.WEBHOOKS_PRIVATE else ["https"]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid("url", f"{url[:60]!r} is no address; write it like https://example.org/hook") from None
    if parts.scheme not in schemes or not host:
        raise Invalid("url", f"{url[:60]!r} must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Invalid("url", "must have no user name, password or fragment (#…); requests are signed instead")
    if port is not None and port not in (80, 443) and port < LOWEST_FREE_PORT:
        raise Invalid("url", f"names port {port}; use 443, or one from {LOWEST_FREE_PORT} on")
    if not settings.WEBHOOKS_PRIVATE and (host == "localhost" or _is_number(host)) and not is_public(host):
        raise Invalid("url", f"leads to {host[:60]}, which is not an address of the public internet")
    return url


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
