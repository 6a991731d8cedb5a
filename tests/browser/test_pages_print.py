"""On paper, A4: the summary, the table, the charts and the address; no controls.

What comes out of the printer is left in build/screenshots/, to be looked at.
"""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest

from tests.browser.boards import make_varied_board
from tests.browser.test_pages_suit_every_reader import SCREENSHOTS, compare, entry

A4_PT = (595, 842)
# Chromium without a window has no dialogue.
COUNT_PRINTS = "window.prints = 0; window.print = () => { window.prints += 1; };"
CONTROLS = ("Sign in", "Save PNG", "Filters", "Assumptions", "Download this view", "Print, with", "Skip to")


def board(_) -> str:
    make_varied_board(80)
    return "/?usage_intensity=20000&min_quality=0"


PRINTED = {"leaderboard": (board, 4), "entry": (entry, 2), "compare": (compare, 2)}


def read(pdf: Path) -> tuple[str, list[tuple[int, int]]]:
    """The words of a PDF without spaces, which lines break, and each page's size in points; leaves pictures."""
    document = pypdfium2.PdfDocument(pdf)
    for number, page in enumerate(document):
        page.render(scale=1.5).to_pil().save(pdf.with_name(f"{pdf.stem}-{number + 1}.png"))
    words = "".join("".join(page.get_textpage().get_text_range().split()) for page in document)
    return words, [(round(page.get_width()), round(page.get_height())) for page in document]


@pytest.mark.parametrize("name", PRINTED)
def test_page_on_paper(open_reader, settings, tmp_path, name):
    settings.MEDIA_ROOT = tmp_path
    make, charts = PRINTED[name]
    reader = open_reader(color_scheme="dark")
    reader.context.add_init_script(COUNT_PRINTS)
    page = reader.page
    reader.open(make(None))
    page.get_by_role("button", name="Print").click()
    page.wait_for_function("() => window.prints === 1")
    assert page.locator(".chart:has(.main-svg)").locator("visible=true").count() == charts
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    pdf = SCREENSHOTS / f"{name}-print.pdf"
    page.pdf(path=pdf, prefer_css_page_size=True)
    words, sizes = read(pdf)
    assert "".join(page.url.split()) in words
    assert [control for control in CONTROLS if "".join(control.split()) in words] == []
    assert set(sizes) == {A4_PT}
    if name == "leaderboard":
        assert "".join(page.locator("#summary").inner_text().split()) in words
        assert words.count("verified·") == 50
    page.wait_for_function("() => !document.documentElement.classList.contains('is-printing')")
