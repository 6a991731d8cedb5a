"""A published result and the verified one that repeats it, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leaderboard import services
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.comparison import Figure, phase_pairs, ratio
from leaderboard.domain.energy import INFERENCE, one_time_energy_j
from leaderboard.domain.ranking import Ranked
from leaderboard.models import Entry
from leaderboard.presentation import rows
from leaderboard.presentation.entry.phases import published_phases
from leaderboard.presentation.format import SPACE, UNKNOWN, fixed, images, joules, number, percent, relative, si
from leaderboard.queries import RankedEntry, off_board

NO_SUCH_PHASE = "no such phase"


@dataclass(frozen=True, slots=True)
class Cell:
    """One side of a line; `sources` are numbers of the published result's list."""

    text: str
    u95: str = ""
    provenance: str = ""
    hint: str = ""
    sources: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of both sides, and what the verified one is of the published one."""

    name: str
    published: Cell
    verified: Cell
    ratio: str
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both results, ready to show. `reason` is why the verified one does not have the published one's place."""

    published: Entry
    verified: Entry
    document: dict[str, Any]
    reason: str
    sentence: str
    lines: list[Line]


def comparison(first: Entry, second: Entry, query: LeaderboardQuery) -> Comparison:
    """The two entries, of which one is published, at the reader's usage intensity and sharing."""
    published, verified = (first, second) if first.source == "published" else (second, first)
    assert published.published is not None, "one of them is published"  # noqa: S101
    document = published.published.document
    totals = [off_board(entry, query) for entry in (published, verified)]
    return Comparison(
        published=published,
        verified=verified,
        document=document,
        reason=services.why_not_in_place_of(verified, published),
        sentence=_sentence(totals, query),
        lines=[*_phases(published, verified, document), *_totals(totals, query), *_others(published, verified)],
    )


def _sentence(totals: list[RankedEntry], query: LeaderboardQuery) -> str:
    published, verified = totals
    of_published = ratio(verified.place.energy_j, published.place.energy_j)
    if of_published is None or not (published.entry.complete and verified.entry.complete):
        return ""
    return (
        f"For {images(query.usage_intensity)} the verified full-cycle energy is {number(of_published)} times the "
        f"published one: {_total(verified.place)} against {_total(published.place)}."
    )


def _total(place: Ranked) -> str:
    return f"{joules(place.energy_j)} {relative(place.u95_j, place.energy_j)}"


def _phases(published: Entry, verified: Entry, document: dict[str, Any]) -> list[Line]:
    there = {line["phase"]: line for line in published_phases(document)}
    return [
        Line(
            name="inference, per image" if pair.phase == INFERENCE else pair.phase,
            published=_cell(pair.published, **_where(there[pair.phase])) if pair.published else Cell(NO_SUCH_PHASE),
            verified=_cell(pair.verified, hint=verified.board.hardware.name)
            if pair.verified
            else Cell(NO_SUCH_PHASE),
            ratio=number(pair.ratio),
            phase=pair.phase,
        )
        for pair in phase_pairs(published, verified)
    ]


def _where(line: dict[str, Any]) -> dict[str, Any]:
    return {"hint": line["hardware"] or "", "sources": tuple(line["sources"])}


def _cell(figure: Figure, hint: str, sources: tuple[int, ...] = ()) -> Cell:
    u95 = relative(figure.u95_j, figure.energy_j) if figure.energy_j else ""
    return Cell(joules(figure.energy_j), u95, figure.provenance, hint if figure.energy_j is not None else "", sources)


def _totals(totals: list[RankedEntry], query: LeaderboardQuery) -> list[Line]:
    published, verified = totals
    one_time = [Cell(rows.one_time(row.entry, query.shared_by)) for row in totals]
    one_time_j = [one_time_energy_j(row.entry, query.shared_by) for row in totals]
    whole, whole_j = [_full_cycle(row) for row in totals], [row.place.energy_j for row in totals]
    are_complete = published.entry.complete and verified.entry.complete
    return [
        _line("one-time energy", one_time, one_time_j if are_complete else []),
        _line(f"full cycle, {images(query.usage_intensity)}", whole, whole_j if are_complete else []),
    ]


def _line(name: str, cells: list[Cell], values: list[float]) -> Line:
    """values: those of the cells, published first; none without a ratio."""
    return Line(name, cells[0], cells[1], number(ratio(values[1], values[0])) if values else UNKNOWN)


def _full_cycle(row: RankedEntry) -> Cell:
    text = rows.at_least(row.entry) + joules(row.place.energy_j)
    return Cell(text, relative(row.place.u95_j, row.place.energy_j), row.entry.provenance)


def _others(published: Entry, verified: Entry) -> list[Line]:
    """Quality, whose last column is a difference, and what explains differences of energy."""
    both = (published, verified)
    apart = round(100 * (verified.quality - published.quality), 1)
    quality = [Cell(percent(entry.quality), hint=entry.quality_provenance) for entry in both]
    sign = "−" if apart < 0 else "+" if apart > 0 else ""
    difference = f"{sign}{fixed(abs(apart), 1)}{SPACE}points"
    speeds = [entry.throughput_images_per_s for entry in both]
    return [
        Line(rows.quality_label(published.quality_metric), quality[0], quality[1], difference),
        _line("images per second", [Cell(si(speed)) for speed in speeds], speeds),
        _line("batch", [Cell(f"{entry.batch_size:,}") for entry in both], []),
    ]
