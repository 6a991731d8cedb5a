"""The outbox: notices to people by mail and to programs by webhook, and which of them each account wants."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from leaderboard.models.choices import DeliveryState, NoticeKind


class MailChoice(models.Model):
    """What an account wants no mail of; without a row it gets all. A new kind is wanted until it is switched off."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE)
    unwanted = models.JSONField(default=list, help_text="Kinds of notices.")

    def __str__(self) -> str:
        return f"mail to {self.user}"


class Webhook(models.Model):
    """An address of an account's own program, which is notified of what happens to the account's submissions."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = models.CharField(max_length=80, help_text="Signs what is sent; shown once, to its owner.")
    kinds = models.JSONField(default=list, help_text="Kinds of notices that it is sent.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    failing_since = models.DateTimeField(
        null=True, editable=False, help_text="Of the first try that failed, if none has succeeded since."
    )
    off_because = models.CharField(max_length=300, blank=True, help_text="Why it is sent nothing; empty: it is.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"webhook {self.pk} of {self.user}"

    def get_absolute_url(self) -> str:
        return reverse("webhook", args=[self.pk])


class Delivery(models.Model):
    """One notice to one recipient, by mail or to one webhook. Written in the transaction of the event.

    `key` names the event and the recipient: nobody is notified of an event twice. `tries` is the fencing token of who
    sends it now.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=200, unique=True)
    # Without constraints in the database: an account or a webhook that is deleted in the same moment must not keep a
    # result from being stored.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        help_text="Null: somebody whose address no account has.",
    )
    webhook = models.ForeignKey(
        Webhook,
        null=True,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        help_text="Null: by mail.",
    )
    kind = models.CharField(max_length=20, choices=NoticeKind)
    data = models.JSONField(help_text="What happened: numbers of objects, titles, the reason.")
    # Of mail about an account: its address and text, until it is sent or given up. It may have a secret link in it.
    at = models.DateTimeField(db_default=Now(), editable=False)
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now(), help_text="When it is tried next, while it waits.")
    tried_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True, help_text="What the last try got.")

    class Meta:
        ordering = ["-at"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["due_at"], name="deliveries_due", condition=models.Q(state="waiting")),
            models.Index(fields=["webhook", "-at"], name="deliveries_of_webhook"),
            models.Index(fields=["state", "-at"], name="deliveries_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.webhook or self.user or 'an address without an account'}"
