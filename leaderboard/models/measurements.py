"""Measurements that submitters made themselves: evidence of reported figures, never a result of ours."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Measurement(models.Model):
    """A record of somebody's own with its trace. `figures`: joules by phase and scope, recomputed from the trace."""

    sha256 = models.CharField(max_length=64, unique=True, help_text="Of the record.")
    submitter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="measurements"
    )
    hardware = models.CharField(max_length=200)
    record = models.JSONField()
    figures = models.JSONField()
    recipes = models.ManyToManyField(
        "leaderboard.Recipe", related_name="measurements", help_text="Those that name it as evidence."
    )
    trace = models.FileField(upload_to="measurements/%Y/%m/")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Measurement {self.sha256[:12]} on {self.hardware}"
