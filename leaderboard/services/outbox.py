"""The way of a notice out of the site: taken by one sender at a time, tried again, given up, sent again by hand.

`tries` is the fencing token: what a sender stores counts only if nobody has taken the notice since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Now

from leaderboard.dispatch import notify_of_notices
from leaderboard.models import Action, Delivery, DeliveryState, NoticeKind, Webhook
from leaderboard.services.log import write_log
from leaderboard.services.notices import tell_webhook_off
from leaderboard.services.refusal import Refused

WAITS_S = (60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
"""How long to wait after the first try that failed, the second …; what fails once more is given up."""
MOST_TRIES = len(WAITS_S) + 1
TAKEN_FOR = timedelta(minutes=10)
"""A sender that has not said by then how it went is dead: another tries."""
POSTPONED_FOR = timedelta(minutes=1)
KEPT_FOR = timedelta(days=30)
OFF_AFTER = timedelta(days=5)
"""A webhook that has taken nothing for so long is switched off with the next notice that is given up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a try got, in words. unreachable: whatever waits for the same server would get the same."""

    words: str
    state: DeliveryState = DeliveryState.WAITING
    unreachable: bool = False
    is_gone: bool = False
    """Whether the webhook asks for no more."""


def due() -> QuerySet[Delivery]:
    """What is to be tried now."""
    return Delivery.objects.filter(state=DeliveryState.WAITING, due_at__lte=Now())


def channels_due() -> list[int | None]:
    """The webhooks that something is due for, and first None if mail is."""
    found = set(due().order_by().values_list("webhook", flat=True).distinct())
    return sorted(found, key=lambda channel: channel or 0)


def take(channel: int | None) -> Delivery | None:
    """Take the notice that has been due the longest. None if there is none."""
    waiting = due().filter(webhook=channel) if channel is not None else due().filter(webhook__isnull=True)
    while (first := waiting.order_by("due_at", "at").first()) is not None:
        taken = _held(first).filter(due_at__lte=Now())
        if taken.update(tries=F("tries") + 1, due_at=Now() + TAKEN_FOR, tried_at=Now()):
            first.refresh_from_db()
            return first
    return None


def settle(delivery: Delivery, answer: Answer) -> bool:
    """Store how a try went, and when the next is due. False if somebody else has taken the notice since."""
    state = answer.state
    if state == DeliveryState.WAITING and delivery.tries >= MOST_TRIES:
        state = DeliveryState.FAILED
    changes: dict[str, Any] = {"state": state, "answer": answer.words[:300]}
    if state == DeliveryState.WAITING:
        changes["due_at"] = Now() + timedelta(seconds=WAITS_S[delivery.tries - 1])
    elif delivery.kind == NoticeKind.ACCOUNT:
        changes["data"] = {}
    if not _held(delivery).update(**changes):
        return False
    # It may be gone: nothing in the database holds a notice to its webhook.
    if (webhook := Webhook.objects.filter(deliveries=delivery).first()) is not None:
        _judge(webhook, state, answer)
    if answer.unreachable:
        _postpone(delivery.webhook_id, answer.words)
    return True


def _judge(webhook: Webhook, state: str, answer: Answer) -> None:
    """Note whether a webhook takes what it is sent, and switch off one that asks for it or has long taken nothing."""
    judged = Webhook.objects.filter(pk=webhook.pk)
    if state == DeliveryState.SENT:
        judged.exclude(failing_since=None).update(failing_since=None)
        return
    judged.filter(failing_since=None).update(failing_since=Now())
    if answer.is_gone:
        _switch_off(webhook, answer.words)
    elif state == DeliveryState.FAILED and judged.filter(failing_since__lte=Now() - OFF_AFTER).exists():
        _switch_off(webhook, f"It has taken nothing for {OFF_AFTER.days} days or longer. {answer.words}")


def _held(delivery: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=delivery.pk, tries=delivery.tries, state=DeliveryState.WAITING)


def _postpone(channel: int | None, words: str) -> None:
    """Leave what else is due for a server that can't be reached for a while: not each has to find it out."""
    same = due().filter(webhook=channel) if channel is not None else due().filter(webhook__isnull=True)
    untried = Case(When(answer="", then=Value(f"waits: {words}"[:300])), default=F("answer"))
    same.update(due_at=Now() + POSTPONED_FOR, answer=untried)


@transaction.atomic
def _switch_off(webhook: Webhook, why: str) -> None:
    """Send a webhook nothing any more until its owner switches it on again, and notify them."""
    if Webhook.objects.filter(pk=webhook.pk, off_because="").update(off_because=why[:300]):
        tell_webhook_off(webhook, why)
    waiting = Delivery.objects.filter(webhook=webhook, state=DeliveryState.WAITING)
    waiting.update(state=DeliveryState.DROPPED, answer="The webhook is switched off.")


@transaction.atomic
def send_again(delivery: Delivery, *, by: User | None) -> None:
    """Send a notice once more, whatever became of it before; from the first try on. Its `id` stays the same.

    Raises Refused if it waits already, if its webhook is switched off, and for mail about an account.
    """
    if delivery.kind == NoticeKind.ACCOUNT:
        raise Refused(
            "delivery",
            "is no longer here, since it may have had a secret link; let the person ask for another on the site",
            subject="The text of this mail",
        )
    if delivery.webhook is not None and delivery.webhook.off_because:
        raise Refused("webhook", "is switched off; switch it on first", subject=str(delivery.webhook))
    ended = Delivery.objects.filter(pk=delivery.pk).exclude(state=DeliveryState.WAITING)
    if not ended.update(state=DeliveryState.WAITING, tries=0, due_at=Now(), answer=""):
        raise Refused("delivery", "is waiting to be sent already", subject="The notice")
    if by is None or by.pk != delivery.user_id:
        write_log(Action.SEND_AGAIN, delivery, by=by, to=str(delivery.webhook or delivery.user))
    transaction.on_commit(notify_of_notices)


def forget_old() -> int:
    """Remove notices that were sent, or not wanted, long ago. What failed stays until its account goes.

    Mail about an account that nobody has sent in time, since the process that sends was away, is given up.
    """
    secret = Delivery.objects.filter(kind=NoticeKind.ACCOUNT, state=DeliveryState.WAITING)
    late = secret.filter(at__lt=Now() - timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT))
    late.update(state=DeliveryState.FAILED, data={}, answer="It was not sent before its link was out of date.")
    ended = Delivery.objects.filter(state__in=[DeliveryState.SENT, DeliveryState.DROPPED], at__lt=Now() - KEPT_FOR)
    return ended.delete()[0]
