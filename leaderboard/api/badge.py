"""A badge for a README: full-cycle energy or greenness at a usage intensity, its provenance and its date."""

from __future__ import annotations

from html import escape

from leaderboard.domain.greenness import greenness
from leaderboard.models import Entry
from leaderboard.presentation.format import floor_percent, images, joules, per_megajoule, percent, provenance_words
from leaderboard.presentation.rows import below_floor, track_floor

MOST_CHARACTERS = 32
LABEL_COLOUR, PLAIN_COLOUR, METERED_COLOUR = "#3c4248", "#5b6770", "#1f6f43"
CHARACTER_PX, PADDING_PX, HEIGHT_PX = 6.6, 7, 20


METRICS = ("energy", "greenness")


def energy_badge(entry: Entry, usage_intensity: float, energy_j: float) -> str:
    """The full-cycle energy, as SVG."""
    at_least = "" if entry.complete else "≥ "
    return _badge(entry, f"full-cycle energy, {images(usage_intensity)}", at_least + joules(energy_j))


def greenness_badge(entry: Entry, usage_intensity: float, energy_j: float, accuracy_weight: float) -> str:
    """The greenness with τ = `accuracy_weight`, as SVG. An energy that is a lower bound makes it an upper bound."""
    found = greenness(energy_j, entry.quality, accuracy_weight)
    at_most = "≤ " if found is not None and not entry.complete else ""
    label = f"greenness, τ = {accuracy_weight:.6g}, {images(usage_intensity)}"
    return _badge(entry, label, at_most + per_megajoule(found))


def _badge(entry: Entry, label: str, value: str) -> str:
    """SVG. Text only in system fonts, no script, no style sheet, nothing fetched from elsewhere.

    What is seen says N, the hardware, the figure, its provenance and the track's quality floor; the title names the
    method too.
    """
    hardware = entry.board.hardware.name
    seen = f"{label}, {_short(hardware)}"
    figure = f"{value}, {provenance_words(entry)}, {_quality(entry)}, {entry.published_at:%Y-%m-%d}"
    title = f"{entry.method.title}: {label}: {figure}, on {hardware}"
    label_px, figure_px = _px(seen), _px(figure)
    colour = METERED_COLOUR if entry.provenance == "metered" and not below_floor(entry) else PLAIN_COLOUR
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{label_px + figure_px}" height="{HEIGHT_PX}" '
        f'role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{label_px}" height="{HEIGHT_PX}" fill="{LABEL_COLOUR}"/>'
        f'<rect x="{label_px}" width="{figure_px}" height="{HEIGHT_PX}" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f"{_text(seen, label_px / 2, label_px)}{_text(figure, label_px + figure_px / 2, figure_px)}"
        "</g></svg>\n"
    )


def _quality(entry: Entry) -> str:
    """The quality, and its track's floor if there is one."""
    floor = floor_percent(track_floor(entry))
    if below_floor(entry):
        return f"quality {percent(entry.quality)}, below the quality floor of {floor}"
    return f"quality {percent(entry.quality)}" + (f" (floor {floor})" if track_floor(entry) else "")


def _short(name: str) -> str:
    """A hardware's name at a length that fits a badge; the title has it whole."""
    return name if len(name) <= MOST_CHARACTERS else name[: MOST_CHARACTERS - 1].rstrip() + "…"


def _px(text: str) -> int:
    return round(len(text) * CHARACTER_PX) + 2 * PADDING_PX


def _text(text: str, middle_px: float, width_px: int) -> str:
    # textLength fits the text to its box, whatever font the reader has.
    return f'<text x="{middle_px:g}" y="14" textLength="{width_px - 2 * PADDING_PX}">{escape(text)}</text>'
