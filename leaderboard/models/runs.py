"""Submissions and their runs, with the joules of every phase."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from leaderboard.domain.runstate import RunState
from leaderboard.models.choices import MODES, Ended, Priority, Provenance, Scenario, Scope
from leaderboard.models.machines import Hardware
from leaderboard.models.methods import Recipe


class Submission(models.Model):
    """A person's request to verify a recipe on one hardware."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submitter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="submissions"
    )
    recipe = models.ForeignKey(Recipe, on_delete=models.PROTECT, related_name="submissions")
    hardware = models.ForeignKey(Hardware, on_delete=models.PROTECT, related_name="submissions")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    version_of = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="versions",
        help_text="The same person's earlier submission that this one is a new version of.",
    )
    # Where the chain of versions begins; null of the first itself. All versions are read by it in one query.
    first_version = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="later_versions"
    )

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="submissions_by_time"),
            models.Index(fields=["submitter", "-created_at"], name="submissions_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.recipe} on {self.hardware}"

    def get_absolute_url(self) -> str:
        return reverse("submission", args=[self.pk])


class SubmissionRequest(models.Model):
    """That a user asked for a verification. Kept while it counts towards the limit of requests an hour."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="submission_requests")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["user", "at"])]

    def __str__(self) -> str:
        return f"{self.user}, {self.at}"


class Run(models.Model):
    """One verification of one recipe on one hardware. `attempt` is the fencing token of its current worker."""

    submission = models.ForeignKey(Submission, null=True, on_delete=models.PROTECT, related_name="runs")
    recipe = models.ForeignKey(Recipe, on_delete=models.PROTECT, related_name="runs")
    hardware = models.ForeignKey(Hardware, on_delete=models.PROTECT, related_name="runs")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="requested_runs"
    )
    mode = models.CharField(max_length=10, choices=MODES, default="full")
    state = models.CharField(
        max_length=10, choices=[(s.value, s.value.capitalize()) for s in RunState], default="queued"
    )
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    queued_at = models.DateTimeField()
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NEW)
    is_audit = models.BooleanField(default=False, help_text="Whether it checks results that count.")
    # Whose turn it is among runs of one priority: each person's next run has the next turn, whenever it was queued.
    turn = models.PositiveIntegerField(default=0)
    notified_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Shown on the status page while the run is going: position, phase, scenario, fraction, detail, power_w,
    # energy_j and the list of steps; and what the attempt has spent, which is stored with it if it leaves no result.
    progress = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True, help_text="Why the run failed or was cancelled, in plain words.")
    held_for = models.JSONField(default=list, blank=True, help_text="Flags that hold the result for review.")
    is_held = models.GeneratedField(
        expression=models.ExpressionWrapper(~Q(held_for=[]), output_field=models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
        help_text="Whether any does: the database keeps it, for an index.",
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "queued_at"]),
            models.Index(fields=["state", "priority", "turn", "queued_at"], name="line_of_runs"),
            models.Index(fields=["requested_by", "queued_at"], name="runs_asked_for"),
            models.Index(fields=["-finished_at"], name="runs_by_end"),
            models.Index(fields=["is_held", "-id"], name="runs_held"),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk} of {self.recipe}"


class Attempt(models.Model):
    """One try of a worker at a run. Append-only: its figures are never changed afterwards."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    worker = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)
    fault = models.CharField(
        max_length=20, blank=True, default="", choices=Ended, help_text="What ended it without a result, if known."
    )
    fault_field = models.CharField(
        max_length=200, blank=True, default="", help_text="The part of the recipe that is at fault; empty if none is."
    )
    log = models.TextField(blank=True, default="", help_text="The last lines that it wrote, if it left no result.")
    # What it spent, accelerator scope: out of its record, or without one at its last report, a lower bound.
    spent_energy_j = models.FloatField(null=True, blank=True)
    spent_time_s = models.FloatField(null=True, blank=True)
    spent_provenance = models.CharField(max_length=15, choices=Provenance, default=Provenance.MISSING)
    record = models.JSONField(null=True, blank=True)
    trace = models.FileField(upload_to="traces/%Y/%m/", blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_attempt_per_number")]

    def __str__(self) -> str:
        return f"Attempt {self.number} of run {self.run_id}"


class PhaseEnergy(models.Model):
    """Joules of one phase in one scope. For inference also per image, which is what is charged."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="phases")
    position = models.PositiveSmallIntegerField()
    phase = models.CharField(max_length=10)
    technique = models.CharField(max_length=40)
    scenario = models.CharField(max_length=15, choices=Scenario, blank=True)
    scope = models.CharField(max_length=15, choices=Scope)
    provenance = models.CharField(max_length=15, choices=Provenance)
    # The instruments that the figure was read from, e.g. ["nvml_counter", "rapl"].
    sources = models.JSONField(default=list, blank=True)
    contains_estimate = models.BooleanField(help_text="Whether any part comes from a power model.")
    energy_j = models.FloatField(null=True)
    repeatability_u95_j = models.FloatField(null=True)
    absolute_u95_j = models.FloatField(null=True)
    net_of_idle_j = models.FloatField(null=True)
    duration_s = models.FloatField(null=True)
    energy_per_image_j = models.FloatField(null=True)
    energy_per_image_u95_j = models.FloatField(null=True)
    energy_per_image_absolute_u95_j = models.FloatField(null=True)
    images = models.PositiveBigIntegerField(null=True)
    flags = models.JSONField(default=list, blank=True)
    evidence = models.URLField(max_length=300, blank=True)

    class Meta:
        ordering = ["position", "scope"]
        verbose_name_plural = "phase energies"
        constraints = [
            models.UniqueConstraint(fields=["attempt", "position", "scope"], name="one_figure_per_phase_and_scope"),
            models.CheckConstraint(
                condition=Q(provenance="missing", energy_j__isnull=True)
                | (~Q(provenance="missing") & Q(energy_j__isnull=False, energy_j__gte=0)),
                name="missing_is_never_zero",
            ),
            models.CheckConstraint(
                condition=~Q(provenance__in=["metered", "extrapolated"], contains_estimate=True),
                name="estimated_is_never_metered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phase} ({self.scope}) of {self.attempt}"
