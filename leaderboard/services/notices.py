"""Notices to people and their programs. Each notice is written in the transaction of the event.

It is sent once that is committed, by the process that serves the queue `dispatch.NOTICES`. A notice names its event,
so that nobody is notified of it twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from leaderboard.dispatch import notify_of_notices
from leaderboard.models import (
    Delivery,
    Entry,
    LogLine,
    MailChoice,
    NoticeKind,
    Run,
    Submission,
    Webhook,
)

OWN_KINDS = tuple(
    kind for kind in NoticeKind if kind not in (NoticeKind.ADMINISTRATION, NoticeKind.ACCOUNT, NoticeKind.TEST)
)
"""What every account is notified of, if it wants to be. Mail that it asked for itself is no matter of choice."""


def tell_of_run(
    kind: NoticeKind, run: Run, *, event: LogLine | None = None, reason: str = "", entries: Iterable[Entry] = ()
) -> None:
    """Notify the submitter of a run of what happened to it, by mail and webhook, as the account has chosen.

    event: the line of the log, of what can happen to one attempt more than once. entries: on which it is now.
    """
    if run.submission is not None:
        happened = f"log-{event.pk}" if event else f"attempt-{run.attempt}"
        on_boards = Entry.objects.filter(pk__in=[entry.pk for entry in entries])
        more = {"entries": _numbers(on_boards), "reason": reason, "held_for": list(run.held_for)}
        _tell(kind, run.submission, f"run-{run.pk}/{happened}", {"run": run.pk, **more})


def tell_of_end(kind: NoticeKind, run: Run, *, reason: str = "", entries: Iterable[Entry] = ()) -> None:
    """Notify the submitter of how a run ended, unless nobody but the site asked for it: audits end unseen."""
    if not run.is_audit:
        tell_of_run(kind, run, reason=reason, entries=entries)


def tell_of_submission(kind: NoticeKind, submission: Submission, *, event: LogLine, reason: str = "") -> None:
    """Notify the submitter of what somebody else did to the submission as a whole."""
    _tell(kind, submission, f"log-{event.pk}", {"run": None, "entries": [], "reason": reason})


def tell_superseded(run: Run, *, by: Run, reason: str) -> None:
    """Notify the submitter of a run that another run's result has the place of its own. reason: why, as a sentence.

    Call it in the transaction in which that happens; a second call for the same two runs writes nothing new.
    """
    if run.submission is not None:
        now_there = Entry.objects.filter(work=by.recipe.work_id, board__hardware=by.hardware_id)
        successor = {"run": by.pk, "submission": str(by.submission_id) if by.submission_id else None}
        data = {
            "run": run.pk,
            "entries": _numbers(now_there),
            "reason": reason,
            "superseded_by": successor,
        }
        _tell(NoticeKind.SUPERSEDED, run.submission, f"run-{run.pk}/by-run-{by.pk}", data)


def _numbers(entries: QuerySet[Entry]) -> list[int]:
    """First that of the board which the site would show: accelerator, offline."""
    return list(entries.order_by("board__scope", "board__scenario", "pk").values_list("pk", flat=True))


def tell_results_taken_down(user: User, *, event: LogLine, reason: str) -> None:
    """Notify an account that all its results were taken down: once, not once for each."""
    _write(user, NoticeKind.TAKEN_DOWN, f"log-{event.pk}", {"entries": [], "reason": reason})


def tell_webhook_off(webhook: Webhook, reason: str) -> None:
    """Notify the owner of a webhook that it was switched off. Call it in the transaction in which that happens."""
    data = {"webhook": webhook.pk, "url": webhook.url, "reason": reason}
    _write(webhook.user, NoticeKind.WEBHOOK_OFF, f"webhook-{webhook.pk}/{uuid.uuid4()}", data)


def post_mail(to: str, subject: str, text: str, *, user: User | None = None) -> None:
    """Put mail that somebody has asked for into the outbox, such as a link for a new password.

    user: whose account it is about, if it is about one. Its text is kept until it is sent or given up, no longer.
    """
    data = {"to": to, "subject": subject, "text": text}
    Delivery.objects.create(key=f"{NoticeKind.ACCOUNT}/{uuid.uuid4()}", user=user, kind=NoticeKind.ACCOUNT, data=data)
    transaction.on_commit(notify_of_notices)


def tell_administrators(subject: str, text: str, *, event: str = "") -> int:
    """Mail to every active administrator, and to their webhooks. Returns how many are notified.

    Call it in the transaction of the event. subject: a few words, without the site's name. text: plain
    sentences, paragraphs between empty lines. event: names what happened, such as `drift-of-run-7`: each
    administrator is notified of it once, however often this is called; empty: every call is an event of its own.
    """
    administrators = list(User.objects.filter(is_staff=True, is_active=True).order_by("pk"))
    event = event or str(uuid.uuid4())
    for administrator in administrators:
        _write(administrator, NoticeKind.ADMINISTRATION, event, {"subject": subject, "text": text})
    return len(administrators)


def offered_kinds(user: User) -> list[NoticeKind]:
    """What an account can be notified of."""
    return [*OWN_KINDS, *([NoticeKind.ADMINISTRATION] if user.is_staff else [])]


def choose_mail(user: User, wanted: Iterable[str]) -> None:
    """Mail an account of these kinds alone, of those that it is offered now."""
    unwanted = sorted(set(offered_kinds(user)) - set(wanted))
    MailChoice.objects.update_or_create(user=user, defaults={"unwanted": unwanted})


@transaction.atomic
def end_mail(user: User, kinds: Iterable[str]) -> None:
    """Mail an account of these kinds no more."""
    choice, _ = MailChoice.objects.select_for_update(no_key=True).get_or_create(user=user)
    choice.unwanted = sorted({*choice.unwanted, *kinds})
    choice.save()


def _tell(kind: NoticeKind, submission: Submission, event: str, data: dict[str, Any]) -> None:
    if submission.submitter is not None:
        title, hardware = submission.recipe.method.title, submission.hardware.name
        names = {"submission": str(submission.pk), "title": title, "hardware": hardware}
        _write(submission.submitter, kind, event, names | data)


def _write(user: User, kind: NoticeKind, event: str, data: dict[str, Any]) -> None:
    unwanted = MailChoice.objects.filter(user=user).values_list("unwanted", flat=True).first() or []
    webhooks = Webhook.objects.filter(user=user, off_because="")
    hooks: list[Webhook | None] = [webhook for webhook in webhooks if kind in webhook.kinds]
    channels = hooks if kind in unwanted else [None, *hooks]
    deliveries = [
        Delivery(key=_key(kind, event, user, channel), user=user, webhook=channel, kind=kind, data=data)
        for channel in channels
    ]
    if deliveries:
        Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
        transaction.on_commit(notify_of_notices)


def _key(kind: NoticeKind, event: str, user: User, webhook: Webhook | None) -> str:
    """Names an event and its recipient."""
    return f"{kind}/{event}/{f'webhook-{webhook.pk}' if webhook else f'mail-{user.pk}'}"
