"""Notices and mail about accounts, over one connection for all that are due."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection

from leaderboard import queries
from leaderboard.models import Delivery, DeliveryState, NoticeKind
from leaderboard.presentation.notices import mail_of, unsubscribe_address
from leaderboard.services.outbox import Answer

REFUSED = (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError)
"""What a server says of one mail; it takes others."""


class Mail:
    """The mail server. The connection is made with the first mail, and made again after one that failed."""

    def __init__(self) -> None:
        self._connection: Any = get_connection()

    def __enter__(self) -> Mail:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._close()

    def send(self, delivery: Delivery) -> Answer:
        """Send a notice once."""
        message = _about_account(delivery) if delivery.kind == NoticeKind.ACCOUNT else _notice(delivery)
        if isinstance(message, str):
            return Answer(message, DeliveryState.DROPPED)
        try:
            self._connection.open()
            message.connection = self._connection
            message.send()
        except OSError as error:  # smtplib's are, too
            self._close()
            of_server = not isinstance(error, REFUSED)
            return Answer(f"The mail server {_in_words(error)}.", unreachable=of_server)
        return Answer(f"Taken by the mail server for {message.to[0]}.", DeliveryState.SENT)

    def _close(self) -> None:
        try:
            self._connection.close()
        except OSError:  # it has gone already
            self._connection = get_connection()


def _why_no_mail(user: User, delivery: Delivery) -> str:
    if delivery.kind in queries.unwanted_mail(user):
        return "The account wants no mail of this kind."
    return queries.why_no_mail(user)


def _notice(delivery: Delivery) -> EmailMessage | str:
    """The mail, or why there is none."""
    user = User.objects.filter(deliveries=delivery, is_active=True).first()
    if user is None:
        return "The account is gone."
    if why := _why_no_mail(user, delivery):
        return why
    subject, body = mail_of(delivery, user)
    away = {
        "List-Unsubscribe": f"<{unsubscribe_address(user, delivery.kind)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return _message(delivery, subject, body, user.email, away)


def _about_account(delivery: Delivery) -> EmailMessage | str:
    """What somebody has asked for: as it was written then, to the address that they gave."""
    if not delivery.data:
        return "Its text is no longer here."
    return _message(delivery, delivery.data["subject"], delivery.data["text"], delivery.data["to"], {})


def _message(delivery: Delivery, subject: str, body: str, to: str, more: Mapping[str, str]) -> EmailMessage:
    host = settings.SITE_URL.partition("://")[2].partition("/")[0].partition(":")[0]
    headers = {"Message-ID": f"<{delivery.pk.hex}@{host}>", "Auto-Submitted": "auto-generated", **more}
    answer_to = [settings.CONTACT] if "@" in settings.CONTACT and "://" not in settings.CONTACT else None
    return EmailMessage(subject, body, to=[to], headers=headers, reply_to=answer_to)


def _in_words(error: OSError) -> str:
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return f"did not answer within {settings.EMAIL_TIMEOUT:g} s"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return f"refused the recipient: {code} {_text(words)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {error.smtp_code} {_text(error.smtp_error)}"
    return f"could not be used: {error.strerror or error}".rstrip(".")


def _text(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words
