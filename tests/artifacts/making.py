"""Files to upload, and sending them."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

from leaderboard.domain.uploads import MOST_PART_BYTES
from tests.measurement.tiny import FINETUNE, tiny_document

FIGURE = {"energy_j": 3.5e6, "evidence": "https://example.org/log"}
PART = "application/offset+octet-stream"


def weights(*values: float, name: str = "w") -> bytes:
    """A safetensors file with one tensor."""
    data = struct.pack(f"<{len(values)}f", *values)
    return safetensors({name: {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, len(data)]}}, data)


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with this header, of whatever form."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def announce(client: Any, content: bytes, kind: str = "safetensors", **more: Any) -> Any:
    body = {"kind": kind, "size": len(content), "sha256": sha256(content)} | more
    return client.post("/api/v1/artifacts", body, content_type="application/json")


def send(client: Any, name: str, offset: int, part: bytes, **more: Any) -> Any:
    return client.patch(
        f"/api/v1/artifacts/{name}", part, content_type=PART, headers={"Upload-Offset": str(offset)} | more
    )


def upload(client: Any, content: bytes, kind: str = "safetensors", **more: Any) -> Any:
    """The answer to the last part, or to what was refused before."""
    answer = announce(client, content, kind, **more)
    if answer.status_code >= 400:
        return answer
    number = answer.json()["id"]
    for offset in range(0, len(content), MOST_PART_BYTES):
        answer = send(client, number, offset, content[offset : offset + MOST_PART_BYTES])
    return answer


def starting_from(sha: str, **changes: Any) -> dict[str, Any]:
    """A recipe whose weights were uploaded."""
    start = {"technique": "pretrained", "phase": "pretrain", "source": "upload", "sha256": sha, **FIGURE}
    named = {"title": "From weights of my own", "family": "transfer"}
    return (
        tiny_document(start, FINETUNE, method=named, inference={"scenarios": ["offline"], "max_batch_size": 16})
        | changes
    )
