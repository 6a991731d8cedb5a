"""What a technique takes and returns: small types, no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from measurement.progress import Advance, FullPace, Pace
from measurement.recipe import PhaseSpec, Recipe
from measurement.recipe.parts import PhasePart

if TYPE_CHECKING:
    import torch

    from measurement.tracks import Split, Track

P = TypeVar("P", bound=PhasePart)


@dataclass(frozen=True, slots=True)
class PhaseContext:
    """Everything that a technique may use.

    `position` is the phase's place in the recipe, `train` the track's training images with their batches on `device`,
    and `seed` fixes the order of the images and every other draw of the phase. A technique never sees the test
    images. Loops over steps go through `pace`.
    """

    spec: PhaseSpec
    position: int
    recipe: Recipe
    track: Track
    model: torch.nn.Module
    train: Split
    device: torch.device
    seed: int
    advance: Advance
    pace: Pace = field(default_factory=FullPace)

    @property
    def classes(self) -> int:
        """Outputs of the classifier."""
        return self.track.classes

    def field(self, name: str) -> str:
        """The path of one of this phase's fields in the recipe, for messages."""
        return f"phases.{self.position}.{name}"

    def spec_as(self, kind: type[P]) -> P:
        """The phase's fields. Raises TypeError if the registry gave the phase to another technique's code."""
        if not isinstance(self.spec, kind):
            raise TypeError(f"not a {kind.__name__}: {self.spec!r}")
        return self.spec


@dataclass(frozen=True, slots=True)
class PhaseOutcome:
    """The network after the phase, and plain values for the phase's `detail` in the record.

    A phase that chooses them, such as a search, gives `architecture` and `resolution`.
    """

    model: torch.nn.Module
    detail: dict[str, Any] = field(default_factory=dict)
    architecture: str | None = None
    resolution: int | None = None


@dataclass(frozen=True, slots=True)
class Technique:
    """How a phase is run.

    `run` executes it, inside a meter window. `rehearse` tries it on a copy of the network before anything is metered:
    it returns the network that the next phase may get, and raises BadInput if the phase can't work on it.
    """

    run: Callable[[PhaseContext], PhaseOutcome]
    rehearse: Callable[[PhaseContext], PhaseOutcome]
