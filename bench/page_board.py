"""A board of many entries for benchmarks: varied figures, searches, missing phases and unknown uncertainties."""

from __future__ import annotations

import hashlib
import random
from typing import Any

BATCH = 2000


def fill(entries: int, seed: int = 2108_13465, hardware_name: str = "NVIDIA H100 80GB") -> None:
    """Publish `entries` entries on one board of the site that Django is set up for."""
    from django.db import transaction
    from django.utils import timezone

    from leaderboard import models

    chance, now = random.Random(seed), timezone.now()
    families = list(models.FAMILIES)
    with transaction.atomic():
        slug = hardware_name.lower().replace(" ", "-")
        hardware = models.Hardware.objects.create(slug=slug, name=hardware_name, kind="cuda")
        board = models.Board.objects.create(
            track="digits", hardware=hardware, scenario="offline", scope="accelerator", revision=1, size=entries
        )
        numbers = range(entries)
        methods = models.Method.objects.bulk_create(
            [models.Method(title=_title(chance, n), family=families[n % len(families)]) for n in numbers], BATCH
        )
        works = models.Work.objects.bulk_create(
            [models.Work(sha256=hashlib.sha256(b"%d %d" % (seed, n)).hexdigest()) for n in numbers], BATCH
        )
        recipes = models.Recipe.objects.bulk_create(
            [
                models.Recipe(
                    sha256=works[n].sha256,
                    work=works[n],
                    method=methods[n],
                    track="digits",
                    document={"model": {"architecture": f"resnet{chance.choice((18, 34, 50, 101))}"}},
                )
                for n in numbers
            ],
            BATCH,
        )
        runs = models.Run.objects.bulk_create(
            [
                models.Run(recipe=recipe, hardware=hardware, state="succeeded", attempt=1, queued_at=now)
                for recipe in recipes
            ],
            BATCH,
        )
        models.Entry.objects.bulk_create(
            [
                models.Entry(
                    board=board, work=recipe.work, recipe=recipe, run=run, published_at=now, **_figures(chance)
                )
                for recipe, run in zip(recipes, runs, strict=True)
            ],
            BATCH,
        )


def _title(chance: random.Random, number: int) -> str:
    kind = chance.choice(["MobileNet", "EfficientNet", "StarNet", "ResNet", "ConvNeXt", "GhostNet", "RepViT"])
    how = chance.choice(["pruned", "searched", "distilled", "int8", "from scratch", "low-rank", "early exit"])
    return f"{kind} {chance.choice(['S', 'M', 'L'])} {how} {number}"


def _figures(chance: random.Random) -> dict[str, Any]:
    train_j, search_j = 10 ** chance.uniform(3, 8), chance.choice([0.0, 0.0, 10 ** chance.uniform(6, 10)])
    inference_j = 10 ** chance.uniform(-3.5, 0)
    provenance = chance.choice(["metered", "metered", "extrapolated", "estimated"])
    is_complete = chance.random() < 0.95
    phases = [{"phase": "train", "energy_j": train_j, "u95_j": train_j * 0.02, "provenance": provenance}]
    if search_j:
        phases.insert(0, {"phase": "search", "energy_j": search_j, "u95_j": None, "provenance": "reported"})
    if not is_complete:
        phases.append({"phase": "finetune", "energy_j": None, "u95_j": None, "provenance": "missing"})
    weakest = "missing" if not is_complete else "reported" if search_j else provenance
    return {
        "shared_energy_j": search_j,
        "own_energy_j": train_j,
        "inference_energy_j": inference_j,
        "shared_u95_j": None if search_j else 0.0,
        "own_u95_j": train_j * 0.02,
        "inference_u95_j": inference_j * 0.01,
        "metered_shared_j": 0.0,
        "metered_own_j": train_j if provenance == "metered" else 0.0,
        "inference_provenance": provenance,
        "provenance": weakest,
        "complete": is_complete,
        "quality": round(chance.uniform(0.95, 0.999), 4),
        "quality_metric": "top1",
        "quality_provenance": chance.choice(["evaluated", "reported"]),
        "phases": phases,
        "parameters": int(10 ** chance.uniform(5, 8)),
        "macs": int(10 ** chance.uniform(7, 11)),
        "latency_p50_ms": round(10 ** chance.uniform(-1, 2), 3),
        "throughput_images_per_s": round(10 ** chance.uniform(2, 5), 1),
        "batch_size": 2 ** chance.randrange(8),
    }
