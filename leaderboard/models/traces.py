"""What became of power traces that were old enough to be thinned."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from leaderboard.models.runs import Attempt


class ThinnedTrace(models.Model):
    """That the trace of an attempt was examined, or thinned. Its figures are never changed.

    Without `at` and `reason`, a process is at it, or was when it ended: `file` is what it writes, and its alone. With
    `at`, the thinned trace is the attempt's. With `reason`, the full one stays.
    """

    attempt = models.OneToOneField(Attempt, primary_key=True, on_delete=models.CASCADE, related_name="thinned")
    begun_at = models.DateTimeField(db_default=Now(), editable=False)
    file = models.CharField(max_length=255, help_text="The thinned trace, in the storage of traces.")
    at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, default="", help_text="Why the full trace stays.")
    full_file = models.CharField(
        max_length=255, blank=True, default="", help_text="The full trace, until it is removed from the storage."
    )
    samples_before = models.PositiveBigIntegerField(null=True, blank=True)
    samples = models.PositiveBigIntegerField(null=True, blank=True)
    bytes_before = models.PositiveBigIntegerField(null=True, blank=True)
    bytes = models.PositiveBigIntegerField(null=True, blank=True)
    sha256_before = models.CharField(max_length=64, blank=True, default="", help_text="Of the full trace.")
    sha256 = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["begun_at"], condition=Q(at=None, reason=""), name="traces_being_thinned"),
            models.Index(fields=["at"], condition=~Q(full_file=""), name="full_traces_to_remove"),
        ]

    def __str__(self) -> str:
        return f"thinned trace of {self.attempt}"
