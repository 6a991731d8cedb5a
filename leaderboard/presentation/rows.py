"""What a row of the table shows. `static/leaderboard/rows.js` says the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from leaderboard.domain import cost as money
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.carbon import carbon_kg
from leaderboard.domain.energy import SHARED_PHASES, one_time_energy_j
from leaderboard.domain.greenness import accuracy_factor, scaled
from leaderboard.domain.quality import quality_by
from leaderboard.domain.ranking import Ranked
from leaderboard.forms.table_view import View
from leaderboard.models import FAMILIES, Entry
from leaderboard.presentation.format import (
    SPACE,
    UNKNOWN,
    carbon,
    cost,
    floor_percent,
    joules,
    milliseconds,
    number,
    per_megajoule,
    percent,
    relative,
    sample,
    share,
    si,
    watt_hours,
    width,
)
from leaderboard.queries import RankedEntry
from measurement import tracks
from measurement.tracks import quality_floor

SOURCE_TITLES = {
    "verified": "Measured by this site's workers",
    "published": "Figures of others, with their sources; not run by this site's workers",
}
QUALITY_LABELS = {"map": "mAP", "top1": "top-1"}
MISSING_PHASE = "a phase is missing, so the total is a lower bound"
REPLACED = "a verified result has its place"
SUPERSEDED = "a newer version by the same person has its place"
TOO_INACCURATE = "its accuracy is too low to rank at this τ"
# If the quality is not of the worker's own weights: a mark for a narrow column, and what it means.
QUALITY_NOTES = {
    "published": "published by others",
    "reported": "reported by the submitter",
    "supplied": "evaluated on the submitter's weights",
}
BELOW_FLOOR = "below floor"


@dataclass(frozen=True, slots=True)
class Segment:
    """One phase in a bar; `energy_j` is None if the phase is missing. `width` is for a style, at most "100.00%"."""

    phase: str
    provenance: str
    energy_j: float | None
    width: str
    label: str


def bar(entry: Entry, usage_intensity: float, shared_by: float, full_j: float | None = None) -> list[Segment]:
    """The phases of an entry's life as parts of its full-cycle energy, shared phases divided by K.

    full_j: the joules that a bar of full width has; None: the entry's own total.
    """
    parts: list[tuple[str, str, float | None]] = []
    for part in entry.phases:
        energy_j = part["energy_j"]
        if energy_j is not None and part["phase"] in SHARED_PHASES:
            energy_j /= shared_by
        parts.append((part["phase"], part["provenance"], energy_j))
    parts.append(("inference", entry.inference_provenance, usage_intensity * entry.inference_energy_j))
    # Added up one by one, as the browser does.
    total_j = 0.0
    for _, _, energy_j in parts:
        total_j += energy_j or 0.0
    return [
        _segment(phase, provenance, energy_j, total_j, total_j if full_j is None else full_j)
        for phase, provenance, energy_j in parts
    ]


def _segment(phase: str, provenance: str, energy_j: float | None, total_j: float, full_j: float) -> Segment:
    if energy_j is None or provenance == "missing":
        return Segment(phase, "missing", None, "", f"{phase} missing")
    part = energy_j / total_j if total_j > 0 else 0.0
    wide = min(1.0, energy_j / full_j) if full_j > 0 else 0.0
    return Segment(phase, provenance, energy_j, width(wide), f"{phase} {joules(energy_j)} ({share(part)})")


def row(
    ranked: RankedEntry, query: LeaderboardQuery, view: View | None = None, full_j: float | None = None
) -> dict[str, Any]:
    """The texts of one line, ready to show. full_j: the joules of a bar of full width, None for its own total."""
    entry, place = ranked.entry, ranked.place
    segments = bar(entry, query.usage_intensity, query.shared_by, full_j)
    view = view or View()
    return {
        "entry": entry.pk,
        "url": entry.get_absolute_url() + with_chosen(use(query, view), view.chosen),
        "rank": rank_text(place),
        "rank_title": rank_title(place) if place.rank else f"not ranked: {why_not_ranked(ranked, query)}",
        "method": names(entry.method.title, getattr(entry, "also_claimed_as", None)),
        "family": FAMILIES.get(entry.method.family, entry.method.family),
        "quality": percent(entry.quality),
        "quality_note": BELOW_FLOOR if below_floor(entry) else quality_note(entry),
        "quality_title": ", ".join(quality_marks(entry)),
        "quality_by": entry_quality_by(entry),
        "greenness": _at_most(entry, ranked.greenness_percent) + number(ranked.greenness_percent),
        "greenness_title": _at_most(entry, ranked.greenness) + per_megajoule(ranked.greenness),
        "energy": at_least(entry) + joules(place.energy_j),
        "energy_title": watt_hours(place.energy_j),
        "u95": relative(place.u95_j, place.energy_j),
        "bar": segments,
        "bar_class": "bar is-cut" if full_j is not None and place.energy_j > full_j else "bar",
        "bar_label": ", ".join(segment.label for segment in segments),
        "one_time": one_time(entry, query.shared_by),
        "per_image": UNKNOWN if entry.inference_provenance == "missing" else joules(entry.inference_energy_j),
        "provenance": entry.provenance,
        "source": entry.source,
        "source_title": SOURCE_TITLES[entry.source],
        "run_mark": getattr(entry, "run_mark", None) or "",
        "sample": sample(entry.mode, entry.data),
        "results": results(entry.results),
        "busy": "busy machine" if entry.busy_machine else "",
        "claimed": "two claims" if getattr(entry, "also_claimed_as", None) else "",
        "metered": share(ranked.metered_share),
        "carbon": carbon_text(entry, place.energy_j, view),
        "cost": cost_text(entry, place.energy_j, view),
        "parameters": si(entry.parameters),
        "macs": si(entry.macs),
        "latency": milliseconds(entry.latency_p50_ms),
        "memory": si(entry.peak_memory_bytes, "B"),
    }


def carbon_text(entry: Entry, energy_j: float, view: View) -> str:
    """CO2-equivalent of an entry's energy in the reader's grid."""
    return at_least(entry) + carbon(carbon_kg(energy_j, view.pue, view.grid.intensity_g_per_kwh))


def cost_text(entry: Entry, energy_j: float, view: View) -> str:
    """What an entry's energy costs; empty without a price."""
    if view.price is None:
        return ""
    return at_least(entry) + cost(money.cost(energy_j, view.pue, view.price.per_kwh), view.price.currency)


def results(number: int) -> str:
    """Says that the figures are a mean; empty for a single result."""
    return f"mean of {number}" if number > 1 else ""


def names(title: str, also_claimed_as: str | None) -> str:
    """An entry's title; with another person's for the same work, until it is decided whose it is."""
    return f"{title} / {also_claimed_as}" if also_claimed_as else title


def use(query: LeaderboardQuery, view: View | None = None, lead: str = "?") -> str:
    """Usage intensity, sharing, floor, grid and price as address parameters. lead: "&" if others come before them."""
    default = LeaderboardQuery()
    asked = {
        name: f"{value:.15g}"
        for name, value, usual in (
            ("usage_intensity", query.usage_intensity, default.usage_intensity),
            ("shared_by", query.shared_by, default.shared_by),
            ("min_quality", query.min_quality, None),
        )
        if value is not None and value != usual
    }
    asked |= view.assumptions() if view else {}
    return f"{lead}{urlencode(asked)}" if asked else ""


def with_chosen(use_of_query: str, chosen: tuple[int, ...]) -> str:
    """Parameters of an entry's page with the entries that the reader has chosen to compare."""
    if not chosen:
        return use_of_query
    return f"{use_of_query or '?'}{'&' if use_of_query else ''}chosen={'%2C'.join(map(str, chosen))}"


def at_least(entry: Entry) -> str:
    """The sign before a total of an entry with a missing phase, nothing before others."""
    return "" if entry.complete else f"≥{SPACE}"


def _at_most(entry: Entry, greenness: float | None) -> str:
    """The sign before a greenness whose energy is a lower bound."""
    return f"≤{SPACE}" if greenness is not None and not entry.complete else ""


def one_time(entry: Entry, shared_by: float) -> str:
    """An entry's one-time energy."""
    return at_least(entry) + joules(one_time_energy_j(entry, shared_by))


def rank_text(place: Ranked) -> str:
    """The rank, or the ranks that an entry may have within uncertainty."""
    if place.rank is None:
        return UNKNOWN
    return str(place.rank) if place.rank_best == place.rank_worst else f"{place.rank_best}–{place.rank_worst}"


def rank_title(place: Ranked) -> str:
    """A ranked entry's rank in words."""
    if place.rank_best is None:
        return f"rank {place.rank}, uncertainty unknown"
    if place.rank_best == place.rank_worst:
        return f"rank {place.rank}"
    return f"rank {place.rank}; between {place.rank_best} and {place.rank_worst} within uncertainty"


def why_not_ranked(ranked: RankedEntry, query: LeaderboardQuery) -> str:
    """Why an entry is not ranked, in words."""
    if ranked.entry.replaced_by_id is not None:
        return REPLACED
    if ranked.entry.superseded_by_id is not None:
        return SUPERSEDED
    if query.floor is not None and ranked.entry.quality < query.floor:
        return f"its quality is below the floor of {floor_percent(query.floor)}"
    return TOO_INACCURATE if _lacks_value(ranked, query) else MISSING_PHASE


def _lacks_value(ranked: RankedEntry, query: LeaderboardQuery) -> bool:
    """Whether the ranking is by greenness, and the entry has none."""
    factor = accuracy_factor(ranked.entry.quality, query.weight_in_order)
    return scaled(ranked.place.energy_j, factor) is None


def quality_label(metric: str) -> str:
    """The quality metric's name: "top-1"."""
    return QUALITY_LABELS.get(metric, metric)


def quality(entry: Entry) -> str:
    """An entry's quality with its metric; marked if reported, of the submitter's weights, or below the floor."""
    return f"{percent(entry.quality)} {quality_words(entry)}"


def quality_words(entry: Entry) -> str:
    """A quality's metric and marks, without its figure."""
    marks = {"published": "published", "reported": "reported", "supplied": "on the submitter’s weights"}
    words = [quality_label(entry.quality_metric)]
    words += [marks[note] for note in [quality_note(entry)] if note]
    words += [f"below the floor of {floor_percent(track_floor(entry))}"] if below_floor(entry) else []
    return ", ".join(words)


def quality_marks(entry: Entry) -> list[str]:
    """What a reader must know of a quality that the worker did not make, or that is below the track's floor."""
    below = [f"below this track's floor of {floor_percent(track_floor(entry))}"] if below_floor(entry) else []
    note = quality_note(entry)
    return below + ([QUALITY_NOTES[note]] if note else [])


def quality_note(entry: Entry) -> str:
    """A key of QUALITY_NOTES if the quality is not of the worker's own weights, else empty."""
    by = entry_quality_by(entry)
    return by if by in QUALITY_NOTES else ""


def entry_quality_by(entry: Entry) -> str:
    """Who evaluated an entry's quality: a key of QUALITY_BY."""
    return quality_by(entry.source, entry.quality_provenance, entry.submitters_weights)


def track_floor(entry: Entry) -> float:
    """The default quality floor of an entry's track."""
    return quality_floor(entry.board.track)


def below_floor(entry: Entry) -> bool:
    """Whether an entry is below the default floor of its track, and so ranked only on request."""
    return entry.quality < track_floor(entry)


def trusted(entry: Entry) -> str:
    """Provenance and mode of a total, for a sentence; empty if all of it was metered in full."""
    provenance = {"metered": "", "missing": "excluding missing phases"}.get(entry.provenance, entry.provenance)
    return "".join(f", {words}" for words in (provenance, sample(entry.mode, entry.data)) if words)


def track_title(slug: str) -> str:
    """The track's name; the slug if this version does not know the track."""
    return tracks.track_title(slug)
