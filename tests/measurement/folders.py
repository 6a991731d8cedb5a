"""Data sets of a few images, made in the layouts that the tracks ask for."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from measurement.tracks.manifest import read_manifest

COLOURS = {"blue": (20, 40, 230), "green": (30, 200, 60), "red": (230, 30, 20)}


def photograph(colour: tuple[int, int, int], seed: int, size: tuple[int, int] = (40, 32)) -> Image.Image:
    """An image of one colour under noise; size is (width, height)."""
    noise = np.random.default_rng(seed).integers(-20, 20, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def class_folders(folder: Path, images: int = 8, suffix: str = ".jpg") -> Path:
    """`<class>/<number>.jpg`, a colour a class."""
    for number, (name, colour) in enumerate(COLOURS.items()):
        (folder / name).mkdir(parents=True)
        for image in range(images):
            photograph(colour, 100 * number + image).save(folder / name / f"{image}{suffix}")
    return folder


def image_folder(datasets: Path, name: str = "colours", images: int = 8) -> str:
    """A data set with train/ and val/; returns its manifest's SHA-256."""
    class_folders(datasets / name / "train", images)
    class_folders(datasets / name / "val", 4, ".png")
    return read_manifest(datasets / name).sha256


def shapes(datasets: Path, name: str = "shapes", train: int = 24, test: int = 8, size: int = 64) -> str:
    """A bright square (class 1) on dark ground (class 0), with a border that does not count; returns the manifest."""
    folder = datasets / name
    for part, count in (("train", train), ("test", test)):
        for kind in ("images", "masks"):
            (folder / part / kind).mkdir(parents=True)
        for number in range(count):
            draw = np.random.default_rng(1000 * len(part) + number)
            side, (top, left) = draw.integers(20, 36), draw.integers(4, 24, 2)
            mask = np.zeros((size, size), np.uint8)
            mask[top : top + side, left : left + side] = 1
            pixels = (np.where(mask[..., None] == 1, 200, 50) + draw.integers(-30, 30, (size, size, 3))).astype(
                np.uint8
            )
            mask[:2] = 255
            Image.fromarray(pixels).save(folder / part / "images" / f"{number:03}.png")
            Image.fromarray(mask, "L").save(folder / part / "masks" / f"{number:03}.png")
    (folder / "classes.txt").write_text("ground\nsquare\n")
    return read_manifest(folder).sha256


def squares(datasets: Path, name: str = "squares", train: int = 4, test: int = 3) -> str:
    """Red and blue squares (categories 7 and 3) on grey, in images that are wider than high; returns the manifest."""
    folder = datasets / name
    colours = {3: (20, 40, 230), 7: (230, 30, 20)}
    for part, count in (("train", train), ("test", test)):
        (folder / part / "images").mkdir(parents=True)
        images, annotations = [], []
        for number in range(count):
            draw = np.random.default_rng(100 * len(part) + number)
            pixels = np.full((60, 90, 3), 128, np.uint8)
            for category in (3, 7)[: 1 + number % 2]:
                side, left, top = int(draw.integers(16, 28)), int(draw.integers(0, 60)), int(draw.integers(0, 30))
                pixels[top : top + side, left : left + side] = colours[category]
                box = {"image_id": number, "category_id": category, "bbox": [left, top, side, side], "iscrowd": 0}
                annotations.append(box | {"id": len(annotations) + 1, "area": side * side})
            Image.fromarray(pixels).save(folder / part / "images" / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "width": 90, "height": 60})
        categories = [{"id": 7, "name": "red"}, {"id": 3, "name": "blue"}]
        document = {"images": images, "annotations": annotations, "categories": categories}
        (folder / part / "annotations.json").write_text(json.dumps(document))
    return read_manifest(folder).sha256


def cifar(datasets: Path, monkeypatch: pytest.MonkeyPatch, name: str = "CIFAR10", images: int = 20) -> Path:
    """Pickles as torchvision reads them; their MD5 replaces that of the published files."""
    from torchvision import datasets as published

    kind = getattr(published, name)
    folder = datasets / kind.base_folder
    folder.mkdir(parents=True)
    label, classes = ("labels", 10) if name == "CIFAR10" else ("fine_labels", 100)
    draw = np.random.default_rng(0)

    def written(file: str, value: object) -> str:
        (folder / file).write_bytes(pickle.dumps(value))
        return hashlib.md5((folder / file).read_bytes(), usedforsecurity=False).hexdigest()

    for part in ("train_list", "test_list"):
        files = []
        for file, _ in getattr(kind, part):
            labels = draw.integers(0, classes, images)
            pixels = draw.integers(0, 256, (images, 3072), dtype=np.uint8)
            pixels[:, 0] = labels  # so that a test sees whether images and labels stay together
            files.append([file, written(file, {"data": pixels, label: labels.tolist()})])
        monkeypatch.setattr(kind, part, files)
    meta = kind.meta | {"md5": written(kind.meta["filename"], {kind.meta["key"]: [str(n) for n in range(classes)]})}
    monkeypatch.setattr(kind, "meta", meta)
    return folder
