"""The controls of the leaderboard as they are shown: numbers with what is wrong with them, presets, assumptions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from leaderboard.domain.quality import typed_percent
from leaderboard.domain.typed_number import Unreadable, read_number, shortened
from leaderboard.domain.usage import RATE_UNITS, USAGE_PRESETS
from leaderboard.forms.numbers import LimitField, PriceField, QualityField
from leaderboard.forms.page_query import OF_RATE, TYPED, PageQuery
from leaderboard.models import Board, Scope
from leaderboard.presentation import prices, summary
from leaderboard.presentation.format import count, images
from leaderboard.presentation.usage_range import usage_range
from leaderboard.queries import RankedBoard
from measurement.tracks import TRACKS, Track, find_track


@dataclass(frozen=True, slots=True)
class Number:
    """A number's field. `value`: its text; `error`: why it can't be taken, empty if it can; `good`: the
    number that is in force. `allowed`: what it takes, in words."""

    name: str
    value: str
    good: str
    allowed: str
    error: str = ""
    decimal_comma: bool = False


def numbers(asked: PageQuery) -> dict[str, Number]:
    """Every number that a reader types, by name."""
    query, view = asked.query, asked.view
    good = {constraint.parameter: f"{limit:.15g}" for constraint, limit in query.limits} | {
        "usage_intensity": f"{query.usage_intensity:.15g}",
        "shared_by": f"{query.shared_by:.15g}",
        "min_quality": typed_percent(query.min_quality),
        "accuracy_weight": f"{query.accuracy_weight:.15g}",
        "pue": f"{view.pue:.15g}",
        "rate": "" if view.rate is None else f"{view.rate:.15g}",
        "years": "" if view.years is None else f"{view.years:.15g}",
        "n_from": "" if view.n_from is None else f"{view.n_from:.15g}",
        "n_to": "" if view.n_to is None else f"{view.n_to:.15g}",
        "price_per_kwh": "" if view.price_per_kwh is None else f"{view.price_per_kwh:.15g}",
    }
    return {
        name: Number(
            name,
            value=asked.typed.get(name, good.get(name, "")),
            good=good.get(name, ""),
            allowed=field.allowed,
            error=_error(asked, name),
            decimal_comma=field.decimal_comma,
        )
        for name, field in TYPED.items()
    }


def _error(asked: PageQuery, name: str) -> str:
    """Why a typed number can't be taken, as controls.js says it."""
    if name not in asked.typed:
        return ""
    typed, field = asked.typed[name], TYPED[name]
    message = next(message for fault, message in asked.faults if fault == name)
    if not typed.strip():  # the other half of a rate, or of a range
        return f"{message[0].upper()}{message[1:]}."
    if name == "n_to" and message.startswith("n_to"):
        return f"Can't take “{shortened(typed)}”: {message}."
    why = ""
    if not isinstance(field, QualityField | PriceField | LimitField):
        try:
            read_number(typed, decimal_comma=field.decimal_comma)
        except Unreadable as refused:
            why = f" ({refused.why})" if refused.why else ""
    return f"Can't take “{shortened(typed)}”{why}: it must be {field.allowed}."


def presets(asked: PageQuery) -> list[dict[str, Any]]:
    """Usage intensities with a name, each with what it stands for and the link that sets it."""
    view = asked.view.on(**dict.fromkeys(OF_RATE[::2]), per="second")
    return [
        {
            "name": preset.name,
            "images": count(preset.usage_intensity),
            "stands_for": preset.stands_for,
            "value": f"{preset.usage_intensity:.0f}",
            "url": "?"
            + replace(asked, query=asked.query.on(usage_intensity=preset.usage_intensity), view=view).parameters(),
            "chosen": preset.usage_intensity == asked.query.usage_intensity,
        }
        for preset in USAGE_PRESETS
    ]


def rate_units(asked: PageQuery) -> list[tuple[str, str, bool]]:
    """What a rate may be per, as (value, label, chosen)."""
    return [
        (unit, f"{'images' if unit == 'second' else 'requests'} per {unit}", unit == asked.view.per)
        for unit in RATE_UNITS
    ]


def usage_range_fields(asked: PageQuery, ranked: RankedBoard) -> dict[str, Any]:
    """The range of a usage intensity that the reader does not know, the answer for it, and its link."""
    view = asked.view
    typed = numbers(asked)
    given = (("n_from", "Least usage", view.n_from), ("n_to", "Greatest usage", view.n_to))
    return {
        "ends": [
            {
                "name": name,
                "label": label,
                "number": typed[name],
                "exponent": f"{math.log10(end or 1):.15g}",
                "words": "" if end is None else images(end),
            }
            for name, label, end in given
        ],
        "answer": usage_range(ranked, view.usage_range, view) if view.usage_range else [],
        "url": "?" + asked.parameters(),
    }


def assumptions(asked: PageQuery, board: Board | None) -> dict[str, str]:
    """The assumptions in force in a few words each."""
    return {
        "scope": board.scope if board else asked.query.scope or Scope.ACCELERATOR,
        "shared_by": prices.sharing(asked.query),
        "pue": f"PUE {asked.view.pue:.15g}",
        "region": asked.view.grid.name,
        "price": prices.words(asked.view) or "no price",
        "intensity": f"{asked.view.grid.intensity_g_per_kwh:g}\u00a0g/kWh",
    }


def floor(asked: PageQuery, ranked: RankedBoard) -> dict[str, str]:
    """The quality floor in force, the track's own with its reason, and the link that removes it or puts it back."""
    query, board = ranked.query, ranked.board
    track = find_track(board.track) if board else None
    removed = None if not query.floor else 0.0
    return {
        "placeholder": typed_percent(query.default_floor),
        "default": f"{query.default_floor or 0.0:.15g}",
        "reason": track.floor_reason if track else "",
        "below": summary.below_words(ranked.below_floor),
        "url": "?" + replace(asked, query=query.on(min_quality=removed)).parameters(),
        "link_words": summary.floor_link_words(query),
    }


def evaluated(asked: PageQuery) -> dict[str, Any]:
    """The link that shows only evaluated qualities, or all again."""
    chosen = asked.query.quality_by == ("evaluated",)
    query = asked.query.on(quality_by=() if chosen else ("evaluated",))
    return {"chosen": chosen, "url": "?" + replace(asked, query=query).parameters()}


def empty_tracks(known: list[Board]) -> list[dict[str, Any]]:
    """The tracks that have no results: slug and title; `is_open` if each data set is a board of its own."""
    filled = {board.track for board in known}
    return [
        {"slug": track.slug, "title": track.title, "is_open": not isinstance(track, Track)}
        for track in TRACKS.values()
        if not any(key == track.slug or key.startswith(f"{track.slug}-") for key in filled)
    ]
