"""A power log's text as a table: unpacked, decoded, split into cells, without repeated headers and truncated
lines."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from measurement.errors import BadInput
from measurement.traces.cells import Place, is_number, is_power_with_unit, is_stamp

MAX_BYTES = 1 << 30
"""Largest log that is read, after unpacking: two months at ten samples a second."""

_UNIT = re.compile(r"\s*\[(\w+)\]$")


@dataclass(slots=True)
class Table:
    """Rows of cells under a header. `header` has bare names in lower case, `units` the text in brackets."""

    path: Path
    header: list[str]
    units: list[str]
    rows: list[tuple[int, list[str]]]
    header_line: int = 1
    notes: list[str] = field(default_factory=list)

    def place(self, line: int, column: str = "") -> Place:
        return Place(self.path, f"line {line}", column)

    def column(self, name: str) -> list[str]:
        """All cells of a column."""
        at = self.header.index(name)
        return [row[at] for _, row in self.rows]


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


def read_table(path: Path, content: bytes) -> Table:
    """The table that a log's bytes hold. Raises BadInput naming the line at fault."""
    text, notes = _decode(path, content)
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip() and not _is_comment(line)), None)
    if first is None:
        raise BadInput(f"{path}: is empty; at least two samples are required", field="trace")
    read = _read_dmon if lines[first].lstrip().startswith("#") else _read_csv
    table = read(path, lines, first)
    table.notes[:0] = notes
    return table


def name_of(title: str) -> str:
    """A column's bare name: `power.draw [W]` is `power.draw`."""
    return _UNIT.sub("", title.strip()).lower()


def _decode(path: Path, content: bytes) -> tuple[str, list[str]]:
    notes = []
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not is_utf16 and content.endswith(b"\0"):
        content = content.rstrip(b"\0")
        notes.append("the file ends with zero bytes (from a crash during writing?): they were left out")
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is neither Parquet nor text in UTF-8 or UTF-16", field="trace") from None
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#") and "pwr" not in line.lower().replace(",", " ").split()


def _separator(line: str) -> str:
    return next((mark for mark in "\t;" if mark in line), ",")


def _read_csv(path: Path, lines: list[str], first: int) -> Table:
    reader = csv.reader(lines[first:], delimiter=_separator(lines[first]), skipinitialspace=True)
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row) and not row[0].startswith("#"):
                rows.append((first + reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise Place(path, f"line {first + reader.line_num}").fault(f"not a line of CSV: {error}") from None
    titles = _invented_titles(path, *rows[0])
    if titles is None:
        line, titles = rows.pop(0)
    else:
        line = first + 1
    while len(titles) > 1 and not titles[-1]:
        titles.pop()
    units = [found[1] if (found := _UNIT.search(title)) else "" for title in titles]
    table = Table(path, [name_of(title) for title in titles], units, [], line)
    ends_whole = not lines[-1].strip()
    for number, row in rows:
        is_last = number == rows[-1][0]
        if _is_whole(table, number, row, is_last=is_last, ends_whole=ends_whole):
            table.rows.append((number, row[: len(titles)]))
    return table


def _invented_titles(path: Path, number: int, row: list[str]) -> list[str] | None:
    """Titles for a log without a header, None if its first line is one. Raises BadInput if the columns can't be
    identified."""
    if len(row) >= 2 and all(is_number(cell) for cell in row) and float(row[0].replace(",", ".")) >= 1e8:
        return ["time", *(f"power{gpu}" for gpu in range(len(row) - 1))]
    if not (is_stamp(row[0]) or is_number(row[0])):
        return None
    powers = [at for at, cell in enumerate(row) if is_power_with_unit(cell)]
    if is_stamp(row[0]) and len(powers) == 1:
        return [
            "timestamp",
            *("power.draw [W]" if at == powers[0] else f"column {at + 1}" for at in range(1, len(row))),
        ]
    raise Place(path, f"line {number}").fault(
        "there is no header, so the power column is unknown; add one, such as "
        "timestamp_s,power_w, or log without `noheader`"
    )


def _is_whole(table: Table, number: int, row: list[str], *, is_last: bool, ends_whole: bool) -> bool:
    """Whether a row is a sample: not the header again, not a truncated line. Raises BadInput otherwise."""
    names = [name_of(cell) for cell in row]
    size = len(table.header)
    while len(row) > size and not row[-1]:
        row.pop()
    if names[:size] == table.header:
        return False
    if len(row) >= size and names[-size + 1 :] == table.header[1:] and names[-size].endswith(table.header[0]):
        table.notes.append(f"line {number} is truncated and runs into another header: it was skipped")
        return False
    if table.header[0] in names:
        raise table.place(number).fault("another header with other columns; put each log into its own file")
    if len(row) < size and is_last:
        table.notes.append(f"line {number}, the last, is truncated and was skipped")
        return False
    if is_last and not ends_whole and table.rows and _is_shorter_kind(table.rows[-1][1][-1], row[-1]):
        table.notes.append(f"line {number}, the last, ends within a number and was skipped")
        return False
    if len(row) != size:
        cells = f"{len(row)} cell{'' if len(row) == 1 else 's'}"
        why = ": numbers with a decimal comma need quotes, or semicolons between columns" if len(row) > size else ""
        raise table.place(number).fault(f"{cells}, the header has {size}{why or ': complete or delete the line'}")
    return True


def _is_shorter_kind(before: str, cell: str) -> bool:
    """Whether the last cell of a file without a last line end lacks the unit or decimals of the one above it."""
    if is_power_with_unit(before):
        return not is_power_with_unit(cell)
    decimals = [len(text.partition(".")[2]) for text in (before, cell)]
    return "[" in before or (decimals[0] == 2 and decimals[1] < 2 and is_number(before))


def _read_dmon(path: Path, lines: list[str], first: int) -> Table:
    """`nvidia-smi dmon -o DT`: columns between blanks or commas, a header of two lines that is repeated."""
    titles = _words(lines[first].lstrip(" #"))
    names = [title.lower() for title in titles]
    if "date" not in names or "time" not in names:
        raise Place(path, f"line {first + 1}").fault(
            "a log of nvidia-smi dmon without date and time; log with `nvidia-smi dmon -s p -o DT`"
        )
    date_at, time_at, power_at = names.index("date"), names.index("time"), names.index("pwr")
    gpu_at = names.index("gpu") if "gpu" in names else None
    table = Table(path, ["timestamp", "index", "power.draw"], ["", "", "W"], [], first + 1)
    for number, line in enumerate(lines[first + 1 :], first + 2):
        if not line.strip():
            continue
        words = _words(line.lstrip(" #"))
        if line.lstrip().startswith("#"):
            if "pwr" in [word.lower() for word in words] and [word.lower() for word in words] != names:
                raise table.place(number).fault("another header with other columns; put each log into its own file")
            continue
        if len(words) < len(names):
            if any(rest.strip() for rest in lines[number:]):
                raise table.place(number).fault(f"{len(words)} cells, the header has {len(names)}: delete the line")
            table.notes.append(f"line {number}, the last, is truncated and was skipped")
            continue
        date = re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", words[date_at])
        gpu = words[gpu_at] if gpu_at is not None else ""
        table.rows.append((number, [f"{date} {words[time_at]}", gpu, words[power_at]]))
    return table


def _words(line: str) -> list[str]:
    return [word.strip() for word in line.split(",")] if "," in line else line.split()
