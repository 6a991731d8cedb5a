"""How a search explores a space: the fields that the techniques of phase `search` share."""

from __future__ import annotations

from typing import Annotated, Protocol, TypeVar

from pydantic import AfterValidator, Field, model_validator

from measurement.recipe.parts import PhasePart

V = TypeVar("V")
M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


def _once_each(values: tuple[V, ...]) -> tuple[V, ...]:
    if len(set(values)) != len(values):
        raise ValueError("has a value twice; give each value once")
    return values


# Only the first wrong value is reported: finding similar names takes milliseconds, and there may be thousands.
Axis = Annotated[
    tuple[V, ...],
    Field(min_length=1, max_length=100, fail_fast=True, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_once_each),
]
"""The values of one dimension of a space, each once."""

Resolution = Annotated[int, Field(ge=8, le=1024)]


class Space(Protocol[M_contra]):
    """The space that is searched."""

    @property
    def size(self) -> int:
        """Number of members."""
        ...

    def holds(self, member: M_contra) -> bool:
        """Whether `member` is one."""
        ...


def check_space(space: Space[M], candidates: int, found: M | None) -> None:
    """Raise ValueError for more candidates than the space has members, and for a `found` that is not a member."""
    if candidates > space.size:
        raise ValueError(
            f"candidates is {candidates}, but the space has {space.size} members; use fewer candidates or a larger "
            "space"
        )
    if found is not None and not space.holds(found):
        raise ValueError(f"found is {found}, which is not a member of the space")


class SearchOptions(PhasePart):
    """How many candidates are scored, on which images, which are allowed, and how they are scored.

    The score is quality on held-back training images, less `macs_weight` for each tenfold of multiply-accumulates.
    """

    candidates: int = Field(ge=1, le=10_000, description="how many members of the space are scored")
    validation_share: float = Field(0.2, gt=0, le=0.5, description="of the training images, held back to score on")
    macs_weight: float = Field(0.0, ge=0, le=10)
    max_macs: int | None = Field(None, ge=1, le=10**15)
    max_parameters: int | None = Field(None, ge=1, le=10**12)
    population: int = Field(10, ge=2, le=10_000, description="of `evolution`: the latest candidates")
    tournament: int = Field(
        3, ge=1, le=10_000, description="of `evolution`: the best of so many candidates has the next child"
    )

    @model_validator(mode="after")
    def _evolves(self) -> SearchOptions:
        if getattr(self, "strategy", None) != "evolution":
            for name in ("population", "tournament"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name} belongs to the strategy evolution; leave it out")
        elif self.population >= self.candidates:
            raise ValueError(
                f"population is {self.population}, and there are {self.candidates} candidates, so nothing would "
                "evolve; use a smaller population"
            )
        elif self.tournament > self.population:
            raise ValueError(
                f"tournament is {self.tournament}, which is more than the population of {self.population}; "
                "use at most that"
            )
        return self
