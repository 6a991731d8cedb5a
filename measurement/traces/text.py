"""The bytes of another tool's power log as text: unpacked, and decoded where the encoding is certain."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from contextlib import nullcontext
from pathlib import Path

from measurement.errors import BadInput

MAX_BYTES = 1 << 30
"""Largest log that is read, after unpacking: two months at ten samples a second."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_CONVERT = "save it as UTF-8 (iconv -f CP1252 -t UTF-8 log.csv > log-utf8.csv)"


def read_bytes(path: Path) -> bytes:
    """A file's content, unpacked if it is gzip. Raises BadInput."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.GzipFile(fileobj=file) if packed else nullcontext(file) as unpacked:
                content = unpacked.read(MAX_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path}: its gzip data are damaged or truncated: {error}", field="trace") from None
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror}", field="trace") from None
    if len(content) > MAX_BYTES:
        raise BadInput(f"{path}: larger than 1 GiB; split it into parts", field="trace")
    return content


def decode(path: Path, content: bytes) -> tuple[str, list[str]]:
    """The text with `\\n` at line ends, and notes. Raises BadInput for what is no text.

    Text of an 8-bit encoding is read by its ASCII characters: digits, separators and units are the same in all of
    them (Windows-1252, ISO 8859, GBK and Shift-JIS too, whose second bytes are none of these), so that only names of
    columns may look odd. A cell of power or time with any other character is refused where it is read.
    """
    notes = []
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "")
    encoding = encoding or _utf16_without_mark(content)
    if not encoding:
        encoding = "utf-8-sig"
        if content.endswith(b"\0"):
            content = content.rstrip(b"\0")
            notes.append("the file ends with zero bytes (from a crash during writing?): they were left out")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8-sig":
            raise BadInput(
                f"{path}: its {encoding.upper()[:6]} text is damaged or truncated", field="trace"
            ) from None
        if _CONTROLS.search(content) or len(_BEYOND_ASCII.findall(content)) > 0.3 * len(content):
            raise BadInput(f"{path}: is neither Parquet nor text; if it is text, {_CONVERT}", field="trace") from None
        text = content.decode("latin-1")
        notes.append("the text is in an 8-bit encoding, not UTF-8: letters beyond ASCII may show as others")
    if "\0" in text:
        raise BadInput(f"{path}: is neither Parquet nor text: it has zero bytes within; {_CONVERT}", field="trace")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _utf16_without_mark(content: bytes) -> str:
    """The name of UTF-16 if every second byte at the start is zero, as in ASCII text without a byte order mark."""
    start = content[:200]
    if len(start) >= 8 and not len(start) % 2:
        if not any(start[1::2]) and all(start[::2]):
            return "utf-16-le"
        if not any(start[::2]) and all(start[1::2]):
            return "utf-16-be"
    return ""
