"""A whole group, column by column, in order of entry: what a program needs to rank it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow as pa
import pyarrow.compute as pc

from leaderboard import queries
from leaderboard.api.renderers import FiniteJSONRenderer
from leaderboard.api.rows import FIGURES
from leaderboard.domain.running import RUN_AS
from leaderboard.presentation import snapshot_builds
from leaderboard.queries import Columns
from measurement.tracks import find_track

# Column of the snapshot -> the board's column.
SNAPSHOT_COLUMNS = {
    "entry": "id",
    "method": "title",
    "family": "family",
    "recipe": "sha256",
    "architecture": "architecture",
    "also_claimed_as": "also_claimed_as",
    **{name: name for name in FIGURES},
    **{name: name for name in (*RUN_AS, "run_mark")},
    "device": "device",
    "gain_u95": "gain_u95",
}
# Twice as fast as the default, an eighth larger.
COMPRESSION_LEVEL = 4
GZIP_WINDOW = 16 + zlib.MAX_WBITS
KIND = "json.gz"

_lock = Lock()
_kept: WeakKeyDictionary[Columns, bytes] = WeakKeyDictionary()


def snapshot(columns: Columns | None, group: dict[str, Any]) -> bytes:
    """The snapshot's JSON, gzipped. A board's is made once for each revision and kept as long as its columns."""
    if columns is None:
        return _compressed(None, group)
    with _lock:
        if columns not in _kept:
            _kept[columns] = queries.made_once(columns.board, KIND, lambda: _made(columns, group))
        return _kept[columns]


def _made(columns: Columns, group: dict[str, Any]) -> bytes:
    board = columns.board
    return snapshot_builds.timed(lambda: _compressed(columns, group), board.track, board.hardware.slug)


def _compressed(columns: Columns | None, group: dict[str, Any]) -> bytes:
    # Piece by piece: the whole is never in memory uncompressed.
    packer = zlib.compressobj(COMPRESSION_LEVEL, wbits=GZIP_WINDOW)
    return b"".join([*map(packer.compress, _pieces(columns, group)), packer.flush()])


def _pieces(columns: Columns | None, group: dict[str, Any]) -> Iterator[bytes]:
    track = find_track(group["track"] or "")
    head = {
        "revision": columns.board.revision if columns is not None else 0,
        **group,
        "quality_metric": track.metric if track else None,
        "quality_floor": track.quality_floor if track else None,
    }
    yield _json(head)[:-1] + b',"columns":{'
    order = pc.array_sort_indices(columns.arrays["id"]) if columns is not None else None
    for position, (name, stored) in enumerate(SNAPSHOT_COLUMNS.items()):
        yield (b"," if position else b"") + _json(name) + b":"
        yield _column(stored, columns.arrays[stored].take(order)) if columns is not None else b"[]"
    yield b"}}"


def _column(name: str, values: pa.Array) -> bytes:
    listed = values.to_pylist()
    # Phases are JSON already.
    return b"[" + ",".join(listed).encode() + b"]" if name == "phases" else _json(listed)


def _json(value: Any) -> bytes:
    return FiniteJSONRenderer().render(value)
