"""What is measured: methods, works, recipes, and claims to have written them."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.db.models.functions import Now

from leaderboard.domain.readers import note_read
from leaderboard.models.choices import CLAIM_STATES, FAMILIES
from measurement.recipe.revision import REVISION
from measurement.tracks import PRIVATE


def only_if_private(name: str) -> models.CheckConstraint:
    """That the database holds no private track as a public one, and no public one as private."""
    is_private = Q(track__contains=PRIVATE)
    either = Q(is_private, private_to__isnull=False) | Q(~is_private, private_to__isnull=True)
    return models.CheckConstraint(condition=either, name=name)


class PrivateModel(models.Model):
    """What may be private: no cache keeps an answer that it was read for."""

    # Without a foreign key: when the account goes, it stays private, and administrators alone see it.
    private_to = models.PositiveBigIntegerField(
        null=True, editable=False, help_text="The number of the account that alone sees it; null if everybody does."
    )

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        found = super().from_db(*args, **kwargs)
        note_read(found.__dict__.get("private_to"))
        return found


class Method(models.Model):
    """What a submitter names: title, family, paper, authors."""

    title = models.CharField(max_length=120)
    family = models.CharField(max_length=20, choices=FAMILIES)
    paper = models.URLField(max_length=300, blank=True)
    authors = models.JSONField(default=list, blank=True)
    summary = models.TextField(max_length=1000, blank=True)
    published_model = models.CharField(
        max_length=120,
        blank=True,
        help_text="The published model whose training it repeats: timm's name with its tag.",
    )
    submitter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="methods"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title


class Work(models.Model):
    """What recipes do, whatever their seed, budget and reported figures: `measurement.recipe.work` says what counts.

    The identity of a ranked line. Its row is locked by whoever changes what is known of the work.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"work {self.sha256[:8]}"


class Claim(models.Model):
    """Another person's names for a work, shown with those of its recipes until an administrator decides."""

    work = models.ForeignKey(Work, on_delete=models.PROTECT, related_name="claims")
    method = models.OneToOneField(Method, on_delete=models.PROTECT, related_name="claim")
    state = models.CharField(max_length=10, choices=CLAIM_STATES, default="open")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"“{self.method}” for {self.work}"


def _revision() -> int:
    return REVISION


class Recipe(PrivateModel):
    """An immutable document that says how to produce and run the model, known by its SHA-256.

    All recipes of a work have the names of one method.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    work = models.ForeignKey(Work, on_delete=models.PROTECT, related_name="recipes")
    method = models.ForeignKey(Method, on_delete=models.PROTECT, related_name="recipes")
    track = models.CharField(max_length=50)
    document = models.JSONField()
    # Of the network that it begins with. The database computes it, so that like recipes are found by an index.
    architecture = models.GeneratedField(
        expression=KT("document__model__architecture"), output_field=models.CharField(max_length=100), db_persist=True
    )
    revision = models.PositiveSmallIntegerField(
        default=_revision, db_default=1, help_text="Of recipes, of the site that took it: older workers don't run it."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["track", "architecture"], name="like_recipes")]
        constraints = [only_if_private("a_private_recipe_has_its_track")]

    def __str__(self) -> str:
        return f"{self.method.title} ({self.sha256[:8]})"
