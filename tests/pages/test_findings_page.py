"""Every number of the findings is what the arithmetic of this file makes of the stored entries, in order."""

from __future__ import annotations

import html
import math
import random
import re
from itertools import combinations
from statistics import NormalDist, median, quantiles

import pytest
from django.test import Client
from django.utils.http import urlencode

from leaderboard.models import Entry, Method
from leaderboard.presentation.format import count, joules, number, percent, share
from tests.factories import RECIPE, BoardFactory, EntryFactory, make_board
from tests.pages.reading import TAG, text

pytestmark = pytest.mark.django_db

PAGE = "/findings/"
DECADES = [10.0**power for power in range(3, 13)]
USAGES = [1e4, 1e6, 1e8, 1e10, 1e12]
FLOORS = [0.70, 0.75, 0.80, 0.83]
NUMBER = re.compile(r"[−-]?\d[\d,]*(?:\.\d+)?")
ARCHITECTURES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
NAMES = [first + second for first in "ABCDEF" for second in "UVWXYZ"]  # without digits, so that no number is a name's


def make_findings_board(entries: int = 34, seed: int = 11, **board):
    """Networks under several trainings each; some without MACs, without an uncertainty, or with a missing phase."""
    chance = random.Random(seed)
    made = BoardFactory(**{"track": "imagenet-1k", **board})
    for position in range(entries):
        kind = position % len(ARCHITECTURES)
        own_j, shared_j = 10 ** chance.uniform(6, 9), 10 ** chance.uniform(7, 10) if position % 3 == 0 else 0.0
        parts = {"pretrain": shared_j, "finetune": own_j} if shared_j else {"train": own_j}
        if position % 7 == 2:
            parts = {"search": None, **parts}
        phases = [
            {
                "phase": phase,
                "energy_j": energy_j,
                "u95_j": None,
                "provenance": "missing" if energy_j is None else "estimated",
            }
            for phase, energy_j in parts.items()
        ]
        if position % 5 == 1:
            phases[-1]["teacher_energy_j"] = chance.uniform(0.05, 0.6) * own_j
        EntryFactory(
            board=made,
            recipe__method__title=NAMES[position],
            recipe__document=RECIPE | {"model": {"architecture": ARCHITECTURES[kind], "resolution": 224}},
            shared_energy_j=shared_j,
            own_energy_j=own_j,
            inference_energy_j=10 ** chance.uniform(-2, 0.7),
            shared_u95_j=0.4 * shared_j,
            own_u95_j=None if position % 11 == 5 else 0.5 * own_j,
            quality=round(chance.uniform(0.7, 0.88), 3),
            parameters=1_000_000 * (kind + 1) ** 2,
            macs=None if kind == 5 else 10**8 * (7 - kind),
            complete="search" not in parts,
            phases=phases,
        )
    return made


# The test's own arithmetic: nothing of leaderboard.domain.


def stored():
    """Every entry as figures, the better one first."""
    found = []
    for entry in Entry.objects.order_by("-quality", "pk").select_related("recipe__method"):
        known = entry.own_u95_j is not None
        found.append(
            {
                "entry": entry.pk,
                "title": entry.recipe.method.title,
                "f": entry.shared_energy_j + entry.own_energy_j,
                "e": entry.inference_energy_j,
                "uf": math.sqrt(entry.shared_u95_j**2 + entry.own_u95_j**2) if known else None,
                "ue": entry.inference_u95_j,
                "quality": entry.quality,
                "parameters": entry.parameters,
                "macs": entry.macs,
                "network": (entry.recipe.document["model"]["architecture"], entry.parameters, entry.macs),
                "phases": {part["phase"]: part["energy_j"] for part in entry.phases},
                "teacher": [part["teacher_energy_j"] for part in entry.phases if "teacher_energy_j" in part],
                "complete": entry.complete,
            }
        )
    return found


def complete():
    return [line for line in stored() if line["complete"]]


def energy(line, n):
    return line["f"] + n * line["e"]


def tau_b(pairs):
    def sign(value):
        return (value > 0) - (value < 0)

    both = [(sign(a - c), sign(b - d)) for (a, b), (c, d) in combinations(pairs, 2)]
    untied = [sum(x != 0 for x, _ in both), sum(y != 0 for _, y in both)]
    return sum(x * y for x, y in both) / math.sqrt(untied[0] * untied[1])


def taus(n):
    lines = complete()
    return [
        tau_b([(line[name], energy(line, n)) for line in lines if line[name] is not None])
        for name in ("macs", "parameters", "e")
    ]


def choose(lines):
    with_macs = [line for line in lines if line["macs"] is not None]
    chosen = [min(with_macs, key=lambda line: line["macs"])] if with_macs else []
    return [*chosen, *(min(lines, key=lambda line, name=name: line[name]) for name in ("parameters", "e")), lines[0]]


def middle(values):
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[0], median(values), cuts[18]


def draws_of(line):
    chance = random.Random(f"210813465:{line['entry']}")
    levels = [NormalDist().inv_cdf((draw + 0.5) / 400) for draw in range(400)]
    drawn = []
    for value, u95 in ((line["f"], line["uf"]), (line["e"], line["ue"])):
        keyed = sorted((chance.random(), level) for level in levels)
        sigma = math.sqrt(math.log(1 + (u95 / 1.96 / value) ** 2)) if u95 else 0.0
        drawn.append([value * math.exp(sigma * level) for _, level in keyed])
    return drawn


def firmness(lines, n):
    """Champion, the share of draws that it wins, and how many others win one."""
    drawn = {line["entry"]: draws_of(line) for line in lines}
    winners = [min(drawn, key=lambda key: drawn[key][0][i] + n * drawn[key][1][i]) for i in range(400)]
    best = min(lines, key=lambda line: energy(line, n))
    return best, winners.count(best["entry"]) / 400, len({*winners} - {best["entry"]})


# What the page says.


def numbers(said):
    return NUMBER.findall(said.replace("\u00a0", " "))


def section(page, anchor):
    """The text of a finding, without the floor's form and the chart's axes."""
    body = page.partition(f'id="{anchor}"')[2].partition("</section>")[0]
    body = body.partition(">")[2]
    for left_out in ("<form.*?</form>", "<svg.*?</svg>"):
        body = re.sub(left_out, "", body, flags=re.DOTALL)
    return " ".join(html.unescape(TAG.sub(" ", body)).split())


def said_in(client, anchor, address=PAGE):
    answer = client.get(address)
    assert answer.status_code == 200
    return numbers(section(answer.content.decode(), anchor))


def written(*parts):
    return numbers(" ".join(parts))


def two_digits(value):
    said = f"{value:.2f}".replace("-", "−")
    return "0.00" if said == "−0.00" else said


def test_orders(client: Client) -> None:
    make_findings_board()
    first, last = taus(1e3), taus(1e12)
    expected = ["1,000", *map(two_digits, first), count(1e12), *map(two_digits, last)]
    for n in DECADES:
        expected += [count(n), *map(two_digits, taus(n))]
    expected += ["1 0 −1", str(len(complete()))]
    assert said_in(client, "orders") == written(*expected)


@pytest.mark.parametrize("floor", [None, 0.8, 0.701])
def test_choices(client: Client, floor) -> None:
    make_findings_board()
    used = 0.7 if floor is None else floor
    lines = [line for line in complete() if line["quality"] >= used]
    chosen = choose(lines)
    least = {n: min(lines, key=lambda line, n=n: energy(line, n)) for n in DECADES}
    factors = {n: [energy(line, n) / energy(least[n], n) for line in chosen] for n in DECADES}
    expected = [str(len(lines)), percent(used), "top-1"]
    for position in range(len(chosen)):
        worst = max(DECADES, key=lambda n, position=position: factors[n][position])
        expected += [number(factors[worst][position]), count(worst)]
    expected += [percent(used), "top-1"]
    for n in DECADES:
        expected += [count(n), *map(number, factors[n])]
    address = PAGE if floor is None else f"{PAGE}?min_quality={floor}"
    # A hyphen before a digit is read as a sign, here as there: "top-1".
    assert said_in(client, "choices", address) == written(*expected)
    words = section(client.get(address).content.decode(), "choices")
    for line in [*chosen, *least.values()]:
        assert line["title"] in words


def test_overtaking(client: Client) -> None:
    make_findings_board()
    lines = complete()
    low, half, high = middle([line["f"] / line["e"] for line in lines])
    expected = [str(len(lines)), count(half), count(low), count(high), count(half)]
    for n in DECADES:
        expected += [count(n), share(sum(n * line["e"] > line["f"] for line in lines) / len(lines))]
    assert said_in(client, "overtaking") == written(*expected)


def test_trainings(client: Client) -> None:
    make_findings_board()
    groups: dict = {}
    for line in complete():
        groups.setdefault(line["network"], []).append(line)
    widest = max(
        (group for group in groups.values() if len(group) >= 3),
        key=lambda group: max(line["f"] for line in group) / min(line["f"] for line in group),
    )
    widest.sort(key=lambda line: line["f"])
    cheapest, dearest = widest[0], widest[-1]
    expected = [str(len(widest)), count(cheapest["parameters"])]
    expected += [] if cheapest["macs"] is None else [count(cheapest["macs"])]
    expected += [number(dearest["f"] / cheapest["f"]), joules(dearest["f"]), joules(cheapest["f"])]
    expected += [percent(dearest["quality"]), percent(cheapest["quality"])]
    for line in widest:
        expected += [joules(line["f"]), number(line["f"] / cheapest["f"]), percent(line["quality"])]
        expected += [count(line["f"] / line["e"])]
    assert said_in(client, "trainings") == written(*expected)
    assert cheapest["network"][0] in section(client.get(PAGE).content.decode(), "trainings")


def test_phases(client: Client) -> None:
    make_findings_board()
    lines = stored()
    table, sentences = [], []
    for phase in ("search", "pretrain", "train", "compress", "finetune"):
        having = [line for line in lines if line["complete"] and line["phases"].get(phase) is not None]
        missing = sum(phase in line["phases"] and line["phases"][phase] is None for line in lines)
        if not having and not missing:
            continue
        if having:
            low, half, high = middle([line["phases"][phase] / line["f"] for line in having])
            total = joules(median([line["f"] for line in having]))
            table += [count(len(having)), share(half), share(low), share(high), total, count(missing)]
            sentences += [share(half), count(len(having)), total] if phase != "train" else []
        else:
            table += ["0", count(missing)]
    taught = [line for line in lines if line["complete"] and line["teacher"]]
    low, half, high = middle([line["teacher"][0] / line["f"] for line in taught])
    total = joules(median([line["f"] for line in taught]))
    table += [count(len(taught)), share(half), share(low), share(high), total]
    sentences += [share(half), count(len(taught)), total]
    incomplete = sum(not line["complete"] for line in lines)
    searched = sum("search" in line["phases"] for line in lines)
    sentences += [str(incomplete), str(len(lines)), str(searched)]
    assert incomplete
    assert said_in(client, "phases") == written(*sentences, *table)


def test_champions(client: Client) -> None:
    make_findings_board()
    cells = []
    for floor in FLOORS:
        lines = [line for line in complete() if line["quality"] >= floor]
        cells += [(floor, n, *firmness(lines, n)) for n in USAGES]
    different = len({best["entry"] for _, _, best, _, _ in cells})
    expected = ["20", str(different)]
    for floor, n, _, part, _ in (max(cells, key=lambda cell: cell[3]), min(cells, key=lambda cell: cell[3])):
        expected += [percent(floor), count(n), share(part)]
    for floor, n, best, part, others in cells:
        expected += [percent(floor), count(n), joules(energy(best, n)), share(part), str(others)]
    expected += ["400", str(sum(line["uf"] is None for line in complete()))]
    assert said_in(client, "champions") == written(*expected)
    assert len({part for *_, part, _ in cells}) > 3, "a board on which nothing is in doubt tests nothing"


def test_lines_of_a_chart_are_where_their_figures_are(client: Client) -> None:
    make_findings_board()
    page = client.get(PAGE).content.decode()
    drawn = page.partition('aria-labelledby="orders-plot-title')[2].partition("</svg>")[0]
    ticks = [float(tick.replace("−", "-")) for tick in re.findall(r'tick-y"[^>]*>(.*?)<', drawn)]
    lowest, highest = min(ticks), max(ticks)
    for key, position, mark in (("macs", 0, "cy"), ("parameters", 1, "y"), ("inference_j", 2, "cy")):
        line = drawn.partition(f"series-{key}")[2].partition("</g>")[0]
        shown = [float(at) for at in re.findall(rf'<(?:rect|circle|ellipse)[^>]*\s{mark}="([\d.]+)%"', line)]
        heights = [100 * (highest - taus(n)[position]) / (highest - lowest) for n in DECADES]
        assert shown == pytest.approx(heights, abs=0.006)
        assert line.count("<line") == len(DECADES) - 1


def test_api_says_the_same(client: Client) -> None:
    board = make_findings_board()
    found = client.get("/api/v1/findings?min_quality=0.8").json()
    lines = [line for line in complete() if line["quality"] >= 0.8]
    assert (found["track"], found["revision"]) == ("imagenet-1k", board.revision)
    assert (found["entries"], found["complete"], found["eligible"]) == (34, len(complete()), len(lines))
    assert [one["usage_intensity"] for one in found["orders"]] == DECADES
    for one in found["orders"]:
        shown = [one["macs"], one["parameters"], one["inference_energy_j"]]
        assert shown == pytest.approx(taus(one["usage_intensity"]), abs=1e-12)
    chosen = dict(zip(("macs", "parameters", "inference_energy_j", "quality"), choose(lines), strict=True))
    assert {rule: one["entry"] for rule, one in found["choices"].items()} == {
        rule: line["entry"] for rule, line in chosen.items()
    }
    for cost in found["costs"]:
        n = cost["usage_intensity"]
        best = min(lines, key=lambda line, n=n: energy(line, n))
        assert (cost["entry"], cost["method"]) == (best["entry"], best["title"])
        assert cost["full_cycle_energy_j"] == pytest.approx(energy(best, n))
        assert cost["factors"] == pytest.approx({r: energy(c, n) / energy(best, n) for r, c in chosen.items()})
    assert found["overtaking"]["median"] == pytest.approx(median(line["f"] / line["e"] for line in complete()))
    (one,) = [c for c in found["champions"] if (c["min_quality"], c["usage_intensity"]) == (0.8, 1e8)]
    best, part, others = firmness(lines, 1e8)
    assert (one["entry"], one["share"], one["rivals"]) == (best["entry"], part, others)


def test_every_link_leads_to_a_view_of_this_board(client: Client) -> None:
    board = make_findings_board()
    page = client.get(PAGE).content.decode()
    sections = page.partition('<section class="finding"')[2]
    views = {html.unescape(link) for link in re.findall(r'href="(/\?[^"]*)"', sections)}
    assert len(views) > 20
    for view in views:
        assert f"hardware={board.hardware.slug}" in view
        assert "track=imagenet-1k" in view
    # Each once: the second time a page comes as it is kept, without a context.
    for view in {*sorted(views)[:3], *(view for view in views if "missing" in view or "sort=" in view)}:
        answer = client.get(view)
        assert answer.status_code == 200
        assert answer.context["notices"] == []
    entries = {int(pk) for pk in re.findall(r'href="/entries/(\d+)/"', sections)}
    assert entries <= {line["entry"] for line in stored()}


def test_another_track_has_floors_of_its_own(client: Client) -> None:
    make_findings_board(track="cifar10")
    qualities = sorted(line["quality"] for line in complete())
    cuts = quantiles(qualities, n=4, method="inclusive")
    floors = [math.floor(value * 1000) / 1000 for value in (qualities[0], *cuts)]
    found = client.get("/api/v1/findings").json()
    assert list(dict.fromkeys(one["min_quality"] for one in found["champions"])) == floors
    assert found["min_quality"] == 0.6
    assert found["champions"][0]["full_cycle_energy_j"] == min(energy(line, 1e4) for line in complete())


def test_the_fullest_board_unless_asked_for_another(client: Client) -> None:
    make_findings_board()
    other = make_board(8, hardware__slug="test-gpu")
    assert "Test Cpu" in text(client.get(PAGE))
    asked = client.get(f"{PAGE}?{urlencode({'track': 'digits', 'hardware': 'test-gpu'})}")
    assert "Test Gpu" in text(asked)
    assert asked.context["board"] == other
    assert "?track=imagenet-1k" in html.unescape(asked.content.decode())


def test_a_change_is_seen(client: Client) -> None:
    board = make_findings_board()
    before = client.get("/api/v1/findings").json()
    Entry.objects.filter(pk=before["champions"][0]["entry"]).update(own_energy_j=1e12)
    board.revision += 1
    board.save()
    assert client.get("/api/v1/findings").json()["champions"][0]["entry"] != before["champions"][0]["entry"]


def test_read_once_a_change(client: Client, django_assert_num_queries) -> None:
    make_findings_board()
    client.get(PAGE)
    with django_assert_num_queries(2):  # the board, and the list of boards
        client.get(PAGE)


@pytest.mark.parametrize("complete_ones", [0, 1, 4])
def test_too_few_complete_entries(client: Client, complete_ones) -> None:
    board = make_board(complete_ones, track="imagenet-1k")
    EntryFactory(board=board, complete=False)
    said = text(client.get(PAGE))
    words = {0: "No entries are complete", 1: "1 entry is complete", 4: "4 entries are complete"}[complete_ones]
    of = f"of {complete_ones + 1} at or above the quality floor of 70 %"
    assert f"{words} on this board, {of}. Findings need at least 5" in said
    assert "Kendall" not in said
    found = client.get("/api/v1/findings").json()
    assert (found["complete"], found["orders"], found["champions"], found["overtaking"]) == (
        complete_ones,
        [],
        [],
        None,
    )


def test_a_site_without_entries(client: Client) -> None:
    assert "This site has no entries yet" in text(client.get(PAGE))
    found = client.get("/api/v1/findings")
    assert (found.status_code, found.json()["complete"], found.json()["track"]) == (200, 0, None)


def test_a_floor_that_nobody_reaches(client: Client) -> None:
    make_findings_board()
    assert "No complete entry reaches 99.0 % top-1" in text(client.get(f"{PAGE}?min_quality=0.99")).replace(
        "\xa0", " "
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("min_quality=101", "“min_quality” was reset to its default: is '101', but must be a number from 0 to 1"),
        ("min_quality=abc", "“min_quality” was reset to its default"),
        ("scope=world", "“scope” was reset to its default"),
        ("track=nowhere", "“track” was reset to its default"),
        ("usage_intensity=5", "“usage_intensity” is not a parameter of this page and was ignored."),
        ("colour=%3Cb%3E", "“colour” is not a parameter of this page and was ignored."),
        ("hardware=test-gpu", "There are no results for this track, hardware, scenario and scope yet"),
    ],
)
def test_bad_parameters_are_named_on_the_page(client: Client, query, words) -> None:
    make_findings_board(entries=8)
    answer = client.get(f"{PAGE}?{query}")
    assert answer.status_code == 200
    assert words in text(answer)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("min_quality=101", "min_quality"),
        ("min_quality=nan", "min_quality"),
        ("scope=world", "scope"),
        ("track=nowhere", "track"),
        ("hardware=test-gpu", "hardware"),
        ("usage_intensity=5", "usage_intensity"),
        ("min_quality=0.1&min_quality=0.2", "min_quality"),
    ],
)
def test_bad_parameters_are_named_by_the_api(client: Client, query, field) -> None:
    make_findings_board(entries=8)
    answer = client.get(f"/api/v1/findings?{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_names_do_no_harm(client: Client) -> None:
    make_findings_board()
    Method.objects.update(title="<script>alert(1)</script>")
    page = client.get(PAGE).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
