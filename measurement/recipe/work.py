"""The work that a recipe describes: what is done, whatever came of it and whatever it was allowed to cost.

Several recipes may describe one work. Left out are the names of the work, its limits (`budget`), its chances
(`seed`), its outcomes (`reported`, a search's `found`), what is measured of it (`inference.scenarios` and
`inference.max_batch_size`; how the network is run belongs to the work), the evidence of a declared figure, and
differences without effect: defaults written out, the order of sets, the fourth digit.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from measurement.recipe.parts import DeclaredEnergy
from measurement.recipe.techniques import (
    ArchitectureSpace,
    DeclaredPhase,
    ElasticSpace,
    PhaseSpec,
    PretrainedPhase,
)
from measurement.recipe.training import TrainingOptions

LEFT_OUT = frozenset({"method", "budget", "seed", "reported", "found", "scenarios", "max_batch_size", "evidence"}) | {
    "hub"  # the same bytes, wherever they are kept
}
"""Fields that don't change the work, wherever they are."""
CLAIMED = frozenset({"energy_j", "scope"})
DIGITS = 3
NOTHING = 1e-9


def canonical_work(recipe: BaseModel, phases: Iterable[PhaseSpec], train_images: int | None) -> str:
    """The hashed form: JSON with sorted keys. train_images: of the track, None if its recipes name their data."""
    specs = list(phases)
    document = _fields(recipe, train_images, but=LEFT_OUT | {"phases"})
    if "dataset" in document:  # known by its manifest, whatever its folder is called or its archive's hash is
        del document["dataset"]["name"]
        if document["dataset"].pop("archive_sha256", None):
            document["dataset"]["is_uploaded"] = True
    document["phases"] = [_phase(spec, train_images) for spec in specs if not isinstance(spec, DeclaredPhase)]
    document["declared"] = _declared(specs)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def sha256_of_work(canonical: str) -> str:
    """Hexadecimal SHA-256 of a canonical form."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def _phase(spec: PhaseSpec, train_images: int | None) -> dict[str, Any]:
    claimed = CLAIMED if isinstance(spec, DeclaredEnergy) else frozenset()
    return _fields(spec, train_images, but=LEFT_OUT | claimed)


def _declared(specs: Iterable[PhaseSpec]) -> dict[str, Any]:
    """What is declared of each phase, added up: joules by scope, and whether a part has none."""
    found: dict[str, dict[str, float]] = {}
    for spec in specs:
        if isinstance(spec, DeclaredEnergy):
            sums = found.setdefault(spec.phase, {})
            name = "missing" if spec.energy_j is None else spec.scope
            sums[name] = sums.get(name, 0.0) + (spec.energy_j or 0.0)
    return {phase: {name: _number(joules) for name, joules in sums.items()} for phase, sums in found.items()}


def _fields(part: BaseModel, images: int | None, but: frozenset[str] = LEFT_OUT) -> dict[str, Any]:
    """The fields that differ from their defaults, as plain values."""
    plain: dict[str, Any] = {}
    for name, field in type(part).model_fields.items():
        if name in but:
            continue
        value = _effective(part, name, images)
        default = field.get_default()
        if default is PydanticUndefined or value != _plain(name, default, images):
            plain[name] = value
    return plain


def _effective(part: BaseModel, name: str, images: int | None) -> Any:
    if name == "progressive_resizing" and isinstance(part, TrainingOptions):
        # Stages begin with whole epochs: other shares that round to the same are the same.
        stages = zip(part.progressive_resizing, part.resizing_epochs(), strict=True)
        return [[stage.resolution, epoch] for stage, epoch in stages]
    if name == "source" and isinstance(part, PretrainedPhase) and part.sha256:
        return "store"  # the same bytes, wherever they are kept
    value = _plain(name, getattr(part, name), images)
    return sorted(value) if isinstance(part, ArchitectureSpace | ElasticSpace) else value


def _plain(name: str, value: Any, images: int | None) -> Any:
    if isinstance(value, BaseModel):
        return _fields(value, images)
    if isinstance(value, tuple):
        return [_plain(name, item, images) for item in value]
    if isinstance(value, float):
        return _number(value)
    if name == "batch_size" and images is not None:
        return min(value, images)
    return value


def _number(value: float) -> float:
    """Three significant digits; from one half to 1, of the distance from 1, as 0.999 and 0.9999 are far apart."""
    if abs(value) < NOTHING:
        return 0.0
    if 0.5 < value < 1:
        return round(1 - _number(1 - value), 12)
    return round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
