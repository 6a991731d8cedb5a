"""Comma-separated logs as tables: line breaks in quotes, repeated headers, truncated lines, logs without header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from measurement.traces.cells import Place, is_number, is_stamp, said_unit
from measurement.traces.table import Table
from measurement.traces.units import title_of

Row = tuple[int, list[str]]


def read_csv(path: Path, lines: list[str], first: int) -> Table:
    """The table from line `first` (counted from 0) on. Raises BadInput naming the line at fault."""
    separator = _separator(lines[first])
    rows, ends_in_quotes = _records(path, lines, first, separator)
    if not rows:
        raise Place(path, f"line {first + 1}").fault("a quote opens here and never closes; delete or close it")
    titles = _invented_titles(path, *rows[0])
    if titles is None:
        line, titles = rows.pop(0)
    else:
        line = first + 1
    while len(titles) > 1 and not titles[-1].strip():
        titles.pop()
    table = Table(path, [title_of(title) for title in titles], [], line)
    ends_whole = not lines[-1].strip()
    for number, row in rows:
        is_last = number == rows[-1][0] and not ends_in_quotes
        if _is_whole(table, number, row, is_last=is_last, ends_whole=ends_whole):
            _refuse_swallowed_rows(table, number, row, separator)
            table.rows.append((number, row[: len(titles)]))
    if ends_in_quotes:
        table.notes.append(f"line {len(lines)}, the last, is truncated and was skipped")
    return table


def _separator(line: str) -> str:
    return next((mark for mark in "\t;" if mark in line), ",")


def _records(path: Path, lines: list[str], first: int, separator: str) -> tuple[list[Row], bool]:
    """Records with the line each begins on, and whether the last line of the file is left in open quotes."""
    at = first

    def rest() -> Iterator[str]:
        nonlocal at
        for line in lines[first:]:
            at += 1
            yield line + "\n"

    reader = csv.reader(rest(), delimiter=separator, skipinitialspace=True, strict=True)
    rows: list[Row] = []
    while True:
        began = at + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            is_open = at >= len(lines) and "unexpected end" in str(error)
            last = max(number for number, line in enumerate(lines, 1) if line.strip())
            if is_open and began == last and rows:
                return rows, True
            what = "a quote opens here and never closes; delete or close it" if is_open else f"not CSV: {error}"
            raise Place(path, f"line {began}").fault(what) from None
        if row is None:
            return rows, False
        if any(cell.strip() for cell in row) and not row[0].startswith("#"):
            rows.append((began, [cell.strip() for cell in row]))


def _invented_titles(path: Path, number: int, row: list[str]) -> list[str] | None:
    """Titles for a log without a header, None if its first line is one. Raises BadInput if the columns can't be
    identified."""
    if len(row) >= 2 and all(is_number(cell) for cell in row) and float(row[0].replace(",", ".")) >= 1e8:
        return ["time", *(f"power{gpu}" for gpu in range(len(row) - 1))]
    if not (is_stamp(row[0]) or is_number(row[0])):
        return None
    powers = [at for at, cell in enumerate(row) if said_unit(cell)]
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
    size = len(table.titles)
    while len(row) > size and not row[-1]:
        row.pop()
    if _is_header_again(table, number, row):
        return False
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


def _is_header_again(table: Table, number: int, row: list[str]) -> bool:
    """Whether a row is the header again, if need be behind a truncated line. Raises BadInput for another header."""
    first = table.titles[0].name
    if not any(first in cell.lower() for cell in row):
        return False
    said, header, size = [title_of(cell) for cell in row], table.names, len(table.titles)
    names = [title.name for title in said]
    if names[:size] == header:
        if [title.unit for title in said[:size]] != [title.unit for title in table.titles]:
            raise table.place(number).fault("another header with other units; put each log into its own file")
        return True
    if len(row) >= size and names[-size + 1 :] == header[1:] and names[-size].endswith(first):
        table.notes.append(f"line {number} is truncated and runs into another header: it was skipped")
        return True
    if first and first in names:
        raise table.place(number).fault("another header with other columns; put each log into its own file")
    return False


def _is_shorter_kind(before: str, cell: str) -> bool:
    """Whether the last cell of a file without a last line end lacks the unit or decimals of the one above it."""
    if said_unit(before):
        return not said_unit(cell)
    decimals = [len(text.partition(".")[2]) for text in (before, cell)]
    return "[" in before or (decimals[0] == 2 and decimals[1] < 2 and is_number(before))


def _refuse_swallowed_rows(table: Table, number: int, row: list[str], separator: str) -> None:
    """A quote left open may hold the lines up to the next quote: a cell that holds whole lines is none."""
    for at, cell in enumerate(row):
        if "\n" in cell and any(part.count(separator) >= len(row) - 1 for part in cell.split("\n")):
            raise table.place(number, at).fault("a quote opens here that holds whole lines; delete or close it")
