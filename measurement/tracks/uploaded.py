"""A data set that was uploaded as an archive: its form is checked, and the folder with its files found.

Run as a program, with limits, since it reads what anybody may send:

    python -m measurement.tracks.uploaded FILE

prints one line of JSON: {"found": …}, or {"fault": …} with what is wrong. No image is decoded, nothing is unpacked.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measurement import artifacts
from measurement.artifacts.unpacking import contents_of, unpack, unpacked_folder
from measurement.errors import BadInput, DataMissing
from measurement.tracks.files import counts, is_described_by
from measurement.tracks.layouts import read_layout
from measurement.tracks.manifest import Known, manifest_of, read_manifest

ARCHIVE = "dataset.archive_sha256"
MOST_TEXT_BYTES = 64 * 2**20
MOST_MEMORY_BYTES = 4 * 2**30
MOST_CPU_S = 110
MOST_NOTES, LONGEST_NOTE = 8, 300


def uploaded_folder(archive_sha256: str, manifest_sha256: str) -> Path:
    """The folder with the archive's files; every byte of it is compared with the manifest.

    It is unpacked from `artifacts/` in the data root if it was not yet. Raises DataMissing for other files, BadInput
    for an archive without the right form.
    """
    folder = unpacked_folder(archive_sha256)
    if not folder.is_dir():
        try:
            unpack(artifacts.path(archive_sha256, field=ARCHIVE), folder)
        except BadInput as error:
            raise error if error.field else BadInput(f"the archive {error}", field=ARCHIVE) from None
    found = read_manifest(folder)
    if found.sha256 != manifest_sha256:
        raise DataMissing(
            f"the files of this archive have the manifest {found.sha256}; give that, or name another archive",
            field="dataset.manifest_sha256",
        )
    return folder


def check_data_set(path: Path) -> dict[str, Any]:
    """What an archive holds: the track that it is for, its classes and images, and the manifest of its files.

    Every file is read, so that all can be unpacked. Raises BadInput.
    """
    hashed: Known = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "dataset")  # the same files, empty but for the texts that say what they are
        folder.mkdir()
        with contents_of(path) as files:
            for member, content in files:
                digest = hashlib.sha256()
                for piece in _copied(content, folder / member.path, member.size):
                    digest.update(piece)
                if counts(member.path):
                    hashed[member.path] = (member.size, 0, digest.hexdigest())
        layout = read_layout(folder)
    manifest = manifest_of(hashed)
    return {
        "track": layout.track,
        "classes": layout.classes,
        "train_images": layout.train_images,
        "test_images": layout.test_images,
        "files": manifest.files,
        "bytes": manifest.total_bytes,
        "manifest_sha256": manifest.sha256,
        "notes": [note[:LONGEST_NOTE] for note in layout.notes[:MOST_NOTES]],
    }


def _copied(content: Iterator[bytes], path: Path, size: int) -> Iterator[bytes]:
    """The content, which is written to the path too if it is text that a data set is described by."""
    is_kept = is_described_by(path.name)
    if is_kept and size > MOST_TEXT_BYTES:
        raise BadInput(f"holds {path.name} of {size:,} bytes; the limit is {MOST_TEXT_BYTES:,}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in content:
            if is_kept:
                file.write(piece)
            yield piece


def main(path: str) -> None:
    """Print what was found, or the fault, within limits of memory and time."""
    limits = {"AS": MOST_MEMORY_BYTES, "CPU": MOST_CPU_S, "FSIZE": MOST_TEXT_BYTES, "CORE": 0}
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    try:
        answer: dict[str, Any] = {"found": check_data_set(Path(path))}
    except BadInput as error:
        answer = {"fault": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
