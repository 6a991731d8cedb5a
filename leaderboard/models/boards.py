"""Boards and what they rank."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from leaderboard.domain.devices import GAIN_U95
from leaderboard.models.choices import DATA, MODES, SOURCES, Provenance, Scenario, Scope
from leaderboard.models.machines import Hardware
from leaderboard.models.methods import Method, PrivateModel, Recipe, Work, only_if_private
from leaderboard.models.runs import Run


class Board(PrivateModel):
    """A comparability group: only entries of one track, hardware, scenario and scope are ranked together."""

    track = models.CharField(max_length=50)
    hardware = models.ForeignKey(Hardware, on_delete=models.PROTECT, related_name="boards")
    scenario = models.CharField(max_length=15, choices=Scenario)
    scope = models.CharField(max_length=15, choices=Scope)
    revision = models.PositiveBigIntegerField(default=0, help_text="Raised with every change of an entry.")
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    size = models.PositiveIntegerField(default=0, help_text="How many entries it has, counted with every change.")
    verified_size = models.PositiveIntegerField(default=0, help_text="How many of them are verified.")
    # {"own": {"squares", "degrees_of_freedom", "works"}}, also of "shared", "inference" and each phase: how far the
    # results of one work are apart, over all works with two or more. Found again with every change.
    pools = models.JSONField(default=dict, blank=True)

    power_limits_w = models.JSONField(
        default=list, blank=True, help_text="The power limits that its entries' runs had, ascending."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["track", "hardware", "scenario", "scope"], name="one_board_per_group"),
            only_if_private("a_private_board_has_its_track"),
        ]

    def __str__(self) -> str:
        return f"{self.track} on {self.hardware}, {self.scenario}, {self.scope}"


class PublishedResult(models.Model):
    """Somebody else's figures of a model on one board, from the catalogue. Never changed: new figures are a new row.

    `document` holds the figures phase by phase, how each was computed, and its sources with their addresses.
    """

    method = models.ForeignKey(Method, on_delete=models.PROTECT, related_name="published_results")
    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="published_results")
    model = models.CharField(max_length=120, help_text="The model's name in timm, with its tag.")
    resolution = models.PositiveSmallIntegerField(help_text="Pixels.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document.")
    document = models.JSONField()
    imported_at = models.DateTimeField()
    left_at = models.DateTimeField(
        null=True, blank=True, help_text="When it left the catalogue, or other figures took its place."
    )
    taken_down_at = models.DateTimeField(null=True, blank=True, help_text="When an administrator took it down.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["board", "model", "resolution"],
                condition=Q(left_at__isnull=True),
                name="one_current_published_result",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.resolution} px on {self.board}"


class Entry(models.Model):
    """A ranked line: a work or a published model on a board, with what ranking needs; of a work the mean of results.

    `shared_*` covers search and pre-training, which K deployments may share; `own_*` the other one-time phases.
    Known parts only: `complete` is false if a phase is missing, and the sums are then a lower bound. An
    uncertainty is null if unknown.
    """

    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="entries")
    source = models.CharField(max_length=10, choices=SOURCES, default="verified")
    # Of a verified result its work, and recipe and run of the newest; of a published one the catalogue's figures.
    work = models.ForeignKey(Work, null=True, on_delete=models.PROTECT, related_name="entries")
    results = models.PositiveIntegerField(default=1, help_text="How many results the figures are the mean of.")
    recipe = models.ForeignKey(Recipe, null=True, on_delete=models.PROTECT, related_name="entries")
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT, related_name="entries")
    published = models.ForeignKey(PublishedResult, null=True, on_delete=models.PROTECT, related_name="entries")
    # It is not on its board, but keeps its page; it comes back when the verified entry goes.
    replaced_by = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="replaces",
        help_text="The verified entry that has a published one's place on its board.",
    )
    superseded_by = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="supersedes",
        help_text="The entry of a newer version by the same person, which is on the board in its place.",
    )
    mode = models.CharField(max_length=10, choices=MODES, default="full", help_text="Of the run.")
    data = models.CharField(max_length=10, choices=DATA, default="track", help_text="The images that the run used.")
    shared_energy_j = models.FloatField()
    own_energy_j = models.FloatField()
    inference_energy_j = models.FloatField()
    shared_u95_j = models.FloatField(null=True)
    own_u95_j = models.FloatField(null=True)
    inference_u95_j = models.FloatField(null=True)
    metered_shared_j = models.FloatField()
    metered_own_j = models.FloatField()
    inference_provenance = models.CharField(max_length=15, choices=Provenance)
    provenance = models.CharField(max_length=15, choices=Provenance, help_text="The weakest of all its figures.")
    complete = models.BooleanField()
    quality = models.FloatField()
    quality_metric = models.CharField(max_length=20)
    quality_provenance = models.CharField(max_length=15)
    submitters_weights = models.BooleanField(
        default=False, help_text="Whether the quality depends on weights that the submitter brought."
    )
    busy_machine = models.BooleanField(
        default=False, help_text="Whether other work on its machine may have changed one of its figures."
    )
    hidden_quality = models.FloatField(null=True, help_text="On the track's unpublished test split; null if unknown.")
    # [{"phase", "energy_j", "u95_j", "provenance"}] of the one-time phases in order, with "hardware" if they ran on
    # other hardware than the board's, and "teacher_energy_j" if part of "energy_j" is a teacher's forward passes.
    phases = models.JSONField()
    # {"runs": [newest, …], "own": {"mean_j", "deviations", "within_u95_j"}}, also of "shared", "inference" and as
    # "phases" a list of each phase: `domain.repeats.Repeats`, null for what was not measured. Empty if published.
    repeats = models.JSONField(default=dict, blank=True)
    device = models.CharField(
        max_length=16,
        blank=True,
        default="",
        help_text="Hash of the UUID of what it was measured on; empty if unknown.",
    )
    gain_u95 = models.FloatField(default=GAIN_U95, help_text="The device's relative gain error at 95 %.")
    power_limits_w = models.JSONField(
        default=list, blank=True, help_text="The power limits of the devices that its results ran on, ascending."
    )
    parameters = models.PositiveBigIntegerField()
    macs = models.PositiveBigIntegerField(null=True)
    latency_p50_ms = models.FloatField(null=True)
    throughput_images_per_s = models.FloatField()
    batch_size = models.PositiveIntegerField()
    peak_memory_bytes = models.PositiveBigIntegerField(null=True, help_text="Of inference; null if unknown.")
    published_at = models.DateTimeField()

    ON_BOARD = Q(replaced_by=None, superseded_by=None)
    """Those that are ranked. The others keep their page, and come back when what has their place goes."""

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["board", "work"], name="one_entry_per_board_and_work"),
            models.UniqueConstraint(fields=["board", "published"], name="one_entry_per_published_result"),
            models.CheckConstraint(
                condition=Q(
                    source="verified",
                    work__isnull=False,
                    recipe__isnull=False,
                    run__isnull=False,
                    published__isnull=True,
                )
                | Q(
                    source="published",
                    work__isnull=True,
                    recipe__isnull=True,
                    run__isnull=True,
                    published__isnull=False,
                ),
                name="an_entry_has_one_source",
            ),
            models.CheckConstraint(
                condition=Q(replaced_by__isnull=True) | Q(source="published"), name="only_published_is_replaced"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipe or self.published}"

    def get_absolute_url(self) -> str:
        return reverse("entry", args=[self.pk])

    @property
    def method(self) -> Method:
        """What a person named: title, family, paper, authors."""
        if self.published is not None:
            return self.published.method
        assert self.recipe is not None, "the database holds one of the two"  # noqa: S101
        return self.recipe.method


class FormerEntry(models.Model):
    """The number of an entry that was joined with another of the same work: its address leads to that one."""

    number = models.PositiveBigIntegerField(primary_key=True)
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="former")

    def __str__(self) -> str:
        return f"entry {self.number}, now {self.entry_id}"


class RemovedEntry(models.Model):
    """The number of an entry whose results have all left its board: it is given again when they come back."""

    number = models.PositiveBigIntegerField(primary_key=True)
    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="removed")
    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="removed")
    # Of the figures that it had, and when these were published.
    runs = models.JSONField(default=list)
    published_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["board", "work"], name="one_removed_entry_per_work")]

    def __str__(self) -> str:
        return f"entry {self.number}, removed"
