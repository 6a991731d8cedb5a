"""Requests that may be sent again without being done again."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class RepeatedRequest(models.Model):
    """A request that a client may send again under one `Idempotency-Key`, and its answer once there is one.

    `claim` is the fencing token of the request at work: an answer is only stored, in the transaction of what the
    request did, if no other has taken over since.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of address and body.")
    claim = models.UUIDField()
    begun_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="Null while the request is at work.")
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_request_per_key")]

    def __str__(self) -> str:
        return f"{self.key} of {self.user}"


class Count(models.Model):
    """How often somebody has asked for something within one span of time, for a limit."""

    key = models.CharField(
        max_length=40, primary_key=True, help_text="A hash of what was asked for, and by which address or account."
    )
    ends_at = models.FloatField(db_index=True, help_text="End of the span, seconds since 1970.")
    number = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.number} until {self.ends_at:.0f}"
