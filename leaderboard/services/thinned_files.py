"""Thins the file of a trace, in a child, and reads what a trace says of itself."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from leaderboard.models import Attempt
from measurement.vocabulary import TRACE_METADATA

WITHIN_S = 300.0
"""A trace of hours takes some ten seconds."""


class StaysFull(Exception):
    """A trace that is not thinned; the message says why."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a trace was thinned from and to. `sha256_before` is that of the full file."""

    at: datetime
    samples_before: int
    samples: int
    bytes_before: int
    bytes: int
    sha256_before: str
    sha256: str


@contextmanager
def thinned_file(attempt: Attempt) -> Iterator[tuple[Path, Facts]]:
    """The attempt's trace, thinned, in a file that goes with the block. Nothing stored is changed.

    The child has read the file back: every figure of the record follows from it, and no stretch of a phase has other
    joules. Raises StaysFull, and what the storage raises.
    """
    with tempfile.TemporaryDirectory(prefix="thinning-") as name:
        folder = Path(name)
        try:
            with attempt.trace.open("rb") as source, (folder / "trace.parquet").open("wb") as copy:
                shutil.copyfileobj(source, copy)
        except FileNotFoundError:
            raise StaysFull("its file is missing in the storage") from None
        (folder / "record.json").write_text(json.dumps(attempt.record), "utf-8")
        answer = _thinned(folder)
        if not answer["thinned"]:
            raise StaysFull(answer["reason"])
        yield (
            folder / "thinned.parquet",
            Facts(
                datetime.fromisoformat(answer["at"]),
                answer["samples_before"],
                answer["samples"],
                answer["bytes_before"],
                answer["bytes"],
                answer["sha256"],
                answer["sha256_now"],
            ),
        )


def _thinned(folder: Path) -> dict[str, Any]:
    """What `python -m measurement thin` says. StaysFull if it refuses the trace, or ends otherwise than it should."""
    # Relative names, so that what it says of them can be kept.
    command = [
        sys.executable,
        "-I",
        "-m",
        "measurement",
        "thin",
        "trace.parquet",
        "--out",
        "thinned.parquet",
        "--json",
    ]
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "TMPDIR": str(folder)}
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=WITHIN_S, check=False, env=environment, cwd=folder
        )
    except subprocess.TimeoutExpired:
        raise StaysFull(f"thinning it took longer than {WITHIN_S:.0f} s") from None
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        raise StaysFull((said[-1] if said else f"thinning it ended with exit code {ended.returncode}")[:300])
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def sha256_of_file(file: IO[bytes]) -> str:
    """Read to its end, from where it is."""
    digest = hashlib.sha256()
    while chunk := file.read(2**20):
        digest.update(chunk)
    return digest.hexdigest()


def said_by(file: IO[bytes]) -> dict[str, Any] | None:
    """What a thinned trace says of itself: `at`, `samples_before`, `samples`, `sha256` of the full one; else None."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(file).metadata or {}
        said = json.loads(metadata.get(TRACE_METADATA, b"{}")).get("thinned")
        datetime.fromisoformat(said["at"])
        found: dict[str, Any] = {"at": said["at"], "sha256": str(said["sha256"])}
        return found | {name: int(said[name]) for name in ("samples_before", "samples")}
    except (pa.ArrowException, OSError, AttributeError, KeyError, TypeError, ValueError):
        return None
