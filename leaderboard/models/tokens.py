"""API tokens: what each may do, until when, and when it was used."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from knox.models import AbstractAuthToken

from leaderboard.models.choices import TokenScope


class ApiToken(AbstractAuthToken):
    """knox's token, stored as a hash, with a name and a scope. Ended ones stay for a while, to say why they ended."""

    name = models.CharField(max_length=100, help_text="What it is for, such as the program that has it.")
    scope = models.CharField(max_length=20, choices=TokenScope, default=TokenScope.SUBMIT)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To within a minute.")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…) of {self.user}"

    @property
    def ended_at(self) -> datetime | None:
        """When it was revoked or, without that, expires; may lie ahead. None: it does not end by itself."""
        return self.revoked_at or self.expiry
