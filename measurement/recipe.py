"""The recipe: an immutable, declarative document that says how to produce and run a model.

Known by the SHA-256 of its canonical form, which leaves out `method` (who names the work, not how it is done) and
every value equal to its default: two documents that mean the same have the same hash, and a later field with a
default changes no older hash. The default of an existing field therefore never changes within a schema version.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from measurement.documents import MAX_DOCUMENT_BYTES, DocumentError, Fault, as_json, faults_of, read_document
from measurement.tracks import TRACKS
from measurement.vocabulary import Family, Phase, Scenario, Scope

SCHEMA_VERSION = 1


@cache
def known_architectures() -> frozenset[str]:
    """Names of timm's architectures, without importing timm (written by `make architectures`)."""
    return frozenset(resources.files("measurement").joinpath("architectures.txt").read_text("utf-8").split())


def _known_architecture(name: str) -> str:
    if name not in known_architectures():
        raise ValueError(f"{name!r} is not an architecture of timm{_did_you_mean(name, known_architectures())}")
    return name


def _known_track(slug: str) -> str:
    if slug not in TRACKS:
        raise ValueError(
            f"{slug!r} is not a track; one of {', '.join(sorted(TRACKS))}{_did_you_mean(slug, frozenset(TRACKS))}"
        )
    return slug


def _did_you_mean(name: str, known: frozenset[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
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
WebAddress = Annotated[str, Field(max_length=300), AfterValidator(_web_address)]
Finite = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Part(BaseModel):
    model_config = Finite


class Method(_Part):
    """What a submitter names. It is no part of the recipe's hash."""

    title: Annotated[PlainText, Field(min_length=3, max_length=120)]
    family: Family
    paper: WebAddress | None = Field(None, description="address of the paper, e.g. https://arxiv.org/abs/1905.02244")
    authors: Annotated[tuple[Annotated[PlainText, Field(max_length=100)], ...], Field(max_length=50)] = ()
    summary: Annotated[str, Field(max_length=1000), AfterValidator(_visible)] = ""


class Model(_Part):
    """The network: any timm architecture at an input resolution in pixels."""

    architecture: Annotated[str, Field(max_length=100), AfterValidator(_known_architecture)] = Field(
        description="name of a timm architecture, e.g. mobilenetv3_small_050"
    )
    resolution: int = Field(ge=8, le=1024, description="height and width of the input, pixels")


class Optimizer(_Part):
    name: Literal["sgd", "adamw"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=100)
    weight_decay: float = Field(0.01, ge=0, le=10)
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd; adamw has none")

    @model_validator(mode="after")
    def _means_something(self) -> Optimizer:
        if self.name == "adamw" and self.momentum != 0.9:
            raise ValueError("momentum belongs to sgd; leave it out for adamw")
        return self


class SupervisedPhase(_Part):
    """Training on the track's labelled images: `train` from scratch, `finetune` from the phase before."""

    technique: Literal["supervised"]
    phase: Literal["train", "finetune"]
    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(64, ge=1, le=65_536)
    optimizer: Optimizer = Optimizer()
    schedule: Literal["constant", "cosine", "one_cycle"] = "cosine"
    label_smoothing: float = Field(0.0, ge=0, lt=1)


class StructuredPruningPhase(_Part):
    """Removal of whole channels, so that the network is smaller and not only sparser."""

    technique: Literal["structured_pruning"]
    phase: Literal["compress"]
    ratio: float = Field(gt=0, lt=1, description="share of the channels of every layer that is removed")
    importance: Literal["magnitude", "random"] = "magnitude"
    steps: int = Field(1, ge=1, le=100, description="the ratio is reached in so many equal steps")


class DeclaredPhase(_Part):
    """A phase that our worker does not run: `reported` with a figure and its evidence, else `missing`."""

    technique: Literal["declared"]
    phase: Literal["search", "pretrain"]
    energy_j: float | None = Field(None, gt=0, le=1e18, description="joules; leave out where nobody knows")
    scope: Literal["accelerator", "system"] = "accelerator"
    evidence: WebAddress | None = Field(None, description="where the figure can be checked")

    @model_validator(mode="after")
    def _figure_needs_evidence(self) -> DeclaredPhase:
        if (self.energy_j is None) != (self.evidence is None):
            raise ValueError("energy_j and evidence go together: give both (reported), or neither (missing)")
        return self


PhaseSpec = Annotated[SupervisedPhase | StructuredPruningPhase | DeclaredPhase, Field(discriminator="technique")]
TECHNIQUES = frozenset({"supervised", "structured_pruning", "declared"})


class Inference(_Part):
    """How the finished model is run while its energy per image is metered."""

    scenarios: Annotated[tuple[Literal["single_stream", "offline"], ...], Field(min_length=1, max_length=2)] = (
        "single_stream",
        "offline",
    )
    max_batch_size: int = Field(256, ge=1, le=65_536, description="upper bound of the offline batch")


class Budget(_Part):
    """What a verification may cost at most, beside the worker's own limits."""

    time_s: float | None = Field(None, gt=0, le=30 * 86_400)
    energy_j: float | None = Field(None, gt=0, le=1e15)


class Recipe(_Part):
    """Schema version 1."""

    HASHED_WITHOUT: ClassVar[set[str]] = {"method"}

    schema_version: Literal[1]
    method: Method
    track: Annotated[str, Field(max_length=50), AfterValidator(_known_track)]
    model: Model
    phases: Annotated[tuple[PhaseSpec, ...], Field(min_length=1, max_length=20)]
    inference: Inference = Inference()
    budget: Budget = Budget()
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        track = TRACKS[self.track]
        if not track.min_resolution <= self.model.resolution <= track.max_resolution:
            raise ValueError(
                f"model.resolution: track {track.slug} takes {track.min_resolution} to {track.max_resolution} pixels "
                f"(got {self.model.resolution})"
            )
        if len(set(self.inference.scenarios)) != len(self.inference.scenarios):
            raise ValueError("inference.scenarios: each scenario once")
        self._check_order()
        return self

    def _check_order(self) -> None:
        trained = False
        for position, spec in enumerate(self.phases):
            if spec.technique == "declared":
                continue
            if spec.phase == "train" and trained:
                raise ValueError(f"phases.{position}.phase: a second `train`; call later training `finetune`")
            if spec.phase in ("compress", "finetune") and not trained:
                raise ValueError(f"phases.{position}.phase: {spec.phase} needs a `train` phase before it")
            trained = True
        if not trained:
            raise ValueError("phases: at least one `train` phase is needed")

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of `canonical()`."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def canonical(self) -> str:
        """The hashed form: JSON with sorted keys, without `method` and without defaults."""
        document = self.model_dump(mode="json", exclude=self.HASHED_WITHOUT, exclude_defaults=True)
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def document(self) -> dict[str, Any]:
        """The whole recipe as plain JSON values, defaults written out."""
        return self.model_dump(mode="json")


def parse_recipe(document: dict[str, Any]) -> Recipe:
    """A recipe from plain values. Raises DocumentError with one fault a field."""
    try:
        return Recipe.model_validate_json(as_json(document))
    except ValidationError as error:
        raise DocumentError([_split_field(fault) for fault in faults_of(error, TECHNIQUES)]) from None


def read_recipe(text: str | bytes) -> Recipe:
    """A recipe from YAML or JSON text. Raises DocumentError."""
    return parse_recipe(read_document(text))


def load_recipe(path: Path) -> Recipe:
    """A recipe from a file. Raises DocumentError, also where the file can't be read."""
    try:
        with path.open("rb") as file:
            return read_recipe(file.read(MAX_DOCUMENT_BYTES + 1))
    except OSError as error:
        raise DocumentError([Fault("", f"can't be read: {error.strerror}")]) from None


def recipe_json_schema() -> dict[str, Any]:
    """The JSON Schema of schema version 1."""
    return Recipe.model_json_schema()


def _split_field(fault: Fault) -> Fault:
    """A check of the whole recipe names its field at the head of its message."""
    if fault.field:
        return fault
    field, colon, message = fault.message.partition(": ")
    return Fault(field, message) if colon and " " not in field else fault


__all__ = [
    "SCHEMA_VERSION",
    "Phase",
    "Recipe",
    "Scenario",
    "Scope",
    "load_recipe",
    "parse_recipe",
    "read_recipe",
]
