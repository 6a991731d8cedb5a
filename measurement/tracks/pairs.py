"""Images with their class maps, by path. Nothing is decoded; neither torch nor numpy is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pairs:
    """Paths of images and of their class maps, both relative to `root`, in one order."""

    root: Path
    images: tuple[str, ...]
    masks: tuple[str, ...]
    classes: int
