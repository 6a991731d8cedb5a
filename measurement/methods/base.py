"""What a technique gets and gives back: small types, no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from measurement.recipe import PhaseSpec

if TYPE_CHECKING:
    import torch

    from measurement.tracks import Split


class Advance(Protocol):
    """Called after every step of a phase: shows progress and raises OverBudget where the budget will not do."""

    def __call__(self, fraction: float, detail: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class PhaseContext:
    """All that a technique may use.

    `position` is the phase's place in the recipe, `train` the track's training images on `device`, and `seed` fixes
    the order of the images and every other draw of the phase.
    """

    spec: PhaseSpec
    position: int
    model: torch.nn.Module
    train: Split
    classes: int
    device: torch.device
    seed: int
    advance: Advance

    def field(self, name: str) -> str:
        """The path of one of this phase's fields in the recipe, for messages."""
        return f"phases.{self.position}.{name}"


@dataclass(frozen=True, slots=True)
class PhaseOutcome:
    """The network after the phase, and plain values that the record keeps in the phase's `detail`."""

    model: torch.nn.Module
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Technique:
    """How a phase is done.

    `run` does it, inside a meter window. `rehearse` tries it on a copy of the network before anything is metered: it
    returns the network as the next phase will find it, and raises BadInput where the phase can't work on it.
    """

    run: Callable[[PhaseContext], PhaseOutcome]
    rehearse: Callable[[PhaseContext], torch.nn.Module]


def no_progress(fraction: float, detail: str = "") -> None:
    """An Advance that tells nobody."""
