"""A sample of each family's one-time phases compared with the whole, on the digits: how accurate is it?"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
from collections.abc import Iterator
from typing import Any

from bench import MISSED
from measurement.accounting import student_t95
from measurement.recipe import Recipe, parse_recipe

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
    "low_rank": [
        BRIEFLY,
        {"technique": "low_rank", "phase": "compress", "rank_share": 0.5},
        TRAIN | {"phase": "finetune"},
    ],
    "dynamic": [{"technique": "early_exit", "phase": "train", "exits": 1} | TRAINING],
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


Compared = tuple[float, float]
"""A sample's relative difference in one-time joules from the whole, and its half-width as a share of the whole."""


def run() -> Iterator[tuple[str, str, str]]:
    """Rows of (what, measured, wanted) as they are completed, two for each family whose phases repeat steps.

    The first compares a sample with the whole of the very run that it is part of. The second compares a sampled run
    with a whole run after it, which has its own scatter: that of the whole runs, which differ only in their seed. Two
    figures agree if they differ by no more than both uncertainties together (ISO 13528, E_n score).
    """
    from bench.sampled_runs import run_sample, run_whole

    os.environ["MEASUREMENT_LOCK_FOLDER"] = tempfile.mkdtemp(prefix="bench-locks-")
    os.environ["MEASUREMENT_DATA_ROOT"] = tempfile.mkdtemp(prefix="bench-data-")
    run_sample(_recipe("compact", [BRIEFLY], seed=0))  # one-time work of the process is not part of the samples
    for family, phases in FAMILIES.items():
        within: list[Compared] = []
        apart: list[Compared] = []
        wholes_j = []
        for seed in range(SEEDS):
            recipe = _recipe(family, phases, seed)
            sample_j, half_width_j = run_sample(recipe)
            whole_j, compared = run_whole(recipe)
            within.append(compared)
            apart.append((sample_j / whole_j - 1, half_width_j / whole_j))
            wholes_j.append(whole_j)
        yield f"{family}, within one run", *_verdict(within, MOST_OFF)
        whole_u95 = student_t95(SEEDS - 1) * statistics.stdev(wholes_j) / statistics.mean(wholes_j)
        both = [(off, math.hypot(half_width, whole_u95)) for off, half_width in apart]
        yield f"  two runs, the whole one ± {whole_u95:.1%}", *_verdict(both, math.inf)


def _verdict(found: list[Compared], most_off: float) -> tuple[str, str]:
    inside = sum(abs(off) <= half_width for off, half_width in found)
    worst = max((off for off, _ in found), key=abs)
    median = statistics.median(off for off, _ in found)
    wanted = f"in the interval {LEAST_INSIDE} of {SEEDS}" + (f", within {most_off:.0%}" if most_off < 1 else "")
    good = inside >= LEAST_INSIDE and abs(worst) <= most_off
    measured = f"{inside} of {SEEDS}, worst {worst:+.1%}, median {median:+.1%}"
    return measured, wanted if good else MISSED + wanted


def _recipe(family: str, phases: list[dict[str, Any]], seed: int) -> Recipe:
    supernet = any(phase["technique"] == "supernet" for phase in phases)
    recipe = {
        "schema_version": 1,
        "method": {"title": "A comparison", "family": family.partition(",")[0]},
        "track": "digits",
        "model": MODEL | ({"architecture": "elastic_mobile"} if supernet else {}),
        "phases": phases,
        "inference": {"scenarios": ["single_stream"]},
        "reported": {"quality": 0.9, "evidence": "https://example.org/log"},
        "seed": seed,
    }
    if family == "dynamic":
        from bench.sampled_runs import keep_weights

        # A sample can't know where images leave: it needs the finished weights.
        recipe["reported"] |= {"weights_sha256": keep_weights(parse_recipe(recipe))}
    return parse_recipe(recipe)
