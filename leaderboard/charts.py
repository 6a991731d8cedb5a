"""Figures for Plotly. They carry roles (`meta`), no colours: static/leaderboard/charts.js paints them with the page's
own tokens, so that a chart follows light and dark."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from leaderboard.domain import ranking
from leaderboard.domain.energy import one_time_energy_j
from leaderboard.models import Entry
from leaderboard.queries import RankedBoard
from leaderboard.templatetags.energy import count, joules

LEAST_EXPONENT, GREATEST_EXPONENT = 0, 13
POINTS_PER_DECADE = 4
# More lines can't be told apart; the champions are always among them.
MOST_LINES = 40
USAGE_INTENSITIES = [
    float(f"{10 ** (step / POINTS_PER_DECADE):.4g}")
    for step in range(LEAST_EXPONENT * POINTS_PER_DECADE, GREATEST_EXPONENT * POINTS_PER_DECADE + 1)
]


def energy_figure(ranked: RankedBoard) -> go.Figure:
    """E(N, K) of a board's entries over N, both logarithmic, with the champions' envelope and its crossings.

    The first shape is the marker at the reader's usage intensity.
    """
    query = ranked.query
    entries = {row.entry.pk: row.entry for row in ranked.rows}
    champions = [champion for champion in ranked.champions if champion.key in entries]
    drawn = list(dict.fromkeys([*(int(champion.key) for champion in champions), *entries]))[:MOST_LINES]
    winners = {int(champion.key) for champion in champions}
    figure = go.Figure()
    for key in drawn:
        figure.add_trace(_line(entries[key], query.shared_by, "champion" if key in winners else "entry"))
    if champions:
        figure.add_trace(_envelope(champions, entries, query.shared_by))
        figure.add_trace(_crossings(champions, entries, query.shared_by))
    figure.update_layout(
        template="none",
        meta={"drawn": len(drawn), "entries": len(entries)},
        margin={"l": 72, "r": 16, "t": 16, "b": 56},
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis=_axis("Usage intensity, images over the model's life", LEAST_EXPONENT, GREATEST_EXPONENT),
        yaxis={"title": {"text": "Full-cycle energy"}, "type": "log", "exponentformat": "SI", "ticksuffix": "J"},
        shapes=[
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": query.usage_intensity,
                "x1": query.usage_intensity,
                "y0": 0,
                "y1": 1,
                "name": "reader",
            }
        ],
    )
    return figure


def _axis(title: str, least_exponent: int, greatest_exponent: int) -> dict[str, object]:
    exponents = range(least_exponent, greatest_exponent + 1, 3)
    return {
        "title": {"text": title},
        "type": "log",
        "range": [least_exponent, greatest_exponent],
        "tickvals": [10.0**exponent for exponent in exponents],
        "ticktext": [count(10.0**exponent).replace("\u00a0", " ") for exponent in exponents],
    }


def _full_cycle_energy_j(entry: Entry, usage_intensity: float, shared_by: float) -> float:
    energy_j = one_time_energy_j(entry, shared_by) + usage_intensity * entry.inference_energy_j
    return float(f"{energy_j:.4g}")


def _line(entry: Entry, shared_by: float, role: str) -> go.Scatter:
    title = escape(entry.recipe.method.title)
    return go.Scatter(
        x=USAGE_INTENSITIES,
        y=[_full_cycle_energy_j(entry, n, shared_by) for n in USAGE_INTENSITIES],
        mode="lines",
        name=title,
        meta={"role": role, "entry": entry.pk, "complete": entry.complete},
        hovertemplate=f"{title}<br>%{{x:.3s}} images: %{{y:.3s}}J<extra></extra>",
    )


def _envelope(champions: list[ranking.Champion], entries: dict[int, Entry], shared_by: float) -> go.Scatter:
    points: dict[float, float] = {}
    for champion in champions:
        end = champion.to_usage_intensity or math.inf
        inside = [n for n in USAGE_INTENSITIES if champion.from_usage_intensity <= n <= end]
        edges = [n for n in (champion.from_usage_intensity, end) if 1 <= n <= USAGE_INTENSITIES[-1]]
        for n in (*inside, *edges):
            points[n] = _full_cycle_energy_j(entries[int(champion.key)], n, shared_by)
    xs = sorted(points)
    return go.Scatter(
        x=xs,
        y=[points[n] for n in xs],
        mode="lines",
        meta={"role": "envelope"},
        hoverinfo="skip",
        name="Least energy",
    )


def _crossings(champions: list[ranking.Champion], entries: dict[int, Entry], shared_by: float) -> go.Scatter:
    """The usage intensities where the winner changes, within the chart."""
    seen = [c for c in champions if 1 <= c.from_usage_intensity <= USAGE_INTENSITIES[-1]]
    titles = [entries[int(c.key)].recipe.method.title for c in seen]
    energies_j = [_full_cycle_energy_j(entries[int(c.key)], c.from_usage_intensity, shared_by) for c in seen]
    return go.Scatter(
        x=[c.from_usage_intensity for c in seen],
        y=energies_j,
        mode="markers+text",
        text=[
            f"{count(c.from_usage_intensity)} → {escape(_cut(title))}" for c, title in zip(seen, titles, strict=True)
        ],
        # Neighbours on opposite sides of the line, so that their labels do not run into each other.
        textposition=["top left" if position % 2 == 0 else "bottom right" for position in range(len(seen))],
        meta={"role": "crossings"},
        name="Crossings",
        hovertext=[
            f"from {count(c.from_usage_intensity)} images on: {escape(title)} ({joules(energy_j)})"
            for c, title, energy_j in zip(seen, titles, energies_j, strict=True)
        ],
        hoverinfo="text",
    )


def _cut(title: str, most: int = 20) -> str:
    return title if len(title) <= most else title[: most - 1] + "…"


def escape(text: str) -> str:
    """Plotly reads a few HTML tags in its texts; a method's title is text alone."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "% {")
