"""The picture that goes with a link to this site: who uses the least energy in the linked view, as a PNG.

Drawn with Pillow, because link previews take no SVG and the web process has no browser. Colours are those of
site.css, so that a phase has one colour here too.
"""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from PIL import Image, ImageDraw, ImageFont

from leaderboard.configuration import BASE_DIR

WIDTH_PX, HEIGHT_PX = 1200, 630
MARGIN_PX = 64
FONTS = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}
STYLE_SHEET = BASE_DIR / "static" / "leaderboard" / "site.css"
# Replacements for a font that lacks them.
SPELLED = {"≥": "at least", "±": "+/-", "µ": "u", "—": "-", "–": "-", "½": "1/2", "×": "x"}

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Card:
    """What the picture says. `figure` and `quality` are large, each with its words below; `bar` holds (phase, share
    of the whole, label) in order; `fallback` names the entry if its title has no character that can be drawn."""

    kicker: str
    title: str
    fallback: str
    figure: str
    detail: str
    bar: tuple[tuple[str, float, str], ...]
    provenance: str
    foot: str
    quality: str = ""
    quality_detail: str = ""


def draw_card(card: Card) -> bytes:
    """A PNG of 1200 by 630 pixels."""
    colours = palette()
    image = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), colours["paper"])
    draw = ImageDraw.Draw(image)
    _wordmark(draw, colours)
    inner_px = WIDTH_PX - 2 * MARGIN_PX
    small, ink, soft = font(28), colours["ink"], colours["ink-soft"]
    draw.text((MARGIN_PX, 128), fitted(drawable(card.kicker, small), small, inner_px), font=small, fill=soft)
    bottom_px = _title(draw, card, ink, inner_px)
    half_px = inner_px // 2
    _figure(draw, (MARGIN_PX, bottom_px), half_px, (card.figure, card.detail), (colours["accent"], soft))
    if card.quality:
        place = (MARGIN_PX + half_px + 24, bottom_px)
        _figure(draw, place, half_px - 24, (card.quality, card.quality_detail), (ink, soft))
    if card.bar:
        _bar(draw, card, colours)
    _foot(draw, card, colours, inner_px)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


@cache
def palette() -> dict[str, str]:
    """The light tokens of the style sheet: name -> "#rrggbb"."""
    tokens: dict[str, str] = {}
    for name, colour in re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})\b", STYLE_SHEET.read_text("utf-8")):
        tokens.setdefault(name, colour)  # the light tokens come first, then the dark ones
    return tokens


@cache
def font(size_px: int, *, bold: bool = False) -> Font:
    """DejaVu Sans if the system has it, because it covers many scripts; else Pillow's own font."""
    try:
        return ImageFont.truetype(FONTS[bold], size_px)
    except OSError:
        return ImageFont.load_default(size_px)


def drawable(text: str, face: Font) -> str:
    """`text` on one line, without characters that the font lacks and without invisible control characters.

    Symbols with a meaning are spelled out, so that a font without "≥" does not turn a lower bound into a measurement.
    """
    return " ".join("".join(_drawn(letter, face) for letter in " ".join(text.split())).split())


def _drawn(letter: str, face: Font) -> str:
    parts = letter if _has(face, letter) else SPELLED.get(letter) or unicodedata.normalize("NFKD", letter)
    return "".join(part for part in parts if part == " " or (_is_visible(part) and _has(face, part)))


def _is_visible(letter: str) -> bool:
    return unicodedata.category(letter) not in {"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me"}


@lru_cache(maxsize=4096)
def _has(face: Font, letter: str) -> bool:
    """Whether the font has a shape of its own for a letter, not the box that replaces missing ones."""
    return bytes(face.getmask(letter)) != bytes(face.getmask("\ufffe"))


def fitted(text: str, face: Font, most_px: float) -> str:
    """`text` cut to a width, with an ellipsis if something was cut off."""
    if face.getlength(text) <= most_px:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = face.getlength(text[:middle].rstrip() + "…") <= most_px
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…"


def two_lines(text: str, face: Font, most_px: float) -> list[str]:
    """`text` on at most two lines, broken between words if possible."""
    if face.getlength(text) <= most_px:
        return [text]
    words, first = text.split(" "), ""
    while words and face.getlength(f"{first} {words[0]}".strip()) <= most_px:
        first = f"{first} {words.pop(0)}".strip()
    if not first:
        first = fitted(text, face, most_px).rstrip("…")
        words = [text[len(first) :]]
    return [first, fitted(" ".join(words), face, most_px)]


@cache
def site_icon() -> bytes:
    """The site's mark as an ICO of 16, 32 and 48 pixels."""
    image = Image.new("RGBA", (192, 192))
    _mark(ImageDraw.Draw(image), (12, 12, 180, 180), 40, palette())
    file = io.BytesIO()
    image.resize((48, 48), Image.Resampling.LANCZOS).save(file, "ICO", sizes=[(size, size) for size in (16, 32, 48)])
    return file.getvalue()


def _mark(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], width_px: int, colours: dict[str, str]) -> None:
    for start, end, phase in ((-86, -20, "search"), (-8, 68, "train"), (80, 262, "inference")):
        draw.arc(box, start, end, fill=colours[phase], width=width_px)


def _wordmark(draw: ImageDraw.ImageDraw, colours: dict[str, str]) -> None:
    _mark(draw, (MARGIN_PX, 52, MARGIN_PX + 40, 92), 9, colours)
    draw.text((MARGIN_PX + 56, 56), "Full-Cycle Energy Leaderboard", font=font(26, bold=True), fill=colours["ink"])


def _title(draw: ImageDraw.ImageDraw, card: Card, ink: str, inner_px: int) -> int:
    """Draw the title, and return where it ends."""
    face = font(60, bold=True)
    title = drawable(card.title, face) or card.fallback
    lines = two_lines(title, face, inner_px)
    for number, line in enumerate(lines):
        draw.text((MARGIN_PX, 176 + 74 * number), line, font=face, fill=ink)
    return 176 + 74 * len(lines)


def _figure(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], most_px: int, words: tuple[str, str], fills: tuple[str, str]
) -> None:
    """A large figure, and small words below it."""
    for text, face, below_px, fill in zip(words, (font(56, bold=True), font(24)), (8, 76), fills, strict=True):
        shown = fitted(drawable(text, face), face, most_px)
        draw.text((place[0], place[1] + below_px), shown, font=face, fill=fill)


def _bar(draw: ImageDraw.ImageDraw, card: Card, colours: dict[str, str]) -> None:
    left_px, top_px, height_px = float(MARGIN_PX), 452, 34
    whole_px = WIDTH_PX - 2 * MARGIN_PX
    draw.rectangle((MARGIN_PX, top_px, MARGIN_PX + whole_px, top_px + height_px), fill=colours["sunken"])
    for phase, share, _ in card.bar:
        right_px = left_px + share * whole_px
        if right_px - left_px >= 1:
            draw.rectangle((left_px, top_px, right_px, top_px + height_px), fill=colours[phase])
        left_px = right_px
    face, at_px = font(24), float(MARGIN_PX)
    for phase, _, words in card.bar:
        label = drawable(words, face)
        if at_px + 34 + face.getlength(label) > WIDTH_PX - MARGIN_PX:
            break
        draw.rectangle((at_px, top_px + 54, at_px + 20, top_px + 74), fill=colours[phase])
        draw.text((at_px + 30, top_px + 50), label, font=face, fill=colours["ink-soft"])
        at_px += 30 + face.getlength(label) + 32


def _foot(draw: ImageDraw.ImageDraw, card: Card, colours: dict[str, str], inner_px: int) -> None:
    face = font(24)
    is_metered = card.provenance == "metered"
    mark = colours["good"] if is_metered else colours["warn"]
    # Never colour alone: metered figures have a filled mark, all others an open one.
    draw.ellipse((MARGIN_PX, 562, MARGIN_PX + 20, 582), fill=mark if is_metered else None, outline=mark, width=3)
    draw.text(
        (MARGIN_PX + 32, 556), fitted(drawable(card.foot, face), face, inner_px - 32), font=face, fill=colours["ink"]
    )
