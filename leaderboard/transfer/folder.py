"""A folder with a manifest of every file's checksum: a site's results, or its backup. Written whole or not at all.

Standard library only; what the lines mean is in `lines.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Format:
    """What a folder holds. `version` is raised when what reads it must know; `again`: what helps if it is damaged."""

    name: str
    version: int
    holds: str
    command: str
    again: str


RESULTS = Format(
    "full-cycle-energy-results", 3, "results", "export_results", "copy the folder again, or export it again"
)


class BadFolder(Exception):
    """A folder that can't be written or read. The message names the file, says what is wrong and what to do."""


@dataclass
class Writing:
    """A folder that is being written. Names of files are relative to it, with "/" between the parts."""

    path: Path
    counts: dict[str, int] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        """A new file of the folder; its checksum is listed when it is closed."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield file
        self.add(name)

    def add(self, name: str) -> None:
        """List a file that another program has written into the folder."""
        path = self.path / name
        self.files[name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}

    @contextmanager
    def lines(self, kind: str) -> Iterator[Any]:
        """Gives a function that writes a line of `kind`, which is counted."""
        self.counts[kind] = 0
        with self.file(f"{kind}.jsonl") as file:

            def write(line: dict[str, Any]) -> None:
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
                self.counts[kind] += 1

            yield write


@contextmanager
def writing(
    folder: Path, software: str, of: Format = RESULTS, *, for_owner_alone: bool = False, replaces: bool = False
) -> Iterator[Writing]:
    """Write a folder next to its place, and move it there when all is written; nothing is left if that fails.

    Raises BadFolder if something is in that place, an empty folder apart; if it `replaces`, one of its format too, as
    long as all that is in it is the format's.
    """
    folder = folder.absolute()
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BadFolder(f"{folder} is not a folder; name one that does not exist yet")
    is_earlier = replaces and _is_of(folder, of)
    if is_earlier:
        _refuse_others(folder, of)
    if folder.exists() and any(folder.iterdir()) and not is_earlier:
        others = f", and is not {of.holds}" if replaces else ""
        raise BadFolder(
            f"{folder} is not empty{others}; name a folder that does not exist yet, or remove this one first"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        made = Writing(temporary)
        yield made
        manifest = {
            "format": of.name,
            "format_version": of.version,
            "software": software,
            "exported_at": datetime.now(UTC).isoformat(),
            **made.facts,
            "counts": made.counts,
            "files": dict(sorted(made.files.items())),
        }
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")
        if not for_owner_alone:
            temporary.chmod(0o777 & ~_umask())
        if is_earlier:
            _refuse_others(folder, of)  # again: writing takes minutes
            _replace(folder, temporary)
        else:
            # Fails if something has come to this place meanwhile, unless it is an empty folder.
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_of(folder: Path, of: Format) -> bool:
    try:
        _manifest(folder / MANIFEST, of)
    except BadFolder:
        return False
    return True


def _refuse_others(folder: Path, of: Format) -> None:
    """Raises BadFolder for a file that the manifest does not list, such as one of git, or that is not as listed."""
    listed = _manifest(folder / MANIFEST, of)["files"]
    for path in sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()):
        name = path.relative_to(folder).as_posix()
        if name != MANIFEST and (name not in listed or path.is_symlink()):
            raise BadFolder(f"{folder} has {name}, which no export wrote; move it away, or name another folder")
        if name != MANIFEST:
            try:
                _check_file(folder, name, listed[name], of)
            except BadFolder:
                raise BadFolder(
                    f"{path} was changed after the export; move it away, or name another folder"
                ) from None


def _replace(folder: Path, by: Path) -> None:
    """Put a folder in the place of another, which is away for a moment: no file system exchanges two everywhere."""
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        folder.rename(old)
        try:
            by.rename(folder)
        except BaseException:
            old.rename(folder)
            raise
    except BaseException:
        with suppress(OSError):  # it is empty
            old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@dataclass(frozen=True)
class Checked:
    """A folder whose every file has the checksum that its manifest lists."""

    path: Path
    manifest: dict[str, Any]
    of: Format = RESULTS

    @property
    def counts(self) -> dict[str, int]:
        """How many lines of each kind."""
        counts: dict[str, int] = self.manifest["counts"]
        return counts

    def sha256(self, name: str) -> str:
        """The checksum of a file. Raises BadFolder if the manifest does not list it."""
        if name not in self.manifest["files"]:
            raise BadFolder(f"{self.path / MANIFEST}: does not list the file {name}; {self.of.again}")
        checksum: str = self.manifest["files"][name]["sha256"]
        return checksum

    def lines(self, kind: str, names: frozenset[str], later: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The lines of a kind, one at a time. Raises BadFolder for one without exactly these names.

        later: what stands for names that a folder of an earlier format may lack.
        """
        path = self.path / f"{kind}.jsonl"
        with path.open("rb") as file:
            for number, text in enumerate(file, 1):
                try:
                    line = json.loads(text)
                except ValueError as error:
                    raise BadFolder(f"{path}:{number}: is not JSON ({error}); {self.of.again}") from None
                if isinstance(line, dict):
                    line = later | line
                wrong = names ^ set(line) if isinstance(line, dict) else names
                if wrong:
                    raise BadFolder(
                        f"{path}:{number}: lacks, or has of its own, {', '.join(sorted(wrong))}; {self.of.again}"
                    )
                yield line


def checked(folder: Path, kinds: tuple[str, ...], of: Format = RESULTS) -> Checked:
    """Read the manifest and every file's checksum. Raises BadFolder, naming the first file that is not as listed."""
    manifest = _manifest(folder / MANIFEST, of)
    for kind in kinds:
        if f"{kind}.jsonl" not in manifest["files"] or not isinstance(manifest["counts"].get(kind), int):
            raise BadFolder(f"{folder / MANIFEST}: does not list {kind}.jsonl and its count; {of.again}")
    for name, listed in manifest["files"].items():
        _check_file(folder, name, listed, of)
    return Checked(folder, manifest, of)


def _manifest(path: Path, of: Format) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadFolder(f"{path}: is missing; name a folder that `manage.py {of.command}` wrote") from None
    except (OSError, ValueError) as error:
        raise BadFolder(f"{path}: can't be read ({error}); {of.again}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != of.name:
        raise BadFolder(f"{path}: is no manifest of {of.holds}; name a folder that `manage.py {of.command}` wrote")
    version = manifest.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadFolder(f"{path}: format_version is {version!r}, but must be a number from 1; {of.again}")
    if version > of.version:
        raise BadFolder(
            f"{path}: format_version is {version} (written by {manifest.get('software')}), but this site reads "
            f"{of.version}; update this site first"
        )
    if not all(isinstance(manifest.get(name), dict) for name in ("counts", "files")):
        raise BadFolder(f"{path}: lacks counts or files; {of.again}")
    return manifest


def _check_file(folder: Path, name: str, listed: Any, of: Format) -> None:
    path, parts = folder / name, PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or not isinstance(listed, dict):
        raise BadFolder(f"{folder / MANIFEST}: the file {name!r} is not listed as one of the folder; {of.again}")
    if not path.is_file():
        raise BadFolder(f"{path}: is missing; {of.again}")
    size = path.stat().st_size
    if size != listed.get("bytes"):
        raise BadFolder(f"{path}: has {size} bytes, but {MANIFEST} lists {listed.get('bytes')}; {of.again}")
    checksum = sha256_of(path)
    if checksum != listed.get("sha256"):
        raise BadFolder(
            f"{path}: its SHA-256 is {checksum[:12]}…, but {MANIFEST} lists {str(listed.get('sha256'))[:12]}…; "
            f"it was damaged or changed: {of.again}"
        )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
