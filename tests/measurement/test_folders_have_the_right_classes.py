"""A data set's classes are its class folders and nothing else; what is not read or not used is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from measurement.__main__ import main
from measurement.errors import BadInput
from measurement.tracks import TRACKS
from measurement.tracks.listing import read_class_folders
from measurement.tracks.manifest import kept_manifest
from measurement.tracks.pairs import read_pairs
from tests.measurement.folders import shapes


def images(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("L", (4, 4), number).save(folder / f"{number}.png")


def two_parts(folder: Path, train: str = "train", test: str = "val") -> Path:
    """12 training and 6 test images of either class."""
    for name in ("cat", "dog"):
        images(folder / train / name, 12)
        images(folder / test / name, 6)
    return folder


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "valid"),
        ("train", "validation"),
        ("Train", "VAL"),
        ("Training", "Testing"),
        ("TRAIN", "Test"),
        ("training", "Validation"),
    ],
)
def test_parts_are_found_by_any_of_their_usual_names(tmp_path, train, test):
    found = read_class_folders(two_parts(tmp_path / "pets", train, test))
    assert found.classes == ("cat", "dog")
    assert (len(found.train), len(found.test)) == (24, 12)
    assert (found.train.root.name, found.test.root.name) == (train, test)
    assert found.notes == ()


def test_of_three_parts_the_validation_is_the_test_and_the_third_is_said(tmp_path):
    folder = two_parts(tmp_path / "pets", test="valid")
    images(folder / "test/cat", 3)
    found = read_class_folders(folder)
    assert (found.test.root.name, len(found.test)) == ("valid", 12)
    assert found.notes == ("pets: 3 images are not used, outside train/ and valid/, e.g. test/cat/0.png",)


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (("train/cat", "train/dog", "holdout/cat", "holdout/dog"), "train/ has class folders"),
        (("train/cat", "train/dog"), "there is train/, and no other part"),
        (("bus", "car", "train/cat", "train/dog"), "train/ has class folders"),
        (("Testing/cat", "Testing/dog", "rest/cat"), "Testing/ has class folders"),
        (("fold1/cat", "fold1/dog", "fold2/cat", "fold2/dog"), "fold1, fold2 all have the folders cat, dog"),
        (
            ("train/cat", "train/dog", "val/cat", "val/dog", "Validation/cat"),
            "Validation/ and val/ could be the same",
        ),
        (("train/cat", "train/dog", "Train/cat", "val/cat", "val/dog"), "Train/ and train/ could be the same"),
        (("train/pets/cat", "train/pets/dog", "val/pets/cat", "val/pets/dog"), "1 class folders with images: 'pets'"),
        (("cat",), "1 class folders with images: 'cat'"),
        (("train/cat", "val/cat"), "1 class folders with images: 'cat'"),
    ],
)
def test_parts_are_never_read_as_classes(tmp_path, folders, named):
    for folder in folders:
        images(tmp_path / "pets" / folder, 30)
    with pytest.raises(BadInput, match=named) as raised:
        read_class_folders(tmp_path / "pets")
    assert raised.value.field == "dataset.name"


@pytest.mark.parametrize(
    "folders",
    [
        ("bus", "car", "train"),  # a class of vehicles
        ("cat/indoors", "cat/outdoors", "dog"),
    ],
)
def test_classes_stay_classes(tmp_path, folders):
    for folder in folders:
        images(tmp_path / "found" / folder, 30)
    assert read_class_folders(tmp_path / "found").classes == tuple(sorted({name.split("/")[0] for name in folders}))


def with_gifs(folder: Path) -> None:
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.gif").write_bytes(b"GIF89a")


@pytest.mark.parametrize("part", ["train", "val", ""])
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.mkdir, r"class 'bird' has no images; add some"),
        (
            with_gifs,
            r"class 'bird' has no images: 3 files are not read \(3 \.gif\), e\.g\. bird/0\.gif.*convert them",
        ),
        (lambda folder: folder.symlink_to(folder.parent / "cat"), "class 'bird' is a link to a folder"),
    ],
)
def test_a_class_without_images_is_named(tmp_path, part, make, why):
    folder = tmp_path / "pets"
    if part:
        two_parts(folder)
    else:
        images(folder / "cat", 30)
        images(folder / "dog", 30)
    make(folder / part / "bird")
    with pytest.raises(BadInput, match=why) as raised:
        read_class_folders(folder)
    assert str(raised.value).startswith(f"pets/{part}: " if part else "pets: ")
    assert raised.value.field == "dataset.name"


def test_what_is_not_read_or_not_used_is_said_and_what_is_hidden_is_not(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    folder = two_parts(tmp_path / "datasets/pets")
    for name in ("train/cat/a.gif", "train/cat/b.GIF", "val/dog/list.txt", "README.md"):
        (folder / name).write_bytes(b"")
    for name in (".DS_Store", "train/cat/.cache.gif", "train/cat/Thumbs.db"):
        (folder / name).write_bytes(b"")
    Image.new("L", (4, 4)).save(folder / "train/loose.png")
    suffixes = "images are .bmp, .jpeg, .jpg, .pgm, .png, .ppm, .tif, .tiff, .webp"
    expected = (
        f"pets: 2 files are not read (2 .gif), e.g. train/cat/a.gif: {suffixes}",
        "pets: 1 image is not used, in no class folder, e.g. train/loose.png",
        f"pets: 1 file is not read (1 .txt), e.g. val/dog/list.txt: {suffixes}",
    )
    assert main(["manifest", str(folder)]) == 0
    assert tuple(capsys.readouterr().err.splitlines()) == expected
    track = TRACKS["imagefolder"].load("pets", kept_manifest("pets").sha256)
    assert (track.train_images, track.test_images, track.data_notes) == (24, 12, expected)
    (folder / "train/bird").mkdir()
    assert main(["manifest", str(folder)]) == 0
    assert "no run can use this data set yet: pets/train: class 'bird' has no images" in capsys.readouterr().err


def test_names_that_are_not_utf_8_are_said_in_letters_that_a_record_can_hold(tmp_path):
    folder = two_parts(tmp_path / "pets")
    Path(f"{folder}/train/cat/caf\udce9.gif").write_bytes(b"")
    assert "train/cat/caf\ufffd.gif" in read_class_folders(folder).notes[0]


def test_a_part_behind_a_link_is_refused_since_the_manifest_does_not_cover_it(tmp_path):
    folder = two_parts(tmp_path / "pets")
    (folder / "train").rename(tmp_path / "elsewhere")
    (folder / "train").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="pets/train is a link to a folder"):
        read_class_folders(folder)


def test_masks_are_found_in_parts_of_any_usual_name_and_a_doubled_name_is_refused(tmp_path):
    shapes(tmp_path, train=2, test=2)
    folder = tmp_path / "shapes"
    (folder / "train").rename(folder / "Training")
    (folder / "test").rename(folder / "validation")
    (folder / "Training/masks/notes.xml").write_text("")
    found = read_pairs(folder)
    assert (len(found.train.images), len(found.test.masks)) == (2, 2)
    assert "1 file is not read (1 .xml), e.g. Training/masks/notes.xml" in found.notes[0]
    (folder / "Training/images/000.jpg").write_bytes((folder / "Training/images/000.png").read_bytes())
    with pytest.raises(BadInput, match=r"images/000\.jpg and images/000\.png have the same name"):
        read_pairs(folder)
