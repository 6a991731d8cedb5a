"""Copies of the catalogue that a test may spoil, and its tables read without the code under test."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGENET = ROOT / "catalogue" / "imagenet-1k"

RTX_3090 = "NVIDIA GeForce RTX 3090"
RTX_4090 = "NVIDIA GeForce RTX 4090"
RTX_5090 = "NVIDIA GeForce RTX 5090"
RTX_5000 = "Quadro RTX 5000"
I9 = "Intel(R) Core(TM) i9-10940X CPU @ 3.30GHz"


def table(name: str, folder: Path = IMAGENET) -> list[dict[str, str]]:
    """The rows of a table, cells as they stand."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def throughputs(folder: Path = IMAGENET) -> list[dict[str, str]]:
    """The rows of all throughput files."""
    paths = sorted((folder / "throughputs").glob("*.csv"))
    return [row for path in paths for row in table(f"throughputs/{path.name}", folder)]


class Copy:
    """A copy of the whole catalogue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "imagenet-1k"
        shutil.copytree(IMAGENET, self.folder)

    def append(self, name: str, **cells: str) -> int:
        """Adds a row, columns that are not named left empty, and returns its line."""
        path = self.folder / name
        with path.open(encoding="utf-8", newline="") as file:
            columns = next(csv.reader(file))
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, columns, lineterminator="\n").writerow(cells)
        return self.lines(name)

    def lines(self, name: str) -> int:
        """How many lines a file has."""
        return len((self.folder / name).read_text("utf-8").splitlines())

    def replace(self, name: str, old: str, new: str) -> int:
        """Replaces text that stands there once and returns its line."""
        path = self.folder / name
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), "utf-8")
        return text[: text.index(old)].count("\n") + 1
