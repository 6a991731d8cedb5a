"""Files that people upload: the content, stored once, and who uploaded it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from leaderboard.models.choices import ArtifactKind
from leaderboard.models.methods import Recipe


class Artifact(models.Model):
    """A file in the storage `artifacts`, named after its SHA-256. Whoever uploaded the same content shares it."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=20, choices=ArtifactKind)
    found = models.JSONField(default=dict, help_text="What the check of its form read in it.")
    recipes = models.ManyToManyField(Recipe, related_name="artifacts", help_text="Those that name it.")
    stored_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:12]}"


class Upload(models.Model):
    """That a person has a file here, or is sending one: `artifact` is null until all of it is here and checked.

    Each person must send all of a file, also one that somebody else has sent: nobody learns what others have.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=200, blank=True, help_text="The file's name on its owner's machine.")
    kind = models.CharField(max_length=20, choices=ArtifactKind)
    size = models.PositiveBigIntegerField(help_text="Bytes of the whole file.")
    # Empty until it is known: a browser can't compute it of a large file.
    sha256 = models.CharField(max_length=64, blank=True)
    received = models.PositiveBigIntegerField(default=0, help_text="Bytes that are here.")
    artifact = models.ForeignKey(Artifact, null=True, on_delete=models.PROTECT, related_name="uploads")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "sha256"], condition=~Q(sha256=""), name="one_upload_of_a_file"),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.sha256[:12] or self.pk} of {self.owner}"
