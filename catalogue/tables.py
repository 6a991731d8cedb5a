"""Reads a table of a catalogue (CSV, UTF-8) and says of each line that can't be taken what is wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from catalogue.cells import Column
from catalogue.faults import Fault, Place
from catalogue.rows import COLUMNS

Row = TypeVar("Row")


def read_text(path: Path, faults: list[Fault]) -> str:
    """The file's text, or nothing and a fault."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        faults.append(Fault(Place(str(path), 1), "", f"can't be read ({reason}); add the file or its permissions"))
        return ""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        faults.append(Fault(Place(str(path), line), "", f"{found}; save the file as UTF-8"))
        return ""


def read_table(path: Path, kind: type[Row], faults: list[Fault]) -> list[Row]:
    """The rows of `kind` that can be taken; what is wrong with the others goes to `faults`."""
    columns = COLUMNS[kind]
    lines = _lines(path, read_text(path, faults), faults)
    header = next(lines, None)
    if header is None or not _header_fits(header, columns, faults):
        return []
    return [row for line in lines if (row := _row(kind, header[1], columns, line, faults)) is not None]


def _lines(path: Path, content: str, faults: list[Fault]) -> Iterator[tuple[Place, list[str]]]:
    reader = csv.reader(io.StringIO(content), strict=True)
    try:
        for cells in reader:
            if cells:
                yield Place(str(path), reader.line_num), cells
    except csv.Error as error:
        faults.append(
            Fault(Place(str(path), reader.line_num), "", f"not CSV ({error}); close quotes, one row a line")
        )


def _header_fits(header: tuple[Place, list[str]], columns: Mapping[str, Column], faults: list[Fault]) -> bool:
    place, names = header
    wrong = [Fault(place, name, "is given twice; keep one") for name in set(names) if names.count(name) > 1]
    known = ", ".join(columns)
    wrong += [Fault(place, n, f"{n!r} is no column of this table; use {known}") for n in names if n not in columns]
    wrong += [
        Fault(place, n, "this column is not there; add it to the first line") for n in columns if n not in names
    ]
    faults.extend(wrong)
    return not wrong


def _row(
    kind: type[Row],
    names: list[str],
    columns: Mapping[str, Column],
    line: tuple[Place, list[str]],
    faults: list[Fault],
) -> Row | None:
    place, cells = line
    if len(cells) != len(names):
        what = f"{len(cells)} cells where the table has {len(names)} columns; quote a cell that holds a comma"
        faults.append(Fault(place, "", what))
        return None
    values: dict[str, Any] = {}
    before = len(faults)
    for name, cell in zip(names, cells, strict=True):
        try:
            values[name] = _value(columns[name], cell.strip())
        except ValueError as error:
            faults.append(Fault(place, name, str(error)))
    make: Callable[..., Row] = kind
    return make(place=place, **values) if len(faults) == before else None


def _value(column: Column, cell: str) -> Any:
    if cell:
        return column.read(cell)
    if column.required:
        raise ValueError("is empty; write a value, every row needs one")
    return None
