"""The browser's modules give Python's answers: on the shared vectors, and on boards that nobody thought of."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pytest

from leaderboard.domain.cost import parse_price
from leaderboard.domain.quality import parse_quality
from leaderboard.domain.ranking import Candidate, champions, rank, weight_in_order
from leaderboard.domain.usage_range import RangeAnswer, over_range

VECTORS = Path(__file__).parents[1] / "vectors"
RANKING, FORMAT = "/static/leaderboard/ranking.js", "/static/leaderboard/format.js"
USAGE_RANGE = "/static/leaderboard/usage_range.js"
BOARDS = 1000

CHECK_VECTORS = """
async ([vectors, ...modules]) => {
  const functions = Object.assign({}, ...(await Promise.all(modules.map((module) => import(module)))));
  return (await import("/vectors/check.mjs")).checkAll(vectors, functions);
}
"""
CHECK_FORMAT = """
async ([vectors, format]) => {
  const written = await import(format);
  const nameOf = { watt_hours: "wattHours", per_megajoule: "perMegajoule", floor_percent: "floorPercent" };
  const wrong = [];
  for (const [rule, cases] of Object.entries(vectors)) {
    if (rule === "about") continue;
    for (const [...given] of cases) {
      const expected = given.pop();
      const actual = written[nameOf[rule] ?? rule](...given);
      if (actual !== expected) wrong.push(`${rule}(${given}) is ${actual}, expected ${expected}`);
    }
  }
  return wrong;
}
"""
RANK_BOARDS = """
async ([boards, ranking, usageRange]) => {
  const { champions, rank, weightInOrder } = await import(ranking);
  const { overRange } = await import(usageRange);
  return JSON.stringify(JSON.parse(boards).map(({ candidates, usageIntensity, range, options }) => ({
    places: rank(candidates, usageIntensity, options),
    champions: champions(candidates, { ...options, accuracyWeight: weightInOrder(options) }),
    range: overRange(candidates, ...range, { ...options, accuracyWeight: weightInOrder(options) }),
  })));
}
"""


@pytest.fixture
def module_page(page):
    """A page of the site, on which its modules may be imported, and the vectors' checker with them."""
    checker = VECTORS / "check.mjs"
    page.route("**/vectors/check.mjs", lambda route: route.fulfill(path=checker, content_type="text/javascript"))
    page.goto("/methodology/")
    return page


def vectors(name: str) -> dict:
    return json.loads((VECTORS / name).read_text("utf-8"))


def test_ranking_vectors_hold(module_page):
    assert module_page.evaluate(CHECK_VECTORS, [vectors("ranking.json"), RANKING, USAGE_RANGE]) == []


def test_format_vectors_hold(module_page):
    assert module_page.evaluate(CHECK_FORMAT, [vectors("format.json"), FORMAT]) == []


CHECK_TYPED_NUMBERS = """
async ([vectors, reader]) => {
  const { readNumber } = await import(reader);
  const wrong = [];
  for (const [rule, cases] of Object.entries(vectors)) {
    if (rule === "about") continue;
    for (const [text, expected] of cases) {
      const { value, why } = readNumber(text, { decimalComma: rule.endsWith("decimal_comma") });
      const actual = Number.isNaN(value) ? why : value;
      if (actual !== expected) wrong.push(`${rule} ${text}: ${actual}, expected ${expected}`);
    }
  }
  return wrong;
}
"""


def test_typed_numbers_are_read_alike(module_page):
    reader = "/static/leaderboard/typed_number.js"
    assert module_page.evaluate(CHECK_TYPED_NUMBERS, [vectors("typed_numbers.json"), reader]) == []


def test_qualities_are_read_alike(module_page):
    """Numbers as people write them, and what only looks like one."""
    chance = random.Random(75)
    signs = ["", "%", " %", "\u00a0%", "percent", " per cent", " PERCENT", "%%", "‰", " x"]
    numbers = [
        "75",
        "0.75",
        ".75",
        "75.",
        "75,5",
        "1",
        "0",
        "100",
        "100.01",
        "-1",
        "+75",
        "7e1",
        "1e-3",
        "0x10",
        "",
        "٧٥",
    ]
    numbers += [f"{chance.uniform(0, 101):.{chance.randrange(9)}f}" for _ in range(200)]
    typed = [chance.choice(["", " "]) + number + chance.choice(signs) for number in numbers for _ in range(3)]
    read = module_page.evaluate(
        "async (typed) => { const { parseQuality } = await import('/static/leaderboard/quality.js');"
        " return typed.map(parseQuality).map((value) => (Number.isNaN(value) ? null : value)); }",
        typed,
    )
    assert dict(zip(typed, read, strict=True)) == {text: quality_or_none(text) for text in typed}


def test_prices_are_read_alike(module_page):
    typed = [
        "",
        " ",
        "0",
        "0.25",
        "0,25",
        ".5",
        ",5",
        "5.",
        "1,500",
        "1500",
        "1e3",
        "-1",
        "+1",
        "٣",
        "1_0",
        "1000000",
        "1000001",
    ]
    typed += [" 0.3 ", "0x10", "abc", "0.25 EUR", "12,34,56", "9" * 400]
    read = module_page.evaluate(
        "async (typed) => { const { parsePrice } = await import('/static/leaderboard/cost.js');"
        " return typed.map(parsePrice).map((value) => (Number.isNaN(value) ? 'unreadable' : value)); }",
        typed,
    )
    assert dict(zip(typed, read, strict=True)) == {text: price_of(text) for text in typed}


def price_of(text: str) -> float | str | None:
    try:
        return parse_price(text) if text.strip() else None
    except ValueError:
        return "unreadable"


def quality_or_none(text: str) -> float | None:
    try:
        return parse_quality(text)
    except ValueError:
        return None


def random_board(chance: random.Random) -> dict:
    """Up to 60 candidates, with equal energies and qualities often enough to need the rules for ties."""

    def energy_j() -> float:
        return chance.choice([0.0, 1.0, 250.0, 10 ** chance.uniform(-6, 12), 10 ** chance.uniform(-6, 12)])

    def u95_j(of_j: float) -> float | None:
        known = [0.0, *(of_j * chance.uniform(0, 0.6) for _ in range(6))]
        return chance.choice([None, *known])

    candidates = []
    for key in chance.sample(range(1000), chance.randrange(61)):
        shared_j, own_j, inference_j = energy_j(), energy_j(), energy_j()
        candidates.append(
            Candidate(
                key=key,
                shared_energy_j=shared_j,
                own_energy_j=own_j,
                inference_energy_j=inference_j,
                shared_u95_j=u95_j(shared_j),
                own_u95_j=u95_j(own_j),
                inference_u95_j=u95_j(inference_j),
                quality=chance.choice([None, 0.0, 0.9, 0.95, round(chance.random(), 3), chance.random()]),
                complete=chance.random() < 0.85,
            )
        )
    options = {
        "shared_by": chance.choice([1, 1, 3, 10 ** chance.uniform(0, 9)]),
        "min_quality": chance.choice([None, None, 0.0, 0.9, chance.random()]),
        "include_incomplete": chance.random() < 0.3,
        "order_by": chance.choice(["energy", "greenness", "greenness", "energy_per_correct"]),
        "accuracy_weight": chance.choice([0, 0.5, 1, 5, 20, 0.1 * chance.randrange(201), 100 * chance.random()]),
    }
    usage_intensity = chance.choice([1.0, 1e6, 1e15, 10 ** chance.uniform(-3, 15)])
    bounds = sorted(10 ** chance.uniform(0, 15) for _ in range(2))
    return {"candidates": candidates, "usage_intensity": usage_intensity, "range": bounds, "options": options}


def floats(results: Iterable[dict]) -> list[dict]:
    """With every number a double, as in the browser; JSON writes large ones as whole numbers."""
    return [{name: value if value is None else float(value) for name, value in result.items()} for result in results]


def test_random_boards_are_ranked_alike_to_the_last_digit(module_page):
    chance = random.Random(2108_13465)
    boards = [random_board(chance) for _ in range(BOARDS)]
    asked = [
        {
            "candidates": [asdict(candidate) for candidate in board["candidates"]],
            "usageIntensity": board["usage_intensity"],
            "range": board["range"],
            "options": {
                "sharedBy": board["options"]["shared_by"],
                "minQuality": board["options"]["min_quality"],
                "includeIncomplete": board["options"]["include_incomplete"],
                "orderBy": board["options"]["order_by"],
                "accuracyWeight": board["options"]["accuracy_weight"],
            },
        }
        for board in boards
    ]
    # As one text each way: Playwright would look at each of a million values.
    answers = json.loads(module_page.evaluate(RANK_BOARDS, [json.dumps(asked), RANKING, USAGE_RANGE]))
    for number, (board, answer) in enumerate(zip(boards, answers, strict=True)):
        places = rank(board["candidates"], board["usage_intensity"], **board["options"])
        given = (
            board["options"]["shared_by"],
            board["options"]["min_quality"],
            weight_in_order(board["options"]["order_by"], board["options"]["accuracy_weight"]),
        )
        winners = champions(board["candidates"], *given)
        assert floats(answer["places"]) == floats(map(asdict, places)), f"board {number}"
        assert floats(answer["champions"]) == floats(map(asdict, winners)), f"board {number}"
        assert_same_range(answer["range"], over_range(board["candidates"], *board["range"], *given), number)


def assert_same_range(answer: dict | None, expected: RangeAnswer | None, number: int) -> None:
    """The mean has a logarithm, whose last digit may differ, and so may a choice between equal means."""
    if answer is None or expected is None:
        assert answer is expected, f"board {number}"
        return
    choices = asdict(expected)
    mean = choices["best_on_average"]["mean_ratio"]
    assert answer["best_on_average"]["mean_ratio"] == pytest.approx(mean, rel=1e-12), f"board {number}"
    assert answer["winners"] == expected.winners
    exact = choices["safest"] | {"mean_ratio": pytest.approx(choices["safest"]["mean_ratio"], rel=1e-12)}
    assert answer["safest"] == exact, f"board {number}"
