"""`end_to_end` meters decoding, preparation and transfer with the network, and is never cheaper than that alone."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from measurement.errors import DataMissing
from measurement.run.inference import spread
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.tracks import TRACKS
from measurement.tracks.pixels import PixelSplit
from measurement.tracks.streamed import READERS_VARIABLE, StreamedSplit
from measurement.tracks.synthetic import SyntheticSplit
from measurement.vocabulary import Scope
from tests.measurement.running import BRIEF, measurement, tiny_recipe

DIGITS = TRACKS["digits"]


class Files:
    """Images of a folder, decoded when they are read."""

    def __init__(self, folder, count):
        self.paths = [folder / f"{number}.png" for number in range(count)]
        for number, path in enumerate(self.paths):
            Image.new("L", (4, 4), number).save(path)

    def __len__(self):
        return len(self.paths)

    def read(self, index, resolution, *, augment):
        with Image.open(self.paths[index]) as image:
            pixel = image.getpixel((0, 0))
        return torch.full((1, resolution, resolution), float(pixel)), torch.tensor(index)


def after(batches):
    """An `ended` that lets so many batches begin, and fails if it is asked again after that."""
    asked = iter([False] * batches + [True])
    return lambda: next(asked)


@pytest.mark.parametrize("readers", ["0", "2"])
def test_files_come_in_full_batches_and_nothing_that_was_begun_is_lost(readers, tmp_path, monkeypatch):
    monkeypatch.setenv(READERS_VARIABLE, readers)
    split = StreamedSplit(Files(tmp_path, 5), resolution=2, augment=True).part([4, 2, 0])
    found = [batch[:, 0, 0, 0].tolist() for batch in split.loaded(2, after(4))]
    assert found == [[4, 2], [0, 4], [2, 0], [4, 2]]


@pytest.mark.parametrize("size", [3, 500])
@pytest.mark.parametrize("resolution", [8, 12])
def test_loaded_images_are_those_of_the_test(size, resolution):
    labels = torch.arange(7)
    small = PixelSplit(torch.randint(255, (7, 1, 8, 8), dtype=torch.uint8), labels, (0.3,), (0.4,), resolution)
    for split in (DIGITS.load_test(resolution), small):
        first, second = split.loaded(size, after(2))
        numbers = torch.arange(2 * size) % len(split)
        torch.testing.assert_close(torch.cat([first, second]), split.first(len(split))[0][numbers])


def test_noise_has_no_loader():
    with pytest.raises(DataMissing, match="own images") as refused:
        SyntheticSplit(DIGITS, 10, 8, torch.device("cpu")).loaded(2, after(1))
    assert refused.value.field == "inference.scenarios"


def test_with_its_loader_an_image_costs_no_less_than_without(tmp_path):
    """In joules of a real run: estimates from this process's processor time, which other work on the machine changes
    little; and what it changes is in the uncertainties."""
    recipe = tiny_recipe(inference={"max_batch_size": 16, "scenarios": ["offline", "end_to_end"]})
    record = run_recipe(recipe, tmp_path / "out", RunOptions(device="cpu", plan=BRIEF, accept_busy=True))
    alone, loaded = record.phases[-2:]
    assert (alone.scenario, loaded.scenario) == ("offline", "end_to_end")
    assert loaded.inference.batch_size == alone.inference.batch_size
    assert loaded.inference.probes == alone.inference.probes
    for scope in Scope:
        resident, whole = alone.energy(scope), loaded.energy(scope)
        assert whole.provenance == resident.provenance == "estimated"
        doubt_j = resident.energy_per_image_u95_j + whole.energy_per_image_u95_j
        assert whole.energy_per_image_j >= resident.energy_per_image_j - doubt_j
    checked = measurement("recompute", tmp_path / "out")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("pass_length", [1, 3])
def test_blocks_are_whole_passes_also_at_the_end(pass_length):
    from measurement.run.end_to_end import _End

    end = _End(pass_length)
    begun = 0
    while not end():
        begun += 1
        end.asked = begun >= 4
    assert begun % pass_length == 0
    assert begun in (4, 6)


def test_images_are_those_that_the_network_alone_is_measured_on():
    test = DIGITS.load_test(8)
    assert torch.equal(next(spread(test, 64).loaded(64, after(1))), spread(test, 64).first(64)[0])
