"""The recipe that a published result stands for, as far as the recipe language can say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalogue.reading import Catalogue
from catalogue.schedule import DECLARABLE, ScheduledPhase, schedule_of
from measurement.vocabulary import Phase

FAMILIES = {"search": "nas", "pretrain": "transfer"}
"""What a declared phase makes of a method."""
TRAINED_ONLY = ["compact", "efficient_training"]


@dataclass(frozen=True)
class Draft:
    """A recipe's document, and a sentence for each thing that it cannot say; None if a training is among these.

    It names its published model unless it trains otherwise.
    """

    document: dict[str, Any] | None
    not_said: tuple[str, ...]


def recipe_of(catalogue: Catalogue, model: str, resolution: int) -> Draft | None:
    """The draft for a model at an image size in pixels; None if the catalogue has no such model or size."""
    found = next((row for row in catalogue.models if (row.model, row.resolution) == (model, resolution)), None)
    if found is None:
        return None
    schedule = schedule_of(catalogue.trainings_of.get(model, ()))
    phases, not_said = [], []
    for part in schedule:
        phase, reason = _phase(part, resolution)
        if phase is not None:
            phases.append(phase)
        if reason:
            not_said.append(f"{part.phase}: {reason}.")
    names = [phase["phase"] for phase in phases]
    if Phase.FINETUNE in names and Phase.TRAIN not in names:
        not_said.append(
            "finetune: it starts from weights of the pre-training, which technique pretrained has to name."
        )
        names = []
    if len(names) < len(schedule) or Phase.TRAIN not in names:
        return Draft(None, tuple(not_said))
    method = {"title": f"{model} at {resolution} px", "family": _family(found.family, names)}
    if not any(part.resolution and part.resolution > resolution for part in schedule if not part.not_sayable):
        method["published_model"] = model
    document = {
        "schema_version": 1,
        "method": method,
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


def _phase(part: ScheduledPhase, resolution: int) -> tuple[dict[str, Any] | None, str]:
    """The phase (None if it can't be said), and what it does not say, the optimizer's settings apart."""
    if part.not_sayable:
        declared = {"phase": str(part.phase), "technique": "declared"} if part.phase in DECLARABLE else None
        return declared, part.not_sayable
    phase = {"phase": str(part.phase), "technique": "supervised", "epochs": round(part.epochs or 0)}
    trained_at = part.resolution or resolution
    if trained_at > resolution:
        return phase, (
            f"it trained at {trained_at} px; a recipe trains at its model's {resolution} px at most, so this one "
            "does not repeat the published training"
        )
    if trained_at < resolution:
        phase["progressive_resizing"] = [{"resolution": trained_at, "share": 1.0}]
    return phase, ""
