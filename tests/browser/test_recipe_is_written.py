"""The editor of the submit page: errors next to their lines, completion, the keyboard, drafts in two tabs."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from tests.factories import WorkerFactory

KEPT = "JSON.parse(localStorage.getItem(Object.keys(localStorage)[0])).text"


@pytest.fixture(autouse=True)
def _fresh_throttle():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def writer(reader, alice) -> Page:
    """Alice at the submit page, its editor ready."""
    WorkerFactory()
    reader.sign_in(alice)
    reader.open("/submit/")
    expect(reader.page.locator(".ace_line").first).to_be_visible()
    return reader.page


def text_of(page: Page) -> str:
    return page.locator("#id_document").input_value()


def test_errors_and_completion_are_where_one_writes(writer):
    page = writer
    editor = page.locator(".recipe-ace")
    page.evaluate(
        "document.querySelector('.recipe-ace').env.editor.setValue('schema_version: 1\\nmethod:\\n  ti', 1)"
    )
    editor.click(position={"x": 300, "y": 200})
    page.keyboard.type("t")
    expect(page.locator(".ace_autocomplete")).to_contain_text("title")
    page.keyboard.press("Enter")
    page.keyboard.type("A network\nfamily: ")
    # The form has read what was written: words offered for "family" come no more.
    expect(page.get_by_label("Title")).to_have_value("A network")
    page.keyboard.type("pru")
    expect(page.locator(".ace_autocomplete")).to_contain_text("pruning")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Family")).to_have_value("pruning")
    expect(page.locator(".line-fault")).to_contain_text("track: is required")
    expect(page.get_by_text("Line 1", exact=True).first).to_be_visible()
    page.evaluate(
        "document.querySelector('.recipe-ace').env.editor"
        ".setValue('phases:\\n  - technique: quantization\\n    scheme: ', 1)"
    )
    page.locator(".recipe-ace .ace_content").click(position={"x": 300, "y": 200})
    page.keyboard.press("Control+Space")
    expect(page.locator(".ace_autocomplete")).to_contain_text("int8_static")
    page.keyboard.press("Escape")


def test_enter_takes_the_whole_word_from_a_hand_faster_than_the_list(writer):
    page = writer
    page.evaluate(
        "document.querySelector('.recipe-ace').env.editor.setValue('schema_version: 1\\nmethod:\\n  family: ', 1)"
    )
    page.locator(".recipe-ace .ace_content").click(position={"x": 300, "y": 200})
    page.keyboard.type("pr")
    expect(page.locator(".ace_autocomplete")).to_contain_text("pruning")
    # Both in one task: the list has had no moment to be filtered by the letter.
    page.evaluate(
        """() => {
          const { editor } = document.querySelector('.recipe-ace').env;
          editor.execCommand('insertstring', 'u');
          editor.completer.insertMatch();
        }"""
    )
    expect(page.get_by_label("Family")).to_have_value("pruning")
    assert text_of(page).endswith("family: pruning")


def test_the_keyboard_gets_in_and_out_and_cards_move(writer):
    page = writer
    page.get_by_label("Another phase").select_option(label="Quantization to 8 bits")
    page.get_by_role("button", name="Add it").click()
    earlier = page.get_by_role("button", name="Move Quantization to 8 bits earlier")
    earlier.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Move Quantization to 8 bits later")).to_be_focused()
    expect(page.locator(".line-fault")).to_contain_text(["needs trained weights"])
    assert text_of(page).index("quantization") < text_of(page).index("supervised")
    assert "# any name of timm.list_models()" in text_of(page)

    scroller = page.locator(".recipe-ace .ace_scroller")
    scroller.focus()
    page.keyboard.press("Enter")
    inside = page.locator(".recipe-ace textarea")
    expect(inside).to_be_focused()
    expect(inside).to_have_attribute("aria-label", re.compile("Recipe as text"))
    page.keyboard.press("Tab")
    expect(inside).to_be_focused()
    page.keyboard.press("Escape")
    expect(scroller).to_be_focused()
    page.keyboard.press("Tab")
    expect(inside).not_to_be_focused()
    expect(scroller).not_to_be_focused()


def test_a_card_s_button_is_never_overtaken_by_a_check_of_what_was_typed(writer):
    page = writer
    page.get_by_label("Another phase").select_option(label="Quantization to 8 bits")
    page.get_by_role("button", name="Add it").click()
    earlier = page.get_by_role("button", name="Move Quantization to 8 bits earlier")
    expect(earlier).to_be_visible()
    held = []

    def hold(route):
        if "up:1" in (route.request.post_data or ""):
            held.append(route)
            page.evaluate("new Promise((resolve) => setTimeout(resolve, 3 * 400))")  # in which a check would begin
        route.continue_()

    page.route("**/draft/**", hold)
    page.locator(".recipe-ace textarea").press("Control+End")
    page.keyboard.type("# more")
    earlier.press("Enter")
    expect(page.get_by_role("button", name="Move Quantization to 8 bits later")).to_be_focused()
    assert len(held) == 1


QUANTIZATION, PRUNING = "Quantization to 8 bits", "Pruning of channels"


@pytest.fixture
def four_cards(writer) -> Page:
    """The example's training, and three phases more."""
    for title in (QUANTIZATION, PRUNING, "Training"):
        writer.get_by_label("Another phase").select_option(label=title)
        writer.get_by_role("button", name="Add it").click()
        expect(writer.get_by_role("button", name=f"Remove {title}").last).to_be_visible()
    expect(writer.locator(".phase-card")).to_have_count(4)
    return writer


def _click_fast(page: Page, *names: str) -> None:
    """All buttons of the list in one task: the site has had no moment to answer."""
    page.evaluate(
        "names => names.forEach(name => document.querySelector(`.phase-cards [aria-label='${name}']`).click())",
        list(names),
    )


@pytest.mark.parametrize(
    ("clicked", "left"),
    [
        # A double click: the card that comes up is not removed with it.
        ([f"Remove {PRUNING}"] * 2, ["Training", QUANTIZATION, "Training"]),
        ([f"Move {PRUNING} earlier"] * 2, [PRUNING, "Training", QUANTIZATION, "Training"]),
        ([f"Move {QUANTIZATION} earlier", f"Remove {PRUNING}"], [QUANTIZATION, "Training", "Training"]),
        (["Remove Training", f"Move {PRUNING} earlier"], [PRUNING, QUANTIZATION, "Training"]),
    ],
    ids=["removed twice", "moved twice", "moved, then another removed", "removed, then another moved"],
)
def test_a_click_is_for_the_card_that_it_was_made_on(four_cards, clicked, left):
    _click_fast(four_cards, *clicked)
    expect(four_cards.locator(".phase-card h4")).to_have_text(left)


def test_an_answer_that_is_none_holds_up_nothing_after_it(four_cards):
    page, asked = four_cards, []

    def answer(route):
        asked.append(route)
        if len(asked) == 1:
            route.fulfill(status=200, content_type="text/html", body="<h1>Bad gateway</h1>")
        else:
            route.continue_()

    page.route("**/draft/**", answer)
    _click_fast(page, f"Remove {PRUNING}", f"Move {QUANTIZATION} earlier")
    expect(page.locator(".phase-card h4")).to_have_text([QUANTIZATION, "Training", PRUNING, "Training"])


def test_two_tabs_overwrite_nothing_without_a_word(writer, reader):
    first = writer
    first.get_by_label("Title").fill("Of the first tab")
    first.keyboard.press("Enter")
    expect(first.locator(".recipe-ace .ace_content")).to_contain_text("Of the first tab")

    second = reader.context.new_page()
    second.goto("/submit/")
    expect(second.locator("#draft-notice")).to_contain_text("was not submitted")
    second.get_by_label("Title").fill("A text without a choice")
    second.keyboard.press("Enter")
    expect(second.locator(".recipe-ace .ace_content")).to_contain_text("A text without a choice")
    assert "Of the first tab" in second.evaluate(KEPT)
    second.get_by_role("button", name="Go on with it").click()
    expect(second.get_by_label("Title")).to_have_value("Of the first tab")
    second.get_by_label("Title").fill("Of the second tab")
    second.keyboard.press("Enter")
    expect(second.locator(".recipe-ace .ace_content")).to_contain_text("Of the second tab")

    expect(first.locator("#draft-notice")).to_contain_text("Another tab has changed this draft")
    first.get_by_label("Title").fill("Still the first")
    first.keyboard.press("Enter")
    expect(first.locator(".recipe-ace .ace_content")).to_contain_text("Still the first")
    assert "Of the second tab" in first.evaluate(KEPT)
    first.get_by_role("button", name="Take the other tab's text").click()
    expect(first.get_by_label("Title")).to_have_value("Of the second tab")
    second.close()
