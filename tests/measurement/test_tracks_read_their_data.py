"""Each track reads its folder as docs/tracks.md says, prepares images identically, and names a faulty file."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image

from measurement.errors import BadInput, DataMissing, MeasurementError
from measurement.tracks import TRACKS, Track, held_back
from measurement.tracks.listing import read_class_folders
from measurement.tracks.manifest import read_manifest
from measurement.tracks.pixels import shifted_and_flipped
from measurement.tracks.streamed import READERS_VARIABLE, StreamedSplit
from tests.measurement.folders import cifar, class_folders, image_folder, shapes


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def opened(slug: str, name: str, manifest: str) -> Track:
    return TRACKS[slug].load(name, manifest)


@pytest.mark.parametrize(("name", "classes"), [("CIFAR10", 10), ("CIFAR100", 100)])
def test_cifar_is_read_from_torchvision_s_folder(datasets, monkeypatch, name, classes):
    track = TRACKS[name.lower()]
    assert track.lacks().startswith("not found on this machine:")
    with pytest.raises(BadInput, match="not found on this machine:"):
        track.load_train(32)
    folder = cifar(datasets, monkeypatch, name)
    assert track.lacks() == ""
    assert track.classes == classes
    train, test = track.load_train(32), track.load_test(40)
    assert (len(train), len(test)) == (20 * len(list(folder.glob("*data_batch*")) or [0]), 20)
    for images, _ in test.batches(7):
        assert images.shape[1:] == (3, 40, 40)
        assert images.dtype == torch.float32
    plain, labels = train.first(20)
    assert torch.equal((plain[:, 0, 0, 0] * train.std[0] + train.mean[0]).mul(255).round().long(), labels)


def test_cifar_files_of_another_md5_are_not_opened(datasets, monkeypatch):
    folder = cifar(datasets, monkeypatch)
    (folder / "test_batch").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(BadInput, match=r"cifar-10-batches-py/test_batch .* MD5") as raised:
        TRACKS["cifar10"].load_test(32)
    assert raised.value.field == "track"
    assert not Path("owned").exists()


def test_cifar_s_random_crops_hold_the_image_and_follow_the_seed(datasets, monkeypatch):
    cifar(datasets, monkeypatch)
    train = TRACKS["cifar10"].load_train(32)
    first, again, other = (
        torch.cat([images for images, _ in train.batches(16, torch.Generator().manual_seed(seed))])
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    kept, held = held_back(train, 0.25, seed=0)
    assert (len(kept), len(held)) == (75, 25)
    assert torch.equal(next(held.batches(25))[0], held.first(25)[0])


def test_a_random_crop_is_the_image_moved_by_up_to_four_pixels_and_perhaps_mirrored():
    image = torch.arange(1, 101, dtype=torch.uint8).view(1, 1, 10, 10)
    padded = torch.zeros(18, 18, dtype=torch.uint8)
    padded[4:14, 4:14] = image[0, 0]
    possible = {
        (top, left, flip): window.flip(1) if flip else window
        for top in range(9)
        for left in range(9)
        for flip in (False, True)
        for window in (padded[top : top + 10, left : left + 10],)
    }
    moved = shifted_and_flipped(image.expand(2000, 1, 10, 10), torch.Generator().manual_seed(0))
    seen = {next(key for key, wanted in possible.items() if torch.equal(wanted, one[0])) for one in moved}
    assert seen == set(possible)


@pytest.mark.parametrize("readers", ["0", "2"])
def test_folders_stream_every_image_once_with_its_label(datasets, monkeypatch, readers):
    monkeypatch.setenv(READERS_VARIABLE, readers)
    track = opened("imagefolder", "colours", image_folder(datasets))
    assert (track.classes, track.train_images, track.test_images) == (3, 24, 12)
    train = track.load_train(24)
    batches = list(train.batches(3, torch.Generator().manual_seed(0)))
    labels = torch.cat([labels for _, labels in batches])
    assert sorted(labels.tolist()) == sorted([0, 1, 2] * 8)
    assert labels.tolist() != sorted(labels.tolist())
    for images, wanted in batches:
        assert images.shape == (3, 3, 24, 24)
        # blue, green, red in the order of their names; channels are red, green, blue
        assert torch.equal(2 - images.mean(dim=(2, 3)).argmax(dim=1), wanted)
    assert train.waited_s > 0
    assert train.batch_count(3) == len(batches) == 8
    kept, held = held_back(train, 0.25, seed=1)
    assert (len(kept), len(held)) == (18, 6)


def test_augmentation_does_not_depend_on_the_number_of_readers(datasets, monkeypatch):
    manifest = image_folder(datasets)
    seen = []
    for readers in ("0", "2"):
        monkeypatch.setenv(READERS_VARIABLE, readers)
        train = opened("imagefolder", "colours", manifest).load_train(16)
        seen.append(torch.cat([images for images, _ in train.batches(2, torch.Generator().manual_seed(3))]))
    assert torch.equal(*seen)
    assert not torch.equal(seen[0], torch.cat([images for images, _ in train.batches(2)]))


def test_a_folder_without_parts_is_split_the_same_way_everywhere(tmp_path):
    first, second = (read_class_folders(class_folders(tmp_path / name, images=20)) for name in ("here", "there"))
    assert first.test.paths.tolist() == second.test.paths.tolist()
    assert len(first.train) + len(first.test) == 60
    assert 0 < len(first.test) < 30
    assert not set(first.train.paths.tolist()) & set(first.test.paths.tolist())


@pytest.mark.parametrize("readers", ["0", "1"])
def test_a_broken_image_is_named(datasets, monkeypatch, readers):
    monkeypatch.setenv(READERS_VARIABLE, readers)
    image_folder(datasets)
    whole = (datasets / "colours/train/blue/3.jpg").read_bytes()
    (datasets / "colours/train/blue/3.jpg").write_bytes(whole[: len(whole) // 2])
    train = opened("imagefolder", "colours", read_manifest(datasets / "colours").sha256).load_train(16)
    with pytest.raises(BadInput, match=r"train/blue/3\.jpg can't be decoded") as raised:
        list(train.batches(2))
    assert raised.value.exit_code == 2
    assert str(datasets) not in str(raised.value)


class Deadly:
    """A source whose third image takes the process that reads it along."""

    def __len__(self) -> int:
        return 16

    def read(self, index: int, resolution: int, *, augment: bool) -> tuple[torch.Tensor, torch.Tensor]:
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.zeros(3, resolution, resolution), torch.tensor(0)


def test_a_reader_that_is_killed_is_reported(monkeypatch):
    monkeypatch.setenv(READERS_VARIABLE, "1")
    with pytest.raises(MeasurementError, match=r"was killed.*smaller batch_size"):
        list(StreamedSplit(Deadly(), 8).batches(2))


def test_masks_are_resized_with_their_images(datasets):
    track = opened("segmentation", "shapes", shapes(datasets))
    assert (track.classes, track.metric, track.train_images) == (2, "miou", 24)
    for split in (track.load_train(32), track.load_test(32)):
        images, targets = next(split.batches(8, torch.Generator().manual_seed(0)))
        assert (images.shape, targets.shape, targets.dtype) == ((8, 3, 32, 32), (8, 32, 32), torch.int64)
        assert set(targets.unique().tolist()) <= {-100, 0, 1}
        bright = images.mean(dim=1) > 0
        counted = targets >= 0
        assert (bright == (targets == 1))[counted].float().mean() > 0.9
    assert -100 in targets


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (Image.new("L", (64, 64), 2), "has class 2, but classes.txt names 2 classes"),
        (Image.new("RGB", (64, 64)), "has mode RGB"),
        (Image.new("L", (32, 64)), r"has \(32, 64\) pixels"),
    ],
)
def test_a_mask_that_is_none_is_named(datasets, mask, message):
    shapes(datasets, train=2, test=2)
    mask.save(datasets / "shapes/test/masks/001.png")
    test = opened("segmentation", "shapes", read_manifest(datasets / "shapes").sha256).load_test(32)
    with pytest.raises(BadInput, match=rf"test/masks/001\.png {message}"):
        list(test.batches(2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "classes.txt").unlink(), "classes.txt can't be read"),
        (lambda folder: (folder / "classes.txt").write_text("one\n"), "names 1 classes"),
        (
            lambda folder: (folder / "train/masks/000.png").unlink(),
            "'000' has no counterpart: every image needs a mask",
        ),
    ],
)
def test_a_bad_segmentation_folder_is_refused_with_the_reason(datasets, change, message):
    shapes(datasets, train=2, test=2)
    change(datasets / "shapes")
    with pytest.raises(BadInput, match=message):
        opened("segmentation", "shapes", read_manifest(datasets / "shapes").sha256)


def test_classes_that_differ_between_the_parts_are_named(tmp_path):
    class_folders(tmp_path / "train")
    class_folders(tmp_path / "val")
    (tmp_path / "val/blue").rename(tmp_path / "val/azure")
    with pytest.raises(BadInput, match="class 'azure' is not in both"):
        read_class_folders(tmp_path)


def test_imagenet_asks_for_all_of_its_folders(datasets):
    track = TRACKS["imagenet-1k"]
    assert "train/ has 0 of 1000 class folders" in track.lacks()
    for number in range(1000):
        (datasets / f"imagenet-1k/train/n{number:08}").mkdir(parents=True)
        (datasets / f"imagenet-1k/val/n{number:08}").mkdir(parents=True)
    assert track.lacks() == ""
    with pytest.raises(DataMissing, match=r"train: class 'n00000000' has no images"):
        track.load_train(32)
    for folder in (datasets / "imagenet-1k").glob("*/n*"):
        (folder / "a.JPEG").touch()
    with pytest.raises(DataMissing, match=r"train/ has 1,000 of 1,281,167 images"):
        track.load_train(32)


def test_nothing_is_read_through_a_link_that_leads_out(datasets, tmp_path):
    manifest = image_folder(tmp_path / "elsewhere")
    (datasets / "colours").symlink_to(tmp_path / "elsewhere/colours")
    with pytest.raises(BadInput, match="leads out of datasets/") as raised:
        opened("imagefolder", "colours", manifest)
    assert raised.value.field == "dataset.name"
    image_folder(datasets, "pale")
    (datasets / "pale/train/blue/3.jpg").unlink()
    (datasets / "pale/train/blue/3.jpg").symlink_to(tmp_path / "elsewhere/colours/train/blue/3.jpg")
    with pytest.raises(BadInput, match=r"train/blue/3\.jpg is a link that leads out"):
        opened("imagefolder", "pale", manifest)
