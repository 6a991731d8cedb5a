"""Whether a file has the form of safetensors, by its header alone: JSON with each tensor's type, shape and place.

The format: https://huggingface.co/docs/safetensors/index#format. No tensor is read, and no library is needed.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from measurement.errors import BadInput

LENGTH_BYTES = 8
MOST_HEADER_BYTES = 8 * 2**20
MOST_TENSORS = 50_000
MOST_DIMENSIONS = 32
BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
}
"""Bits of a number, by safetensors' name of the type."""


def check_safetensors(path: Path) -> dict[str, Any]:
    """What the header says: `tensors`, `parameters`, `bytes` of the numbers, and how many tensors of each type.

    Raises BadInput with the first fault.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if size < LENGTH_BYTES + 2:
            raise BadInput(f"has {size:,} bytes, too few for a safetensors file; upload the whole file")
        if length > size - LENGTH_BYTES:
            raise BadInput(
                f"says that its header has {length:,} bytes, but the file has {size:,}; it is cut off, or is no "
                "safetensors file"
            )
        if length > MOST_HEADER_BYTES:
            raise BadInput(f"has a header of {length:,} bytes; the limit is {MOST_HEADER_BYTES:,}")
        header = _read(file.read(length))
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    _check_metadata(header.get("__metadata__", {}))
    if not tensors:
        raise BadInput("holds no tensor; save the network's state_dict")
    if len(tensors) > MOST_TENSORS:
        raise BadInput(f"holds {len(tensors):,} tensors; the limit is {MOST_TENSORS:,}")
    places = [_place(name, entry) for name, entry in tensors.items()]
    _check_places(places, size - LENGTH_BYTES - length)
    types = Counter(entry["dtype"] for entry in tensors.values())
    return {
        "tensors": len(tensors),
        "parameters": sum(math.prod(entry["shape"]) for entry in tensors.values()),
        "bytes": size - LENGTH_BYTES - length,
        "types": dict(sorted(types.items())),
    }


def _read(text: bytes) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise BadInput(
            "is no safetensors file: its header does not begin with {; save it with the package safetensors"
        )
    try:
        header: dict[str, Any] = json.loads(
            text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise BadInput(f"is no safetensors file: its header can't be read as JSON: {reason}") from None
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or any(not isinstance(value, str) for value in metadata.values()):
        raise BadInput("has a __metadata__ that is not text by name; leave it out")


def _place(name: str, entry: object) -> tuple[int, int, str]:
    """Where a tensor's bytes begin and end, and its name, shortened for messages."""
    shown = ascii(name[:80])
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise BadInput(f"tensor {shown}: needs dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise BadInput(f"tensor {shown}: its type is {ascii(dtype)[:40]}; use one of {', '.join(BITS)}")
    if not _are_counts(shape) or len(shape) > MOST_DIMENSIONS:
        raise BadInput(f"tensor {shown}: its shape must be at most {MOST_DIMENSIONS} whole numbers from 0")
    if not _are_counts(offsets) or len(offsets) != 2:
        raise BadInput(f"tensor {shown}: its data_offsets must be two whole numbers from 0")
    begin, end = offsets
    wanted = math.prod(shape) * BITS[dtype] // 8
    if end - begin != wanted:
        raise BadInput(f"tensor {shown}: its data_offsets span {end - begin:,} bytes, its shape needs {wanted:,}")
    return begin, end, shown


def _are_counts(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _check_places(places: list[tuple[int, int, str]], size: int) -> None:
    """Side by side, from the first byte to the last: nothing overlaps, and nothing is hidden between."""
    places = sorted(places)
    for begin, end, name in places:
        if end > size:
            raise BadInput(
                f"tensor {name}: ends at byte {end:,} of {size:,}; the file is cut off, or was not saved whole"
            )
        if begin > end:
            raise BadInput(f"tensor {name}: ends before it begins")
    for (_, before, first), (after, _, second) in pairwise(
        [(0, 0, "'the header'"), *places, (size, size, "'the end'")]
    ):
        if after < before:
            raise BadInput(f"tensors {first} and {second} overlap; save the file again")
        if after > before:
            raise BadInput(f"has {after - before:,} bytes between {first} and {second} that belong to no tensor")
