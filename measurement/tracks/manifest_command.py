"""`python -m measurement manifest`: the manifest of a folder or an archive, and the line for a recipe."""

from __future__ import annotations

import sys
from pathlib import Path

from measurement.dataroot import datasets_root, sha256_of
from measurement.errors import BadInput
from measurement.tracks.layouts import read_layout
from measurement.tracks.manifest import kept_manifest, read_manifest
from measurement.tracks.opened import name_for
from measurement.tracks.uploaded import check_data_set


def run_manifest(folder: Path) -> int:
    """Print the manifest of `folder`, and for a data set of this machine, or an archive to upload, the line for a
    recipe.

    Returns 0, or 2 with one line on standard error if the folder or archive can't be used.
    """
    if folder.is_file():
        return _run_archive(folder)
    kept = folder.resolve().parent == datasets_root().resolve()
    try:
        found = (kept_manifest(folder.name) if kept else None) or read_manifest(folder)
        if not found.files:
            raise BadInput(f"{folder} holds no images")
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return BadInput.exit_code
    sys.stdout.write(f"{found.sha256}  {found.files:,} files, {found.total_bytes:,} bytes\n")
    if kept:
        sys.stdout.write(f"dataset: {{name: {folder.name}, manifest_sha256: {found.sha256}}}\n")
        sys.stderr.writelines(f"{note}\n" for note in _notes(folder))
    return 0


def _run_archive(path: Path) -> int:
    try:
        found, sha256 = check_data_set(path), sha256_of(path)
    except BadInput as error:
        sys.stderr.write(f"{path.name} {error}\n")
        return BadInput.exit_code
    sys.stdout.write(f"{found['manifest_sha256']}  {found['files']:,} files, {found['bytes']:,} bytes\n")
    named = f"name: {name_for(path.name)}, manifest_sha256: {found['manifest_sha256']}, archive_sha256: {sha256}"
    sys.stdout.write(f"dataset: {{{named}}}\n")
    sys.stderr.writelines(f"{note}\n" for note in found["notes"])
    return 0


def _notes(folder: Path) -> tuple[str, ...]:
    """What a run would say of a data set: files that are not read, images that are not used, or why it is refused."""
    try:
        return read_layout(folder).notes
    except BadInput as error:
        return (f"no run can use this data set yet: {error}",)
