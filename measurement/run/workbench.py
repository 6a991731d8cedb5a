"""What a run works on: the network and the data at the present phase. Importing it needs torch."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn

from measurement.errors import DataMissing, MeasurementError
from measurement.methods import TECHNIQUES, PhaseContext, PhaseOutcome, no_progress
from measurement.networks.build import build_model
from measurement.networks.onnx_network import brought
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.networks.weights import take_finished_weights
from measurement.progress import FullPace, Pace
from measurement.recipe import OnnxModel, Recipe
from measurement.run.deployment import rehearse_deployment
from measurement.tracks import TRACKS, Split, Track
from measurement.tracks.synthetic import SyntheticSplit
from measurement.vocabulary import Mode

Data = Literal["track", "synthetic"]


@dataclass(slots=True)
class Workbench:
    """The state of a run between its phases: each replaces the model, a search also architecture and resolution."""

    recipe: Recipe
    track: Track
    device: torch.device
    data: Data
    model: nn.Module
    train: Split
    test: Split
    architecture: str

    def context(
        self, position: int, advance: Callable[..., None] = no_progress, pace: Pace | None = None
    ) -> PhaseContext:
        """The context for the technique of the phase at `position`."""
        return PhaseContext(
            spec=self.recipe.phases[position],
            position=position,
            recipe=self.recipe,
            track=self.track,
            model=self.model,
            train=self.train,
            device=self.device,
            seed=self.recipe.seed + position,
            advance=advance,
            pace=pace or FullPace(),
        )

    def take(self, outcome: PhaseOutcome) -> None:
        """Take over the outcome of a phase."""
        self.model = outcome.model
        self.architecture = outcome.architecture or self.architecture
        if outcome.resolution is not None and outcome.resolution != self.train.resolution:
            self.train, self.test = _splits(self.track, outcome.resolution, self.data, self.device)


def set_up(recipe: Recipe, mode: Mode, device: torch.device) -> Workbench:
    """Data and network on the device, and every phase tried on a copy: bad input costs no energy.

    Raises BadInput, and DataMissing if the track's data are not here; a sampled run then works on noise in its shape,
    since its quality is the submitter's figure; not if an image's cost depends on it or its loading counts.
    """
    track = track_of(recipe)
    lacking = track.lacks()
    if lacking and (mode == "full" or recipe.cost_depends_on_images or recipe.inference.loads_images):
        raise DataMissing(lacking, field="track")
    data: Data = "synthetic" if lacking else "track"
    with explained("while the model was set up", "model"):
        seed_all(recipe.seed)
        splits = _splits(track, recipe.model.image_resolution, data, device)
        if isinstance(recipe.model, OnnxModel):
            file = brought(recipe.model, track, device)
            return Workbench(recipe, track, device, data, file, *splits, recipe.model.architecture)
        model = build_model(recipe, track, device)
        workbench = Workbench(recipe, track, device, data, model, *splits, recipe.model.architecture)
        rehearsal = replace(workbench, model=copy.deepcopy(model))
        for position, spec in enumerate(recipe.phases):
            if spec.technique in TECHNIQUES:
                rehearsal.take(TECHNIQUES[spec.technique].rehearse(rehearsal.context(position)))
        rehearse_deployment(recipe.inference, rehearsal.model, rehearsal.test.first(2)[0])
        if mode == "sampled" and data == "track":
            take_finished_weights(recipe, rehearsal.model)
    return workbench


def track_of(recipe: Recipe) -> Track:
    """The recipe's track, with what depends on its data. Raises DataMissing if a data set that it names is not
    here."""
    track = TRACKS[recipe.track]
    if isinstance(track, Track):
        return track
    assert recipe.dataset is not None, "an open track's recipe names its data"  # noqa: S101 - the schema says so
    return track.load(recipe.dataset.name, recipe.dataset.manifest_sha256, recipe.dataset.archive_sha256)


def seed_all(seed: int) -> None:
    """Seed everything that has no generator of its own."""
    random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def explained(where: str, field: str) -> Iterator[None]:
    """Turn torch's various out-of-memory errors into one clear error."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise MeasurementError(
                f"out of memory {where}; use a smaller batch_size or resolution", field=field
            ) from error
        raise


def _splits(track: Track, resolution: int, data: Data, device: torch.device) -> tuple[Split, Split]:
    if data == "synthetic":
        return (
            SyntheticSplit(track, track.train_images, resolution, device),
            SyntheticSplit(track, track.test_images, resolution, device),
        )
    return track.load_train(resolution).to(device), track.load_test(resolution).to(device)
