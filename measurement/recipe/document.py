"""The recipe: an immutable, declarative document that says how to produce and run a model.

Known by the SHA-256 of its canonical form, which leaves out `method` (the names of the work, not how it is done) and
every value equal to its default: two documents that mean the same have the same hash, and a later field with a
default changes no older hash. The default of an existing field therefore never changes within a schema version.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationError, model_validator

from measurement.artifacts import Kind
from measurement.documents import MAX_DOCUMENT_BYTES, DocumentError, Fault, as_json, faults_of, read_document
from measurement.recipe.brought import OnnxModel
from measurement.recipe.detection import check_detection
from measurement.recipe.hub import HubFile
from measurement.recipe.inference import Inference
from measurement.recipe.model import Model
from measurement.recipe.parts import Part, PlainText, VisibleText, WebAddress, did_you_mean
from measurement.recipe.patches import check_patch, patch_size
from measurement.recipe.techniques import (
    TECHNIQUES,
    ArchitectureSearchPhase,
    DeclaredPhase,
    DistillationPhase,
    EarlyExitPhase,
    PhaseSpec,
    PretrainedPhase,
    StructuredPruningPhase,
    SupernetPhase,
)
from measurement.recipe.training import TrainingOptions, early_stoppings
from measurement.recipe.work import canonical_work, sha256_of_work
from measurement.tracks import TRACKS, OpenTrack
from measurement.tracks.base import MOST_ACCOUNT_DIGITS
from measurement.tracks.opened import NAME_PATTERN
from measurement.vocabulary import Family

SCHEMA_VERSION = 1
_NEWER = (
    f"and this program reads recipes of version {SCHEMA_VERSION}; write the recipe for version {SCHEMA_VERSION}, or "
    "use it where a newer version of the program is installed"
)
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


class Method(Part):
    """The submitter's names for the work. They are not part of the recipe's hash."""

    title: Annotated[PlainText, Field(min_length=3, max_length=120)]
    family: Family
    paper: WebAddress | None = Field(None, description="address of the paper, e.g. https://arxiv.org/abs/1905.02244")
    authors: Annotated[tuple[Annotated[PlainText, Field(max_length=100)], ...], Field(max_length=50)] = ()
    summary: Annotated[VisibleText, Field(max_length=1000)] = ""
    published_model: Annotated[PlainText, Field(max_length=120)] | None = Field(
        None, description="published model whose training this recipe repeats: timm's name with its tag"
    )


class Dataset(Part):
    """The data set, on a track for any data: exactly these files, in a folder of the worker or in an upload."""

    name: str = Field(
        pattern=NAME_PATTERN, description="folder below datasets/ in the worker's data root; any name for an upload"
    )
    manifest_sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="what `python -m measurement manifest` prints for the folder or archive",
    )
    archive_sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="of a zip file that you have uploaded, in place of a folder on the worker",
    )
    visibility: Literal["public", "private"] = Field(
        "public",
        description="who sees the results: everybody, or you and administrators; the images are always yours and "
        "theirs alone",
    )
    private_to: int | None = Field(
        None,
        ge=0,
        lt=10**MOST_ACCOUNT_DIGITS,
        description="number of the account that sees private results: written by the site; leave it out",
    )

    @property
    def account(self) -> int | None:
        """The number of the account that alone sees the results, 0 if it is not known yet; None: everybody does."""
        return (self.private_to or 0) if self.visibility == "private" else None


class Budget(Part):
    """The most that a verification may cost, in addition to the worker's own limits."""

    time_s: float | None = Field(None, gt=0, le=30 * 86_400)
    energy_j: float | None = Field(None, gt=0, le=1e15)


class Reported(Part):
    """The submitter's result, for a verification that trains only a sample: a figure with its evidence."""

    quality: float = Field(ge=0, le=1, description="the track's metric on its test split, 0 to 1")
    evidence: WebAddress = Field(description="where the figure can be checked")
    weights_sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="of the finished network's safetensors file; it is then evaluated",
    )
    weights_source: Literal["store", "upload"] = Field(
        "store",
        description="where that file is: in the worker's weights store, or among those that you have uploaded",
    )


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
            self._check_visibility(self.dataset)
        if len(set(self.inference.scenarios)) != len(self.inference.scenarios):
            raise ValueError("inference.scenarios: each scenario once")
        check_detection(self.track, self.model, self.phases, self.inference)
        if isinstance(self.model, OnnxModel):
            self._check_brought(self.model, track.channels, track.classes, track.max_resolution)
            return self
        self._check_patches()
        self._check_order()
        self._check_exits()
        self._check_inference()
        return self

    def _check_visibility(self, data: Dataset) -> None:
        if data.visibility == "private" and data.archive_sha256 is None:
            raise ValueError(
                "dataset.visibility: only results on a data set that you have uploaded can be private; give "
                "archive_sha256, or write public"
            )
        if data.private_to is not None and data.visibility == "public":
            raise ValueError("dataset.private_to: is of private results alone; leave it out")

    def _check_brought(self, model: OnnxModel, channels: int, classes: int | None, max_resolution: int) -> None:
        """Of a model that is brought as a file. classes: None if they depend on the recipe's data."""
        for name in ("mean", "std"):
            given = getattr(model.input, name)
            if given is not None and len(given) not in (1, channels):
                raise ValueError(
                    f"model.input.{name}: track {self.track} has {channels} channel(s); give one number, or one for "
                    f"each (got {len(given)})"
                )
        if model.image_resolution > max_resolution:
            raise ValueError(
                f"model.input.resize: track {self.track} takes at most {max_resolution} pixels (got "
                f"{model.input.resize})"
            )
        if model.output.order is not None and classes is not None and len(model.output.order) != classes:
            raise ValueError(
                f"model.output.order: track {self.track} has {classes} classes (got {len(model.output.order)})"
            )
        for position, spec in enumerate(self.phases):
            if not isinstance(spec, DeclaredPhase):
                raise ValueError(
                    f"phases.{position}.technique: an ONNX file is not trained here; use `declared`, with energy_j "
                    f"and evidence if they are known (got {spec.technique})"
                )
        if not any(spec.phase == "train" for spec in self.phases):
            raise ValueError(
                "phases: declare the training of the file: technique `declared`, phase `train`; without energy_j and "
                "evidence it is missing, and the total a lower bound"
            )
        if self.inference.runtime != "onnxruntime":
            raise ValueError("inference.runtime: an ONNX file is run by ONNX Runtime; write `runtime: onnxruntime`")
        if self.reported is not None and self.reported.weights_sha256 is not None:
            raise ValueError("reported.weights_sha256: the file of model.sha256 has the weights; leave this out")

    def _check_patches(self) -> None:
        check_patch("model.resolution", self.model.architecture, self.model.resolution)
        is_replaced = any(spec.replaces_network for spec in self.phases)
        for position, spec in enumerate(self.phases):
            if isinstance(spec, ArchitectureSearchPhase):
                coarsest = max(spec.space.architectures, key=patch_size)
                for number, resolution in enumerate(spec.space.resolutions):
                    check_patch(f"phases.{position}.space.resolutions.{number}", coarsest, resolution)
            if isinstance(spec, DistillationPhase) and not is_replaced:
                check_patch(
                    f"phases.{position}.teacher.architecture", spec.teacher.architecture, self.model.resolution
                )
            if isinstance(spec, TrainingOptions) and not is_replaced:
                for number, stage in enumerate(spec.progressive_resizing):
                    field = f"phases.{position}.progressive_resizing.{number}.resolution"
                    check_patch(field, self.model.architecture, stage.resolution)

    def _check_order(self) -> None:
        trained = False
        for position, spec in enumerate(self.phases):
            if isinstance(spec, DeclaredPhase) and spec.phase not in ("search", "pretrain"):
                raise ValueError(
                    f"phases.{position}.phase: {spec.phase} is run by the worker and not declared, unless the model "
                    "is brought as a file (model.format: onnx); use another technique"
                )
            if spec.phase == "train" and any(earlier.phase == "train" for earlier in self.phases[:position]):
                raise ValueError(f"phases.{position}.phase: this is a second `train`; call later training `finetune`")
            if spec.phase in ("compress", "finetune") and not trained:
                raise ValueError(
                    f"phases.{position}.phase: {spec.phase} needs trained weights; put a `train` phase before it"
                )
            if spec.replaces_network and trained:
                raise ValueError(
                    f"phases.{position}.phase: {spec.technique} chooses a network with new random weights; put it "
                    "before the phases that train one"
                )
            trained = trained or spec.gives_weights
            for earlier, ended in enumerate(self.phases[:position]):
                if ended.ends_training and spec.technique != "declared":
                    raise ValueError(
                        f"phases.{position}.phase: {spec.phase} can't follow {ended.technique} (phases.{earlier}), "
                        "which leaves a network that can't be trained further; put it before"
                    )
            if spec.external_weights and not any(
                isinstance(other, DeclaredPhase) and other.phase == "pretrain" for other in self.phases
            ):
                raise ValueError(
                    f"phases.{position}.{spec.external_weights}: their training counts too; add a `declared` phase "
                    "`pretrain`, with energy_j and evidence if they are known"
                )
        if not trained:
            raise ValueError("phases: at least one `train` phase is needed")

    def _check_exits(self) -> None:
        exits: int | None = None
        for position, spec in enumerate(self.phases):
            if exits is not None and isinstance(spec, StructuredPruningPhase | EarlyExitPhase):
                raise ValueError(
                    f"phases.{position}.technique: {spec.technique} needs a network with a single path, and "
                    f"early_exit (phases.{exits}) leaves several; put it before, and use early_exit only once"
                )
            exits = position if isinstance(spec, EarlyExitPhase) else exits

    def _check_inference(self) -> None:
        for position, spec in enumerate(self.phases):
            if (spec.fixes_inference or spec.ends_training) and (options := sorted(self.inference.options)):
                raise ValueError(
                    f"inference.{options[0]}: {spec.technique} (phases.{position}) leaves a network that can be run "
                    "in one way only; leave this field out"
                )

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


def parse_recipe(document: dict[str, Any]) -> Recipe:
    """A recipe from plain values. Raises DocumentError with one fault a field.

    A short document may be long with its defaults: the size limit applies to the written-out form too.
    """
    version = document.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DocumentError([Fault("schema_version", f"is {version}, {_NEWER}")])
    try:
        recipe = Recipe.model_validate_json(as_json(_with_integers(document)))
    except ValidationError as error:
        raise DocumentError([_split_field(fault) for fault in faults_of(error, TECHNIQUES | MODEL_FORMATS)]) from None
    written = len(recipe.text().encode())
    if written > MAX_DOCUMENT_BYTES:
        most = f"a recipe may have at most {MAX_DOCUMENT_BYTES:,}"
        raise DocumentError([Fault("", f"{written:,} bytes with every default written out as JSON; {most}")])
    return recipe


def _with_integers(value: Any) -> Any:
    """`value` with 20 for 20.0, which is an integer in JSON Schema too; number fields take either."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: _with_integers(inner) for key, inner in value.items()}
    return [_with_integers(inner) for inner in value] if isinstance(value, list) else value


def read_recipe(text: str | bytes) -> Recipe:
    """A recipe from YAML or JSON text. Raises DocumentError."""
    return parse_recipe(read_document(text))


def load_recipe(path: Path) -> Recipe:
    """A recipe from a file. Raises DocumentError, also if the file can't be read."""
    try:
        with path.open("rb") as file:
            return read_recipe(file.read(MAX_DOCUMENT_BYTES + 1))
    except OSError as error:
        raise DocumentError([Fault("", f"can't be read: {error.strerror}")]) from None


def recipe_json_schema() -> dict[str, Any]:
    """The JSON Schema of schema version 1."""
    return Recipe.model_json_schema()


def _split_field(fault: Fault) -> Fault:
    """Messages of checks of the whole recipe begin with the field."""
    if fault.field:
        return fault
    field, colon, message = fault.message.partition(": ")
    return Fault(field, message) if colon and " " not in field else fault
