"""Two machines know by one hash that they hold the same data, and later looks read only what has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from measurement.__main__ import main
from measurement.documents import DocumentError
from measurement.errors import BadInput
from measurement.recipe import parse_recipe
from measurement.run.workbench import track_of
from measurement.tracks import TRACKS, find_track, track_title, tracks_here
from measurement.tracks.manifest import kept_manifest, read_manifest
from tests.measurement.folders import cifar, image_folder, shapes
from tests.measurement.running import tiny_document


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


@pytest.fixture
def colours(datasets: Path) -> Path:
    image_folder(datasets)
    return datasets / "colours"


CHANGES = {
    "a changed byte": lambda folder: (folder / "train/blue/0.jpg").write_bytes(b"another"),
    "a new name": lambda folder: (folder / "train/blue/0.jpg").rename(folder / "train/blue/zero.jpg"),
    "another class": lambda folder: (folder / "train/blue/0.jpg").rename(folder / "train/green/zero.jpg"),
    "a missing file": lambda folder: (folder / "val/red/0.png").unlink(),
    "classes": lambda folder: (folder / "classes.txt").write_text("one"),
}
NO_CHANGES = {
    "a file that is no image": lambda folder: (folder / "README.md").write_text("hello"),
    "a hidden file": lambda folder: (folder / "train/.cache.jpg").write_text("hello"),
    "a later time": lambda folder: (folder / "train/blue/0.jpg").touch(),
}


@pytest.mark.parametrize("change", [*CHANGES, *NO_CHANGES])
def test_the_hash_follows_what_the_images_are(colours, change):
    shutil.copytree(colours, colours.parent / "copy")
    before = kept_manifest("colours")
    assert read_manifest(colours.parent / "copy") == before
    (CHANGES | NO_CHANGES)[change](colours)
    after = kept_manifest("colours")
    assert (after.sha256 == before.sha256) == (change in NO_CHANGES)
    assert after == read_manifest(colours)


def test_what_has_not_changed_is_not_read_again(colours, monkeypatch):
    assert kept_manifest("colours", may_read=False) is None
    first = kept_manifest("colours")
    read = []
    monkeypatch.setattr("measurement.tracks.manifest._sha256", lambda path: read.append(path.name) or "0" * 64)
    assert kept_manifest("colours", may_read=False) == first
    assert kept_manifest("colours") == first
    (colours / "val/red/0.png").write_bytes(b"another")
    assert kept_manifest("colours", may_read=False) is None
    kept_manifest("colours")
    assert read == ["0.png"]


def test_a_file_that_is_not_there_is_named(colours):
    (colours / "train/blue/9.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(BadInput, match=r"train/blue/9\.jpg can't be read: No such file"):
        read_manifest(colours)


def test_the_command_prints_hash_counts_and_what_a_recipe_needs(colours, capsys, tmp_path):
    manifest = read_manifest(colours)
    assert main(["manifest", str(colours)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{manifest.sha256}  36 files, ")
    assert second == f"dataset: {{name: colours, manifest_sha256: {manifest.sha256}}}"
    assert main(["manifest", str(colours / "train")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main(["manifest", str(tmp_path / "nowhere")]) == 2
    assert "is not a folder" in capsys.readouterr().err


def recipe_on(track: str, name: str, manifest: str):
    return parse_recipe(tiny_document(track=track, dataset={"name": name, "manifest_sha256": manifest}))


def test_a_recipe_that_names_other_data_is_refused(colours):
    manifest = read_manifest(colours).sha256
    recipe = recipe_on("imagefolder", "colours", manifest)
    assert track_of(recipe).slug == recipe.track_key == f"imagefolder-{manifest[:12]}"
    for name, sha256, field in (("colours", "0" * 64, "manifest_sha256"), ("birds", manifest, "name")):
        with pytest.raises(BadInput, match="not found on this machine:") as raised:
            track_of(recipe_on("imagefolder", name, sha256))
        assert raised.value.field == f"dataset.{field}"


@pytest.mark.parametrize("name", ["../colours", "/etc", "Colours", "a/b", "", ".", "x" * 51, "a\n"])
def test_a_name_that_is_a_path_is_refused(name):
    with pytest.raises(DocumentError) as caught:
        recipe_on("imagefolder", name, "0" * 64)
    assert caught.value.faults[0].field == "dataset.name"


def test_data_are_named_if_the_track_has_none_of_its_own():
    with pytest.raises(DocumentError, match="dataset: track imagefolder needs the name"):
        parse_recipe(tiny_document(track="imagefolder"))
    with pytest.raises(DocumentError, match="dataset: track digits has its own data"):
        recipe_on("digits", "colours", "0" * 64)


def test_two_data_sets_are_two_boards():
    first, second = (recipe_on("imagefolder", "colours", digit * 64) for digit in "ab")
    assert first.track_key != second.track_key
    assert first.sha256 != second.sha256
    assert find_track(first.track_key) is TRACKS["imagefolder"]
    assert track_title(first.track_key) == "Image folder aaaaaaaaaaaa"
    for unknown in ("imagefolder", "imagefolder-", "imagefolder-AAAAAAAAAAAA", "digits-aaaaaaaaaaaa", "birds"):
        assert find_track(unknown) is None
        assert track_title(unknown) == unknown


def test_a_machine_lists_the_tracks_that_it_can_run(datasets, monkeypatch):
    here = tracks_here()
    assert here["digits"] == ""
    assert all(why.startswith("not found on this machine:") for slug, why in here.items() if slug != "digits")
    (datasets / "cifar-10-batches-py").symlink_to("/")
    assert "leads out of datasets/" in tracks_here()["cifar10"]
    (datasets / "cifar-10-batches-py").unlink()
    cifar(datasets, monkeypatch)
    manifests = {"imagefolder": image_folder(datasets), "segmentation": shapes(datasets)}
    assert tracks_here()["cifar10"] == ""
    assert "imagefolder" in tracks_here(), "nobody has made a manifest yet"
    for name in ("colours", "shapes"):
        kept_manifest(name)
    can_do = {slug for slug, why in tracks_here().items() if not why}
    assert can_do == {"digits", "cifar10"} | {f"{slug}-{sha256[:12]}" for slug, sha256 in manifests.items()}
