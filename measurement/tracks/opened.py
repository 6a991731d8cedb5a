"""Shared by the tracks for any data: a recipe names a data set, and its manifest identifies it."""

from __future__ import annotations

import re
from pathlib import Path

from measurement.dataroot import datasets_root, inside
from measurement.errors import NOT_FOUND, BadInput, DataMissing
from measurement.tracks.manifest import kept_manifest
from measurement.tracks.uploaded import uploaded_folder

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,49}$"


def name_for(file: str) -> str:
    """A data set's name after that of its archive."""
    return re.sub("[^a-z0-9]+", "-", Path(file).stem.lower()).strip("-")[:50] or "data"


def named_folder(name: str, manifest_sha256: str, archive_sha256: str | None = None) -> Path:
    """The folder of the data set `name`, or of one that was uploaded as an archive.

    Raises DataMissing if it is not on this machine or has other files, BadInput for a faulty archive.
    """
    if archive_sha256 is not None:
        return uploaded_folder(archive_sha256, manifest_sha256)
    folder = inside(datasets_root(), name, field="dataset.name")
    if not folder.is_dir():
        raise DataMissing(
            f"{NOT_FOUND} the data set {name!r}; put it into datasets/{name}/ in the data root", field="dataset.name"
        )
    found = kept_manifest(name)
    if found is None or found.sha256 != manifest_sha256:
        held = found.sha256[:12] if found else "nothing"
        raise DataMissing(
            f"{NOT_FOUND} this data set; datasets/{name}/ has manifest {held}, the recipe names "
            f"{manifest_sha256[:12]}; compare with `python -m measurement manifest datasets/{name}`",
            field="dataset.manifest_sha256",
        )
    return folder


def known_data_sets() -> list[tuple[Path, str]]:
    """Folder and manifest's SHA-256 of every data set on this machine with a valid manifest."""
    try:
        folders = sorted(path for path in datasets_root().iterdir() if re.match(NAME_PATTERN, path.name))
    except OSError:
        return []
    known = []
    for folder in folders:
        try:
            manifest = kept_manifest(folder.name, may_read=False)
        except BadInput:
            continue  # not a data set: a link that leads out, or a file
        if manifest is not None and manifest.files:
            known.append((folder, manifest.sha256))
    return known
