"""Workers register themselves, and their hardware with them."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Coalesce, Now
from django.utils.text import slugify

from leaderboard.database import clock
from leaderboard.models import Hardware, Worker
from measurement.recipe.revision import REVISION

MOST_OF_ONE_SLUG = 1000


def register_hardware(name: str, kind: str) -> Hardware:
    """The hardware that its driver calls `name`, stored if it is new. kind: cpu or cuda."""
    base = slugify(name)[:90] or kind
    for number in range(1, MOST_OF_ONE_SLUG):
        slug = base if number == 1 else f"{base}-{number}"
        try:
            with transaction.atomic():
                # Two workers may start in the same moment: get_or_create then finds the other's.
                return Hardware.objects.get_or_create(name=name, defaults={"slug": slug, "kind": kind})[0]
        except IntegrityError:
            continue  # another name has this slug
    raise ValueError(f"{MOST_OF_ONE_SLUG - 1} kinds of hardware have the slug {base!r} already; rename one")


def register_worker(name: str, *, hardware: Hardware, device: str, diagnosis: dict[str, Any]) -> Worker:
    """Store or refresh a worker that has just started."""
    now = clock.now()
    worker, _ = Worker.objects.update_or_create(
        name=name,
        defaults={
            "hardware": hardware,
            "device": device,
            "diagnosis": diagnosis | {"recipe_revision": REVISION},
            "started_at": now,
            "seen_at": now,
            "clock_offset_s": clock.offset_s(),
            "out_of_service": "",
            "out_of_service_since": None,
        },
    )
    return worker


def worker_seen(name: str, out_of_service: str | None = None) -> None:
    """Note that a worker is alive, and how far its machine's clock is from the database's.

    out_of_service: why it takes no run at present, empty if it does; None leaves what was noted.
    """
    changes: dict[str, Any] = {"seen_at": Now(), "clock_offset_s": clock.offset_s()}
    if out_of_service is not None:
        since = Coalesce("out_of_service_since", Now()) if out_of_service else None
        changes |= {"out_of_service": out_of_service, "out_of_service_since": since}
    Worker.objects.filter(name=name).update(**changes)
