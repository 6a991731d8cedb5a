"""Archives of data sets, good and bad."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

SMALL = {
    f"{part}/{name}/{number}.png": b"image %d" % number
    for part in ("train", "val")
    for name in ("cat", "dog")
    for number in range(2)
}
"""Two classes; the images are none, which a check of the form does not see."""


def zipped(files: dict[str, bytes] | list[tuple[str | zipfile.ZipInfo, bytes]], **options: Any) -> bytes:
    """A ZIP file; a list may have a name twice."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", **options) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return held.getvalue()


def zipped_folder(folder: Path, below: str = "") -> bytes:
    """All files of a folder, each with `below` before its path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return zipped({below + path.relative_to(folder).as_posix(): path.read_bytes() for path in files})


def entry(name: str, **fields: Any) -> zipfile.ZipInfo:
    """What stands in the list for a file, with some fields set by hand."""
    info = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info
