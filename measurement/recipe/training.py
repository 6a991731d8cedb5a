"""How a network is trained: the fields that every technique with a training loop shares.

The default of every field means that its step is not done, so that a recipe lists everything that is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import ClassVar, Literal

from pydantic import BaseModel, Field, model_validator

from measurement.recipe.parts import Part, PhasePart

MOMENTUM, DECAY_FACTOR, DECAY_EPOCHS = 0.9, 0.1, 30.0


class Optimizer(Part):
    """How a training changes weights; rates and decays are those of torch's optimizer of this name."""

    name: Literal["sgd", "adamw", "adam", "rmsprop", "lamb"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=100)
    weight_decay: float = Field(0.01, ge=0, le=10)
    momentum: float = Field(MOMENTUM, ge=0, lt=1, description="of sgd and rmsprop; the others have none")
    nesterov: bool = Field(False, description="of sgd")

    @model_validator(mode="after")
    def _means_something(self) -> Optimizer:
        if self.name not in ("sgd", "rmsprop") and self.momentum != MOMENTUM:
            raise ValueError(f"momentum belongs to sgd and rmsprop; leave it out for {self.name}")
        if self.nesterov and (self.name != "sgd" or not self.momentum):
            raise ValueError("nesterov belongs to sgd with a momentum; leave it out")
        return self


class Augmentation(Part):
    """Changes to the training images, drawn again for every batch on the training device."""

    random_crop_padding: int = Field(0, ge=0, le=256, description="pixels by which an image may be shifted")
    horizontal_flip: bool = Field(False, description="half of the images are mirrored")
    mixup_alpha: float = Field(0.0, ge=0, le=10, description="of mixup's Beta distribution; 0 is none")
    cutmix_alpha: float = Field(
        0.0, ge=0, le=10, description="of CutMix's Beta distribution; with both, each batch draws one"
    )


class ProgressiveResizing(Part):
    """One stage of it: a part of the epochs on smaller images."""

    resolution: int = Field(ge=8, le=1024, description="height and width of the images, pixels")
    share: float = Field(gt=0, le=1, description="of the epochs; the rest run at the model's own resolution")


class Freeze(Part):
    """Layers nearest to the input whose weights stay as they are."""

    stages: int | None = Field(
        None, ge=1, le=1000, description="the stem is the first; leave out for all but the classifier"
    )
    epochs: int | None = Field(None, ge=1, le=10_000, description="the first so many; leave out for all")


class EarlyStopping(Part):
    """An end before the declared epochs, at the weights of the best epoch."""

    patience: int = Field(ge=1, le=10_000, description="epochs in a row without a smaller validation loss")
    validation_share: float = Field(0.1, gt=0, lt=1, description="of the training images, held back from training")


class TrainingOptions(PhasePart):
    """A number of epochs over the track's training images; `measurement.training.fit` does it."""

    gives_weights: ClassVar[bool] = True

    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(64, ge=1, le=65_536)
    optimizer: Optimizer = Optimizer()
    schedule: Literal["constant", "cosine", "one_cycle", "linear", "step", "exponential"] = "cosine"
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    warmup_epochs: float = Field(0.0, ge=0, le=10_000, description="of a learning rate that rises linearly")
    decay_factor: float = Field(DECAY_FACTOR, gt=0, lt=1, description="of the schedules step and exponential")
    decay_epochs: float = Field(DECAY_EPOCHS, gt=0, le=10_000, description="epochs from factor to factor")
    clip_gradient_norm: float | None = Field(None, gt=0, le=1e6)
    micro_batches: int = Field(1, ge=1, le=4096, description="parts of a batch whose gradients are added up")
    augmentation: Augmentation = Augmentation()
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    channels_last: bool = False
    compile: bool = False
    deterministic: bool = False
    ema_decay: float | None = Field(None, gt=0, lt=1, description="of the running mean that becomes the weights")
    freeze: Freeze | None = None
    progressive_resizing: tuple[ProgressiveResizing, ...] = Field((), max_length=20)
    early_stopping: EarlyStopping | None = None

    @model_validator(mode="after")
    def _schedule_means_something(self) -> TrainingOptions:
        if self.warmup_epochs and self.schedule == "one_cycle":
            raise ValueError("one_cycle has its own warm-up; leave out warmup_epochs")
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs must be fewer than epochs ({self.epochs})")
        decays = (self.decay_factor, self.decay_epochs) != (DECAY_FACTOR, DECAY_EPOCHS)
        if decays and self.schedule not in ("step", "exponential"):
            raise ValueError(
                "decay_factor and decay_epochs belong to the schedules step and exponential; leave them out"
            )
        return self

    @model_validator(mode="after")
    def _epochs_suffice(self) -> TrainingOptions:
        if self.freeze and self.freeze.epochs and self.freeze.epochs >= self.epochs:
            raise ValueError(f"freeze.epochs must be fewer than epochs ({self.epochs}); leave it out for all of them")
        if self.early_stopping and self.early_stopping.patience >= self.epochs:
            raise ValueError(f"early_stopping.patience must be fewer than epochs ({self.epochs})")
        return self

    @model_validator(mode="after")
    def _resizing_is_progressive(self) -> TrainingOptions:
        stages = self.progressive_resizing
        if any(earlier.resolution >= later.resolution for earlier, later in pairwise(stages)):
            raise ValueError("progressive_resizing: each stage must be larger than the one before it")
        if sum(stage.share for stage in stages) > 1 + 1e-9:
            raise ValueError("progressive_resizing: the shares add up to more than 1; use smaller ones")
        if any(before == after for before, after in pairwise((0, *self.resizing_epochs()))):
            raise ValueError(
                f"progressive_resizing: a stage gets none of the {self.epochs} epochs; use larger shares or "
                "more epochs"
            )
        return self

    def resizing_epochs(self) -> tuple[int, ...]:
        """The epoch, counted from 0, before which each stage of `progressive_resizing` has ended."""
        return tuple(
            round(share * self.epochs) for share in accumulate(stage.share for stage in self.progressive_resizing)
        )


def early_stoppings(part: BaseModel) -> Iterator[str]:
    """The paths of every `early_stopping` in a recipe or a part of one, e.g. `phases.0.early_stopping`.

    How many steps such a training takes is known only once it has ended, so a sample of it can't be scaled.
    """
    yield from (path for path, inner in _parts(part) if isinstance(inner, EarlyStopping))


def asks_for_determinism(part: BaseModel) -> bool:
    """Whether any training in a recipe or a part of one is `deterministic`."""
    parts = (part, *(inner for _, inner in _parts(part)))
    return any(isinstance(inner, TrainingOptions) and inner.deterministic for inner in parts)


def _parts(part: BaseModel) -> Iterator[tuple[str, BaseModel]]:
    """Every part within `part`, with its path."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        members = [(name, value)]
        if isinstance(value, tuple):
            members = [(f"{name}.{number}", member) for number, member in enumerate(value)]
        for path, member in members:
            if isinstance(member, BaseModel):
                yield path, member
                yield from ((f"{path}.{below}", inner) for below, inner in _parts(member))
