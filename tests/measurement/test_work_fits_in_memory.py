"""Large images come in smaller numbers, and a batch that memory does not hold ends a search instead of a run."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from torch import Tensor, nn

from measurement.methods import no_progress
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.run.inference import LEAST_IMAGES, MOST_BYTES, Inputs, across, prepare, resident_images
from measurement.tracks import TRACKS
from measurement.tracks.evaluation import top1_accuracy
from measurement.tracks.synthetic import SyntheticSplit
from measurement.training import rehearse_step
from measurement.vocabulary import Scenario
from tests.measurement.running import BRIEF, TRAIN, tiny_recipe
from tests.measurement.test_methods_train_and_prune import context

BEYOND = 1 << 50
"""Numbers for which no machine has the memory."""


@pytest.mark.parametrize(
    ("channels", "resolution", "images"), [(1, 16, 1024), (3, 224, 1024), (3, 384, 512), (3, 1024, 64), (3, 4096, 64)]
)
def test_inference_keeps_fewer_images_if_they_are_large(channels, resolution, images):
    assert resident_images(channels, resolution) == images
    assert images == LEAST_IMAGES or images * channels * resolution**2 * 4 <= MOST_BYTES


@pytest.mark.parametrize("count", [64, 200, 360, 1024])
def test_fewer_images_still_come_from_all_over_the_test_set(count):
    test = TRACKS["digits"].load_test(8)
    wanted = [number * 360 // min(count, 360) for number in range(min(count, 360))]
    assert torch.equal(across(test, count), test.first(360)[0][wanted])
    assert 360 - wanted[-1] <= 6


def test_whole_passes_in_uneven_batches_take_no_more_memory_than_the_images_and_a_batch():
    """350 images in batches of 256 come round in 175 batches."""
    images = torch.arange(350.0).view(350, 1, 1, 1)
    inputs = Inputs(images, whole_passes=True)
    batches = list(islice(inputs.batches(256), inputs.pass_length(256)))
    assert torch.equal(torch.cat(batches), images.repeat(128, 1, 1, 1))
    assert len({batch.untyped_storage().data_ptr() for batch in batches}) == 1
    assert batches[0].untyped_storage().nbytes() <= 2 * images.untyped_storage().nbytes()


@pytest.mark.parametrize(("resolution", "batches"), [(32, [100]), (448, [64, 36])])
def test_a_batch_of_the_evaluation_has_no_more_pixels_than_256_images_of_224(resolution, batches):
    seen = []

    class Seeing(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(len(images))
            return images[:, 0, 0, :10]

    split = SyntheticSplit(TRACKS["digits"], 100, resolution, torch.device("cpu"))
    assert 0 <= top1_accuracy(Seeing(), split, no_progress) <= 1
    assert seen == batches


class Hungry(nn.Module):
    """Runs up to 4 images; for more it asks for memory that is not there."""

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > 4:
            torch.empty(BEYOND)
        return images.flatten(1)


def test_the_search_for_a_batch_ends_at_the_last_that_fits():
    prepared = prepare(
        Scenario.OFFLINE,
        Hungry(),
        Inputs(torch.zeros(64, 1, 8, 8)),
        BRIEF,
        max_batch_size=64,
        synchronize=lambda: None,
    )
    assert prepared.batch_size <= 4


def test_torchs_ways_of_saying_so_are_known_and_other_errors_are_not():
    with pytest.raises(RuntimeError) as of_torch:
        torch.empty(BEYOND)
    with pytest.raises(RuntimeError) as other:
        torch.zeros(2).reshape(3)
    assert is_out_of_memory(of_torch.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert not is_out_of_memory(other.value)
    assert not is_out_of_memory(ValueError("out of memory"))


def test_want_of_memory_is_not_mistaken_for_a_fault_of_an_option():
    at_work = context(tiny_recipe(TRAIN | {"precision": "bfloat16"}))
    with pytest.raises(RuntimeError) as raised:
        rehearse_step(at_work, at_work.spec, lambda model, images, targets: torch.empty(BEYOND))
    assert is_out_of_memory(raised.value)
