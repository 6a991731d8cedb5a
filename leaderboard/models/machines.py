"""Hardware, and the workers that offer it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from leaderboard.models.choices import Provenance


class Hardware(models.Model):
    """An accelerator or CPU model that runs are verified on; its slug names the Celery queue of its workers."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=10, choices={"cpu": "CPU", "cuda": "GPU"})
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    paused_for = models.TextField(blank=True, help_text="Why its workers begin no run; empty while they do.")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "hardware"

    def __str__(self) -> str:
        return self.name

    @property
    def queue(self) -> str:
        """Name of the Celery queue that this hardware's workers listen to."""
        return f"hardware-{self.slug}"


class Worker(models.Model):
    """A registered worker process, and what its machine can measure."""

    name = models.CharField(max_length=200, unique=True)
    hardware = models.ForeignKey(Hardware, on_delete=models.CASCADE, related_name="workers")
    device = models.CharField(max_length=20)
    diagnosis = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    clock_offset_s = models.FloatField(
        null=True, blank=True, help_text="How far its machine's clock is ahead of the database's, seconds."
    )
    out_of_service = models.TextField(
        blank=True, help_text="Why it takes no run: what its machine lacks. Empty while it is in service."
    )
    out_of_service_since = models.DateTimeField(null=True, blank=True)
    paused_for = models.TextField(blank=True, help_text="Why it is to begin no run; empty while it may.")
    drifted_for = models.TextField(
        blank=True,
        help_text="How far its reference workload has drifted; it begins no run until an administrator puts it back.",
    )
    compared_since = models.DateTimeField(
        null=True, blank=True, help_text="When it was put back: measurements before are no past to compare with."
    )
    reference = models.ForeignKey(
        "Reference", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="The newest one."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Reference(models.Model):
    """What the reference workload took on a worker's device: the same work each time, so a drift is the machine's.

    Comparable are those of one device and one `workload`, which names its version and torch.
    """

    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="references")
    at = models.DateTimeField(db_default=Now(), editable=False)
    device = models.CharField(max_length=16, blank=True, help_text="Hash of the device's UUID; empty if unknown.")
    workload = models.CharField(max_length=100, help_text="Its version, and that of torch.")
    images_per_s = models.FloatField()
    energy_per_image_j = models.FloatField(null=True, help_text="Accelerator scope; null if it can't be measured.")
    provenance = models.CharField(max_length=15, choices=Provenance, help_text="Of the joules.")
    duration_s = models.FloatField()
    flags = models.JSONField(default=list, blank=True, help_text="What disturbed it.")
    # Relative to a median, 0.02 for 2 % more; null with too few to compare with.
    drift = models.FloatField(null=True, help_text="Of images per second, from the median of its own past.")
    energy_drift = models.FloatField(null=True, help_text="Of metered joules per image, likewise.")
    of_hardware = models.FloatField(null=True, help_text="Of images per second, from other workers of its hardware.")
    past = models.PositiveIntegerField(default=0, help_text="How many measurements its own past is of.")
    is_adrift = models.BooleanField(default=False, help_text="Whether a drift lies beyond its bound.")
    is_disturbed = models.BooleanField(default=False, help_text="Whether other work may have changed it.")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["worker", "-at"], name="references_of_worker")]

    def __str__(self) -> str:
        return f"reference of {self.worker}, {self.at:%Y-%m-%d %H:%M}"
