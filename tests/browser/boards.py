"""Boards of every kind of entry, and what a page shows of them."""

from __future__ import annotations

import random
import urllib.request
from typing import Any
from urllib.parse import urljoin

from django.db import transaction
from playwright.sync_api import Page

from leaderboard.models import FAMILIES, Board, Claim
from tests.factories import EntryFactory, MethodFactory, RecipeFactory, make_board
from tests.waiting import HANG_S

SHOWN = """
() => {
  const text = (node) => node.textContent.replace(/\\s+/g, " ").trim();
  const slots = (row) => Object.fromEntries(
    [...row.querySelectorAll("[data-slot]")].map((node) => [
      node.dataset.slot,
      [text(node), node.title, node.className, node.getAttribute("aria-label"), node.getAttribute("href")],
    ]));
  const bars = (row) => [...row.querySelectorAll(".bar i")].map((part) => [part.className, part.style.width]);
  return {
    rows: [...document.querySelectorAll("#rows tr")].map((row) => ({
      entry: Number(row.dataset.entry), ...slots(row), bars: bars(row),
    })),
    summary: text(document.getElementById("summary")),
    following: text(document.getElementById("following")),
    floor: ["floor-line", "evaluated-link"].map((id) => text(document.getElementById(id))),
    evaluatedOnly: document.getElementById("evaluated-link").ariaCurrent,
    links: [...document.querySelectorAll("#summary a, #following a")].map((link) => link.getAttribute("href")),
    usage: text(document.getElementById("usage_words")),
    title: text(document.querySelector("h1")),
    worth: text(document.getElementById("worth")),
    why: text(document.getElementById("why")),
    winners: text(document.querySelector(".crossings caption")),
    heads: [...document.querySelectorAll("th[data-column]")].filter((head) => !head.hidden).map(text),
    crossings: [...document.querySelectorAll("#crossings tr")].map(
      (row) => [[...row.cells].map(text), row.ariaCurrent]),
    total: document.getElementById("board").getAttribute("aria-rowcount"),
    indices: [...document.querySelectorAll("#rows tr")].map((row) => row.getAttribute("aria-rowindex")),
    presets: [...document.querySelectorAll("[data-usage][aria-current]")].map((link) => link.dataset.usage),
  };
}
"""
ORDER = "() => [...document.querySelectorAll('#rows tr')].map((row) => Number(row.dataset.entry))"
WARNINGS = "() => document.querySelectorAll('.notice-warning').length"
IN_ANSWER = """
(html) => {
  const document = new DOMParser().parseFromString(html, "text/html");
  return (%s)();
}
"""


@transaction.atomic
def make_varied_board(entries: int = 14, seed: int = 7) -> Board:
    """Entries with and without searches, uncertainties, missing phases, meters; some equal, half below the floor."""
    chance = random.Random(seed)
    board = make_board(5)
    for position in range(entries - 5):
        own_energy_j = 10 ** chance.uniform(0, 7)
        shared_energy_j = chance.choice([0.0, 10 ** chance.uniform(2, 9)])
        provenance = chance.choice(["metered", "estimated", "extrapolated"])
        is_complete = position % 4 != 3
        phases = [{"phase": "train", "energy_j": own_energy_j, "u95_j": None, "provenance": provenance}]
        if shared_energy_j:
            search = {"phase": "search", "energy_j": shared_energy_j, "u95_j": None, "provenance": "reported"}
            phases.insert(0, search)
        if not is_complete:
            phases.append({"phase": "finetune", "energy_j": None, "u95_j": None, "provenance": "missing"})
        EntryFactory(
            board=board,
            recipe=RecipeFactory(method__title=f"Varied {position}", method__family=list(FAMILIES)[position % 9]),
            own_energy_j=own_energy_j,
            shared_energy_j=shared_energy_j,
            inference_energy_j=10 ** chance.uniform(-6, 1),
            own_u95_j=chance.choice([None, own_energy_j * 0.4]),
            shared_u95_j=chance.choice([None, shared_energy_j * 0.1]) if shared_energy_j else 0.0,
            metered_own_j=own_energy_j if provenance == "metered" else 0.0,
            inference_provenance=provenance,
            provenance=provenance if is_complete else "missing",
            complete=is_complete,
            quality=chance.choice([0.0, *(round(chance.uniform(0.9, 1), 3) for _ in range(5))]),
            quality_provenance=chance.choice(["evaluated", "reported"]),
            mode="sampled" if position % 3 == 0 else "full",
            data="synthetic" if position % 6 == 0 else "track",
            submitters_weights=position % 4 == 0,
            results=1 + position % 3,
            phases=phases,
        )
    twin = board.entries.last()
    twin.recipe, twin.pk = RecipeFactory(method__title="Twin", method__family=twin.recipe.method.family), None
    twin.work = twin.recipe.work
    twin.save()
    Claim.objects.create(work=twin.work, method=MethodFactory(title="The other's twin"))
    return board


def shown(page: Page) -> dict[str, Any]:
    """All that the leaderboard page says: rows with their titles and bars, summary, winners, pages."""
    return page.evaluate(SHOWN)


def order(page: Page) -> list[int]:
    """The entries' numbers from the top."""
    return page.evaluate(ORDER)


def answered(page: Page, address: str, script: str = SHOWN) -> Any:
    """What `script` reads from the site's answer at `address`: what a browser without JavaScript would show.

    The page's browser parses the answer, and draws nothing of it: a whole visit is ten times the work.
    """
    with urllib.request.urlopen(urljoin(page.url, address), timeout=HANG_S) as answer:
        return page.evaluate(IN_ANSWER % script, answer.read().decode())
