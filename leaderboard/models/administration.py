"""What administrators say and do: notices, bans, and the log of every act."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from leaderboard.models.choices import Action


class Notice(models.Model):
    """What every page says at its top, such as when the site will be down: the newest one whose time it is."""

    text = models.CharField(max_length=500)
    shown_from = models.DateTimeField(null=True, blank=True, help_text="In UTC; empty: at once.")
    shown_until = models.DateTimeField(null=True, blank=True, help_text="In UTC; empty: until it is deleted.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.text


class Ban(models.Model):
    """That an account may read and no longer write. Who banned it is in the log."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE)
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"ban of {self.user}"


class AuditNight(models.Model):
    """That the audits of a day were chosen: however often the task runs, a day has one choice."""

    day = models.DateField(primary_key=True, help_text="In UTC.")
    at = models.DateTimeField(db_default=Now(), editable=False)
    queued = models.PositiveIntegerField(default=0, help_text="How many audits it queued.")

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"audits of {self.day}"


class Spent(models.Model):
    """What the attempts of one month, hardware and person have spent, added up as each ends.

    So that the costs of 100,000 attempts are a matter of a few rows. There may be two rows for one of them, made in
    the same moment: readers add them up.
    """

    month = models.DateTimeField(help_text="Its first moment, in UTC; an attempt counts in the one that it began in.")
    hardware = models.ForeignKey("Hardware", on_delete=models.CASCADE, related_name="spent")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="spent"
    )
    attempts = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0, help_text="Attempts that reported nothing.")
    metered_j = models.FloatField(null=True)
    estimated_j = models.FloatField(null=True)
    lost_j = models.FloatField(null=True, help_text="The part of both that attempts without a result spent.")
    time_s = models.FloatField(null=True)

    class Meta:
        indexes = [models.Index(fields=["month", "hardware", "user"], name="spent_by_whom")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}, {self.hardware}, {self.user or 'the system'}"


class LogLine(models.Model):
    """Who did what to which object, and why. Append-only: triggers of the database refuse updates and deletes.

    It names people and objects as they were then, without foreign keys: whatever goes later, the line stays as it is.
    """

    SYSTEM = "system"

    at = models.DateTimeField(db_default=Now(), editable=False)
    actor = models.CharField(max_length=150, help_text="The account's name then; commands and workers are “system”.")
    actor_number = models.PositiveBigIntegerField(null=True, help_text="Of the account; null for the system.")
    action = models.CharField(max_length=20, choices=Action)
    object_type = models.CharField(max_length=40, help_text="Such as run, entry or user.")
    object_id = models.CharField(max_length=40)
    object_name = models.CharField(max_length=300)
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict, help_text="What else there is to say, such as values before and after.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "log line"
        verbose_name_plural = "log"
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="log_of_object"),
            models.Index(fields=["actor"], name="log_of_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.get_action_display().lower()} {self.object_type} {self.object_id}"
