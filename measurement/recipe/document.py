"""The recipe: an immutable, declarative document that says how to produce and run a model.

Known by the SHA-256 of its canonical form, which leaves out `method` (the names of the work, not how it is done) and
every value equal to its default: two documents that mean the same have the same hash, and a later field with a
default changes no older hash. The default of an existing field therefore never changes within a schema version.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from measurement.artifacts import Kind
from measurement.documents import Fault
from measurement.recipe.brought import OnnxModel
from measurement.recipe.consistency import (
    check_brought,
    check_exits,
    check_inference,
    check_order,
    check_patches,
    check_visibility,
)
from measurement.recipe.detection import check_detection
from measurement.recipe.hub import HubFile
from measurement.recipe.inference import Inference
from measurement.recipe.model import Model
from measurement.recipe.parts import Part, did_you_mean
from measurement.recipe.sections import Budget, Dataset, Method, Reported
from measurement.recipe.techniques import (
    ArchitectureSearchPhase,
    EarlyExitPhase,
    PhaseSpec,
    PretrainedPhase,
    SupernetPhase,
)
from measurement.recipe.training import early_stoppings
from measurement.recipe.work import canonical_work, sha256_of_work
from measurement.tracks import TRACKS, OpenTrack
from measurement.vocabulary import Family

SCHEMA_VERSION = 1
_FAMILY_OF_PHASE: dict[str, Family] = {"search": "nas", "pretrain": "transfer"}
_TRAINED_ONLY: tuple[Family, ...] = ("compact", "efficient_training")


def _known_track(slug: str) -> str:
    if slug not in TRACKS:
        raise ValueError(
            f"{slug!r} is not a track; use one of {', '.join(sorted(TRACKS))}{did_you_mean(slug, TRACKS)}"
        )
    return slug


def _format(given: Any) -> str:
    """Which of the models it is: timm's have no `format`."""
    if isinstance(given, dict):
        return str(given.get("format", "timm"))
    return str(getattr(given, "format", "timm"))


AnyModel = Annotated[
    Annotated[Model, Tag("timm")] | Annotated[OnnxModel, Tag("onnx")],
    Discriminator(
        _format,
        custom_error_type="model_format",
        custom_error_message="format must be onnx, or left out for a timm architecture; torch_export is not taken, "
        "because torch.export.load unpickles parts of the file, and a pickle may run any code: export to ONNX",
    ),
]
MODEL_FORMATS = frozenset({"timm", "onnx"})


class Recipe(Part):
    """Schema version 1."""

    HASHED_WITHOUT: ClassVar[set[str]] = {"method"}

    schema_version: Literal[1]
    method: Method
    track: Annotated[
        str, Field(max_length=50, json_schema_extra={"enum": sorted(TRACKS)}), AfterValidator(_known_track)
    ]
    dataset: Dataset | None = None
    model: AnyModel
    phases: Annotated[tuple[PhaseSpec, ...], Field(min_length=1, max_length=20)]
    inference: Inference = Inference()
    budget: Budget = Budget()
    reported: Reported | None = None
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        track = TRACKS[self.track]
        if not track.min_resolution <= self.model.resolution <= track.max_resolution:
            raise ValueError(
                f"model.resolution: track {track.slug} takes {track.min_resolution} to {track.max_resolution} pixels "
                f"(got {self.model.resolution})"
            )
        if isinstance(track, OpenTrack) != (self.dataset is not None):
            raise ValueError(
                f"dataset: track {track.slug} needs the name and the manifest_sha256 of its data"
                if self.dataset is None
                else f"dataset: track {track.slug} has its own data; leave this field out"
            )
        if self.dataset is not None:
            check_visibility(self.dataset)
        if len(set(self.inference.scenarios)) != len(self.inference.scenarios):
            raise ValueError("inference.scenarios: each scenario once")
        check_detection(self.track, self.model, self.phases, self.inference)
        if isinstance(self.model, OnnxModel):
            check_brought(self.model, track, self.phases, self.inference, self.reported)
            return self
        check_patches(self.model, self.phases)
        check_order(self.phases)
        check_exits(self.phases)
        check_inference(self.phases, self.inference)
        return self

    @property
    def track_key(self) -> str:
        """The slug of the board: the track's; on a track for any data, one for each data set."""
        track, data = TRACKS[self.track], self.dataset
        if isinstance(track, OpenTrack) and data:
            is_uploaded = data.archive_sha256 is not None
            return track.key(data.manifest_sha256, is_uploaded=is_uploaded, private_to=data.account)
        return track.slug

    @property
    def private_to(self) -> int | None:
        """The number of the account that alone sees the results; None if everybody does."""
        return self.dataset.account if self.dataset else None

    def kept_private_to(self, account: int) -> Recipe:
        """The same recipe of private results, for one account: another recipe, of another work, on another board."""
        assert self.dataset is not None, "private results are on a data set of one's own"  # noqa: S101
        return self.model_copy(update={"dataset": self.dataset.model_copy(update={"private_to": account})})

    def why_not_sampled(self) -> Fault | None:
        """What is missing for a sampled verification of this recipe; None if nothing is."""
        if self.reported is None:
            return Fault(
                "reported", "is required in sampled mode, which trains only a part; give quality and evidence"
            )
        for path in early_stoppings(self):
            return Fault(
                path,
                "is not possible in sampled mode: the number of epochs is unknown, so a sample can't be scaled; "
                "leave it out and give the epochs that your own run took",
            )
        for position, spec in enumerate(self.phases):
            if isinstance(spec, ArchitectureSearchPhase | SupernetPhase) and spec.found is None:
                return Fault(
                    f"phases.{position}.found", "is required in sampled mode, which does not train enough to choose"
                )
            if self.reported.weights_sha256 is not None and (field := spec.shapes_follow_weights):
                return Fault(
                    "reported.weights_sha256",
                    f"can't be loaded into a sampled network: by phases.{position}.{field} its shapes depend on the "
                    "whole training; leave it out to have quality reported",
                )
        if self.cost_depends_on_images and self.reported.weights_sha256 is None:
            return Fault(
                "reported.weights_sha256",
                "is required to sample early exits: where images leave, and so their cost, depends on the whole "
                "training; name the finished weights, or request a full verification",
            )
        return None

    @property
    def families(self) -> dict[Family, str]:
        """The families that the phases make this a method of, each with the phase; without one, any may train so."""
        found: dict[Family, str] = {}
        for position, spec in enumerate(self.phases):
            family = _FAMILY_OF_PHASE.get(spec.phase, spec.technique_family)
            if family is not None:
                found.setdefault(family, f"phases.{position}: {spec.technique}")
        return found

    def why_not_family(self) -> Fault | None:
        """What is wrong with the family that the submitter claims; None if the phases bear it out."""
        derived, claimed = self.families, self.method.family
        if isinstance(self.model, OnnxModel):  # how the file was made is not among the phases
            return None
        if claimed in (derived or _TRAINED_ONLY):
            return None
        if derived:
            made = " or ".join(f"{family!r} ({phase})" for family, phase in derived.items())
        else:
            made = " or ".join(map(repr, _TRAINED_ONLY)) + " (only training)"
        return Fault("method.family", f"is {claimed!r}, but the phases make this {made}; give that, or add the phase")

    @property
    def cost_depends_on_images(self) -> bool:
        """Whether the cost of an image depends on the image and on the trained weights, as with early exits."""
        return any(isinstance(spec, EarlyExitPhase) for spec in self.phases)

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of `canonical()`."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def work_sha256(self) -> str:
        """Hexadecimal SHA-256 of the work: the same for recipes that differ in chances, limits or outcomes only."""
        return sha256_of_work(canonical_work(self, self.phases, TRACKS[self.track].train_images))

    @property
    def brought_weights(self) -> tuple[str, ...]:
        """SHA-256 of the weights files that the submitter brought and phases start from or learn from, sorted."""
        own = {self.model.sha256} if isinstance(self.model, OnnxModel) else set()
        return tuple(sorted(own | {sha256 for spec in self.phases for sha256 in spec.brought_weights}))

    @property
    def uploads(self) -> dict[str, tuple[str, Kind]]:
        """The uploaded files that it names: by field, SHA-256 and kind."""
        found: dict[str, tuple[str, Kind]] = {}
        if self.dataset and self.dataset.archive_sha256:
            found["dataset.archive_sha256"] = (self.dataset.archive_sha256, "dataset")
        if isinstance(self.model, OnnxModel) and self.model.hub is None:
            found["model.sha256"] = (self.model.sha256, "onnx")
        for position, spec in enumerate(self.phases):
            if isinstance(spec, PretrainedPhase) and spec.source == "upload" and spec.sha256:
                found[f"phases.{position}.sha256"] = (spec.sha256, "safetensors")
        if self.reported and self.reported.weights_source == "upload" and self.reported.weights_sha256:
            found["reported.weights_sha256"] = (self.reported.weights_sha256, "safetensors")
        return found

    @property
    def downloads(self) -> dict[str, tuple[str, HubFile]]:
        """The files of a hub that it names: by field, the SHA-256 that they must have, and where they are."""
        found: dict[str, tuple[str, HubFile]] = {}
        if isinstance(self.model, OnnxModel) and self.model.hub:
            found["model.hub"] = (self.model.sha256, HubFile.of(self.model.hub))
        for position, spec in enumerate(self.phases):
            if isinstance(spec, PretrainedPhase) and spec.hub and spec.sha256:
                found[f"phases.{position}.hub"] = (spec.sha256, HubFile.of(spec.hub))
        return found

    def canonical(self) -> str:
        """The hashed form: JSON with sorted keys, without `method` and without defaults."""
        document = self.model_dump(mode="json", exclude=self.HASHED_WITHOUT, exclude_defaults=True)
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def document(self) -> dict[str, Any]:
        """The whole recipe as plain JSON values, defaults written out."""
        return self.model_dump(mode="json")

    def text(self) -> str:
        """`document()` as JSON for people, which `read_recipe` can read."""
        return json.dumps(self.document(), indent=2, ensure_ascii=False) + "\n"
