"""A sample of each family's one-time phases beside the whole of them, on the digits: how well does it tell it?"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import MISSED

SEEDS = 10
LEAST_INSIDE, MOST_OFF = 9, 0.10
MODEL = {"architecture": "test_resnet", "resolution": 16}
MEMBER = MODEL | {"width": 1.0, "depth": 1.0}
TRAINING = {"epochs": 40, "batch_size": 64}
TRAIN = {"technique": "supervised", "phase": "train"} | TRAINING
TEACHER = {"architecture": "test_resnet", "training": TRAINING}
BRIEFLY = TRAIN | {"epochs": 1}
SUB_NETWORK = {"resolution": 16, "depths": [1] * 4, "kernels": [3] * 4, "expansions": [3] * 4}
FAMILIES: dict[str, list[dict[str, Any]]] = {
    "compact": [TRAIN],
    "efficient_training": [TRAIN | {"progressive_resizing": [{"resolution": 8, "share": 0.5}]}],
    "pruning": [
        BRIEFLY,
        {
            "technique": "structured_pruning",
            "phase": "compress",
            "ratio": 0.5,
            "steps": 2,
            "training_after_step": TRAINING,
        },
    ],
    "distillation": [{"technique": "distillation", "phase": "train", "teacher": TEACHER} | TRAINING],
    "quantization": [
        BRIEFLY,
        {"technique": "quantization_aware", "phase": "compress", "scheme": "int8_dynamic"} | TRAINING,
    ],
    "nas, search": [
        {
            "technique": "architecture_search",
            "phase": "search",
            "space": {"architectures": ["test_resnet"], "resolutions": [8, 16]},
            "candidates": 2,
            "training": TRAINING,
            "found": MEMBER,
        },
        BRIEFLY,
    ],
    "nas, supernet": [
        {
            "technique": "supernet",
            "phase": "search",
            "space": {"resolutions": [16], "depths": [1, 2], "kernels": [3], "expansions": [3]},
            "strategy": "random",
            "candidates": 4,
            "training": {"epochs": 10, "batch_size": 64},
            "found": SUB_NETWORK,
        }
    ],
}


def run() -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted), one for each family whose phases repeat steps."""
    rows = []
    os.environ["MEASUREMENT_LOCK_FOLDER"] = tempfile.mkdtemp(prefix="bench-locks-")
    for family, phases in FAMILIES.items():
        found = [_compared(family, phases, seed) for seed in range(SEEDS)]
        inside = sum(abs(off) <= half_width for off, half_width in found)
        worst = max(abs(off) for off, _ in found)
        wanted = f"whole in the interval {LEAST_INSIDE} of {SEEDS}, within {MOST_OFF:.0%}"
        good = inside >= LEAST_INSIDE and worst <= MOST_OFF
        told = f"{inside} of {SEEDS}, worst {worst:.1%}"
        techniques = " ".join(phase["technique"] for phase in phases)
        rows.append((f"{family} ({techniques})", told, wanted if good else MISSED + wanted))
    return rows


def _compared(family: str, phases: list[dict[str, Any]], seed: int) -> tuple[float, float]:
    """Relative difference of the sample's one-time joules from the whole's, and the sample's relative half-width."""
    from measurement.inference import InferencePlan
    from measurement.recipe import parse_recipe
    from measurement.runner import run_recipe
    from measurement.sampling import METHODOLOGY
    from measurement.vocabulary import Scope

    supernet = any(phase["technique"] == "supernet" for phase in phases)
    document = {
        "schema_version": 1,
        "method": {"title": "A comparison", "family": family.partition(",")[0]},
        "track": "digits",
        "model": MODEL | ({"architecture": "elastic_mobile"} if supernet else {}),
        "phases": phases,
        "inference": {"scenarios": ["single_stream"]},
        "reported": {"quality": 0.9, "evidence": "https://example.org/log"},
        "seed": seed,
    }
    brief = InferencePlan(0.2, 0.3, 0.04, 0.02, 0.05, max_jitter_s=0.0)
    sampling = replace(METHODOLOGY, window_s=1.0, warm_up_s=0.2)
    figures = []
    for mode in ("full", "sampled"):
        with tempfile.TemporaryDirectory() as out:
            record = run_recipe(parse_recipe(document), Path(out), mode=mode, plan=brief, sampling=sampling)
        one_time = [phase.energy(Scope.ACCELERATOR) for phase in record.phases if phase.phase not in UNCHARGED]
        joules = sum(energy.energy_j or 0.0 for energy in one_time)
        figures.append((joules, sum((energy.repeatability_u95_j or 0.0) ** 2 for energy in one_time) ** 0.5))
    (whole_j, _), (sample_j, half_width_j) = figures
    return (sample_j - whole_j) / whole_j, half_width_j / whole_j


UNCHARGED = ("inference", "evaluate")
