"""Workers report themselves: their hardware appears with the first of its kind."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from leaderboard.models import Hardware, Worker


@transaction.atomic
def register_hardware(name: str, kind: str) -> Hardware:
    """The hardware that its driver calls `name`, stored on first sight. kind: cpu or cuda."""
    found = Hardware.objects.filter(name=name).first()
    if found:
        return found
    slug = base = slugify(name)[:90] or kind
    number = 1
    while Hardware.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return Hardware.objects.create(slug=slug, name=name, kind=kind)


def register_worker(name: str, *, hardware: Hardware, device: str, diagnosis: dict[str, Any]) -> Worker:
    """Store or refresh a worker that has just started."""
    now = timezone.now()
    worker, _ = Worker.objects.update_or_create(
        name=name,
        defaults={
            "hardware": hardware,
            "device": device,
            "diagnosis": diagnosis,
            "started_at": now,
            "seen_at": now,
        },
    )
    return worker


def worker_seen(name: str) -> None:
    """Note that a worker is alive."""
    Worker.objects.filter(name=name).update(seen_at=timezone.now())
