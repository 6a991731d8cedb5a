"""What every part of a recipe is made of: strict, frozen models, and text that is safe to show."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class Part(BaseModel):
    """Fields that are not declared are refused, and no value is turned into another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PhasePart(Part):
    """What the phases have in common.

    `gives_weights`: whether the network holds trained weights after the phase, so that it can be compressed and
    fine-tuned; `declared` is none of the worker's work.
    """

    gives_weights: ClassVar[bool] = False
    begins_anew: ClassVar[bool] = False
    """Whether the phase puts a new network with random weights in the place of the one before it."""

    @property
    def ends_training(self) -> bool:
        """Whether the network can be run after the phase, and neither trained nor compressed further."""
        return False

    @property
    def shapes_follow_weights(self) -> str:
        """The field by which the shapes that the phase leaves depend on the weights; empty where they don't."""
        return ""

    @property
    def brought_along(self) -> str:
        """The field that names weights whose training a `declared` phase must tell of; empty where there is none."""
        return ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: up to three close ones, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _web_address(address: str) -> str:
    if not address.startswith(("https://", "http://")) or not address.isprintable() or " " in address:
        raise ValueError("must be a web address that begins with https://")
    return address


def _visible(text: str) -> str:
    if any(not letter.isprintable() and letter not in "\n\t" for letter in text):
        raise ValueError("has a control character; only text, line breaks and tabs are taken")
    return text


def _plain_text(text: str) -> str:
    if any(not letter.isprintable() for letter in text) or not text.strip():
        raise ValueError("must be one line of visible text")
    return text.strip()


PlainText = Annotated[str, AfterValidator(_plain_text)]
VisibleText = Annotated[str, AfterValidator(_visible)]
WebAddress = Annotated[str, Field(max_length=300), AfterValidator(_web_address)]


class DeclaredEnergy(PhasePart):
    """A phase whose energy our worker did not meter: `reported` with a figure and its evidence, else `missing`."""

    energy_j: float | None = Field(None, gt=0, le=1e18, description="joules; leave out where nobody knows")
    scope: Literal["accelerator", "system"] = "accelerator"
    evidence: WebAddress | None = Field(None, description="where the figure can be checked")

    @model_validator(mode="after")
    def _figure_needs_evidence(self) -> Self:
        if (self.energy_j is None) != (self.evidence is None):
            raise ValueError("energy_j and evidence go together: give both (reported), or neither (missing)")
        return self
