"""The base of every part of a recipe: strict, frozen models, and text that is safe to show."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from measurement.vocabulary import Family


class Part(BaseModel):
    """Unknown fields are refused, and no value is converted to another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PhasePart(Part):
    """What the phases have in common.

    `gives_weights`: whether the network holds trained weights after the phase, so that it can be compressed and
    fine-tuned; the worker does not run `declared` phases.
    """

    gives_weights: ClassVar[bool] = False
    replaces_network: ClassVar[bool] = False
    """Whether the phase replaces the network by a new one with random weights."""
    technique_family: ClassVar[Family | None] = None
    """The family that the technique makes a method of; None if any family trains so."""

    fixes_inference: ClassVar[bool] = False
    """Whether the network can be trained further, yet be run only by eager torch in float32."""

    @property
    def ends_training(self) -> bool:
        """Whether the network can only be run after the phase, neither trained nor compressed further."""
        return False

    @property
    def shapes_follow_weights(self) -> str:
        """The field by which the shapes after the phase depend on the weights; empty if they don't."""
        return ""

    @property
    def external_weights(self) -> str:
        """The field that names weights whose training needs a `declared` phase; empty if there is none."""
        return ""

    @property
    def brought_weights(self) -> tuple[str, ...]:
        """SHA-256 of the files in the worker's store that the phase uses: weights that the submitter brought."""
        return ()


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
        raise ValueError("has a control character; use only text, line breaks and tabs")
    return text


def _plain_text(text: str) -> str:
    if any(not letter.isprintable() for letter in text) or not text.strip():
        raise ValueError("must be one line of visible text")
    return text.strip()


# The patterns are for the JSON Schema; no portable one names every character that can't be seen.
PlainText = Annotated[
    str,
    Field(json_schema_extra={"pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$"}),
    AfterValidator(_plain_text),
]
VisibleText = Annotated[
    str,
    Field(json_schema_extra={"pattern": r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"}),
    AfterValidator(_visible),
]
WebAddress = Annotated[
    str,
    Field(max_length=300, json_schema_extra={"pattern": r"^https?://[^\x00-\x20\x7f-\xa0]*$"}),
    AfterValidator(_web_address),
]


class DeclaredEnergy(PhasePart):
    """A phase whose energy the worker did not meter: `reported` with a figure and its evidence, else `missing`."""

    energy_j: float | None = Field(None, gt=0, le=1e18, description="joules; leave out if unknown")
    scope: Literal["accelerator", "system"] = "accelerator"
    evidence: WebAddress | None = Field(None, description="where the figure can be checked")

    @model_validator(mode="after")
    def _figure_needs_evidence(self) -> Self:
        if (self.energy_j is None) != (self.evidence is None):
            raise ValueError("energy_j and evidence go together: give both (reported), or neither (missing)")
        return self
