"""The recipe that a published result stands for, as far as the recipe language can say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalogue.reading import Catalogue
from catalogue.rows import Training

DATASET = "in1k"
"""What the track `imagenet-1k` trains on."""
DECLARABLE = ("search", "pretrain")
"""Phases that a recipe may declare without running them."""
FAMILIES = {"search": "nas", "pretrain": "transfer"}
"""What a declared phase makes of a method."""
TRAINED_ONLY = ["compact", "efficient_training"]
ORDER = ("search", "pretrain", "train", "compress", "finetune")


@dataclass(frozen=True)
class Draft:
    """A recipe's document, and a sentence for each thing that it cannot say; None if a training is among these."""

    document: dict[str, Any] | None
    not_said: tuple[str, ...]


def recipe_of(catalogue: Catalogue, model: str, resolution: int) -> Draft | None:
    """The draft for a model at an image size in pixels; None if the catalogue has no such model or size."""
    found = next((row for row in catalogue.models if (row.model, row.resolution) == (model, resolution)), None)
    if found is None:
        return None
    rows = sorted(catalogue.trainings_of.get(model, []), key=lambda row: ORDER.index(row.phase))
    phases, not_said = [], []
    for row in rows:
        phase, reason = _phase(row, resolution)
        if phase is not None:
            phases.append(phase)
        if reason:
            not_said.append(reason)
    names = [phase["phase"] for phase in phases]
    if "finetune" in names and "train" not in names:
        not_said.append(
            "finetune: it starts from weights of the pre-training, which technique pretrained has to name."
        )
        names = []
    if len(names) < len(rows) or "train" not in names:
        return Draft(None, tuple(not_said))
    document = {
        "schema_version": 1,
        "method": {"title": f"{model} at {resolution} px", "family": _family(found.family, names)},
        "track": catalogue.boards.track,
        "model": {"architecture": found.architecture, "resolution": resolution},
        "phases": phases,
        "reported": {"quality": found.top1, "evidence": catalogue.sources[found.source].address},
    }
    return Draft(document, tuple(not_said))


def _family(published: str, phases: list[str]) -> str:
    """The published family if the draft's phases bear it out, else the one that they make; sites refuse any other."""
    made = [family for phase, family in FAMILIES.items() if phase in phases] or TRAINED_ONLY
    return published if published in made else made[0]


def _phase(row: Training, resolution: int) -> tuple[dict[str, Any] | None, str]:
    """The phase (None if it can't be said), and what it does not say, the optimizer's settings apart."""
    reason = _not_sayable(row)
    if reason:
        declared = {"phase": row.phase, "technique": "declared"} if row.phase in DECLARABLE else None
        return declared, f"{row.phase}: {reason}."
    phase = {"phase": row.phase, "technique": "supervised", "epochs": round(row.epochs or 0)}
    if row.resolution in (None, resolution):
        return phase, ""
    return phase, f"{row.phase}: it trained at {row.resolution} px; a recipe trains at its model's {resolution} px."


def _not_sayable(row: Training) -> str:
    """Why the recipe language cannot say the training; empty if it can."""
    if row.phase == "search":
        return "the architecture search itself; give its energy with evidence, or it is missing"
    if row.dataset != DATASET:
        return f"{row.dataset or 'its data'} is no track's data; give its energy with evidence"
    if row.teacher:
        return f"the teacher {row.teacher}; technique distillation needs its weights"
    if row.network or row.passes is not None:
        return "its training runs other networks or further passes"
    return "its epochs are not stated" if row.epochs is None else ""
