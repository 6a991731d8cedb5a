"""Hardware, and the workers that offer it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


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

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
