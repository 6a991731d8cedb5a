"""Without JavaScript too: what is chosen to compare, ranks at other usages, bars in joules, what is said once."""

from __future__ import annotations

import re

import pytest

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Entry
from leaderboard.presentation.rows import rank_text
from tests.factories import EntryFactory, make_board
from tests.pages.reading import rows, text

pytestmark = pytest.mark.django_db


def bars(response) -> list[tuple[str, list[float]]]:
    """Of each line the class of its bar and the widths of its parts, per cent."""
    body = response.content.decode().partition('id="rows"')[2].partition("</tbody>")[0]
    found = []
    for line in body.split("<tr ")[1:]:
        bar = re.search(r'<span class="(bar[^"]*)".*?</span>', line, re.DOTALL)
        found.append((bar[1], [float(width) for width in re.findall(r"width:([\d.]+)%", bar[0])]))
    return found


def test_choice_is_kept_over_filters_and_pages_and_opens_the_comparison(client):
    board = make_board(60)
    chosen = [entry.pk for entry in board.entries.order_by("pk")][::20]
    names = ",".join(map(str, chosen))
    response = client.get("/", {"chosen": names, "usage_intensity": "5000", "search": "no such name"})
    page = response.content.decode()
    assert rows(response) == []
    # None of them is in the table: the form has them all the same.
    form = page.partition('id="compare-form"')[2].partition("</form>")[0]
    assert re.findall(r'name="entry" value="(\d+)"', form) == [str(entry) for entry in chosen]
    assert f'name="chosen" form="controls" data-most="6" value="{names}"' in form
    assert 'name="usage_intensity" value="5000"' in form
    ranked = queries.ranked_board(LeaderboardQuery(usage_intensity=5000)).find(chosen)
    assert len(re.findall(r"<strong>[\d.]+\xa0[mkM]?J</strong>", form)) == len(ranked) == 3
    # On their own page their checkboxes are ticked; links to other pages, orders and entries carry them along.
    page = client.get("/", {"chosen": names}).content.decode()
    assert page.count(" checked></label></td>") == sum(f'value="{entry}"\n    aria-label' in page for entry in chosen)
    carried = f"chosen={names.replace(',', '%2C')}"
    for place in ("&amp;page=2", "sort=-quality"):
        assert carried in re.search(rf'href="([^"]*{place}[^"]*)"', page.replace("&page", "&amp;page"))[0]
    assert f"?{carried}" in re.search(r'href="(/entries/[^"]*)"', page.partition('id="rows"')[2])[1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"chosen": "1,x"}, "“chosen” was reset to its default: 'x' is not an entry's number"),
        ({"chosen": "1,2,3,4,5,6,7"}, "has 7 entries, but at most 6 can be compared"),
        ({"chosen": "987654"}, "“chosen”: not on this board, so not compared: 987654."),
        ({"at": "1e4,zero"}, "“at” was reset to its default"),
        ({"at": ",".join(f"1e{power}" for power in range(7))}, "7 usage intensities, but at most 6 are shown"),
        ({"bars": "watts"}, "“bars” was reset to its default: 'watts' is not one of joules, shares"),
    ],
)
def test_what_cannot_be_shown_is_said(client, given, words):
    make_board(3)
    response = client.get("/", given)
    assert words in text(response)
    assert len(rows(response)) == 3


def test_ranks_at_other_usages_are_those_of_that_usage(client):
    board = make_board(5)
    EntryFactory(board=board, complete=False, provenance="missing", recipe__method__title="Lacks a phase")
    response = client.get("/", {"at": ["1e3", "1e7, 1e3"], "min_quality": "0"})
    page = response.content.decode()
    heads = re.findall(r'data-column="at"[^>]*data-width[^>]*><a href="([^"]*)"[^>]*>([^<]*)</a>', page)
    assert [words for _, words in heads] == ["At 1,000", "At 10\xa0million"]
    assert "usage_intensity=1000" in heads[0][0]
    body = page.partition('id="rows"')[2].partition("</tbody>")[0]
    for line in body.split("<tr ")[1:]:
        entry = int(re.search(r'data-entry="(\d+)"', line)[1])
        shown = re.findall(r'data-slot="at_rank">([^<]*)<', line)
        for usage, rank in zip((1e3, 1e7), shown, strict=True):
            query = LeaderboardQuery(usage_intensity=usage, min_quality=0.0)
            assert rank == rank_text(queries.ranked_board(query).find([entry])[entry].place)
    # They take the place of the default's less important columns, unless those are asked for.
    assert 'data-slot="carbon"' not in body
    asked = client.get("/", {"at": "1e3", "columns": "rank,energy,carbon"}).content.decode()
    assert 'data-slot="carbon"' in asked.partition('id="rows"')[2].partition("</tbody>")[0]


def test_bars_scale_with_joules_or_show_shares(client):
    make_board(30)
    by_rank = queries.ranked_board(LeaderboardQuery()).rows
    energies = [line.place.energy_j for line in by_rank]
    drawn = bars(client.get("/"))
    for (name, widths), energy_j in zip(drawn, energies, strict=True):
        # The first twenty fit; what is longer is cut.
        assert sum(widths) == pytest.approx(100 * energy_j / energies[19], abs=0.02) or "is-cut" in name
        assert ("is-cut" in name) == (energy_j > energies[19])
    shares = bars(client.get("/", {"bars": "shares"}))
    assert {round(sum(widths)) for _, widths in shares} == {100}
    assert {name for name, _ in shares} == {"bar"}


@pytest.mark.parametrize(
    ("changed", "said", "left_out"),
    [
        ({}, ["isEstimated", "isUnmetered"], {"provenance", "metered"}),
        ({"own_u95_j": None}, ["isEstimated", "isUnmetered"], {"provenance", "metered"}),
        ({"provenance": "reported"}, ["isUnmetered"], {"metered"}),
        ({"metered_own_j": 5.0}, ["isEstimated"], {"provenance"}),
        ({"inference_provenance": "metered", "provenance": "extrapolated"}, [], set()),
    ],
)
def test_what_is_the_same_in_all_lines_is_said_once(client, changed, said, left_out):
    board = make_board(4)
    Entry.objects.filter(pk=board.entries.first().pk).update(**changed)
    page = client.get("/").content.decode()
    shown = re.findall(r'<span data-same="(\w+)" (hidden)?>', page)
    assert [name for name, hidden in shown if not hidden] == said
    (line, *_) = rows(client.get("/"))
    assert {"provenance", "metered"} - set(line) == left_out
    assert "is-uncertain" not in page


@pytest.mark.parametrize(
    "unknown", [{"inference_u95_j": None}, {"shared_u95_j": 0, "own_u95_j": 0, "inference_u95_j": 0}]
)
def test_an_uncertainty_that_is_unknown_of_all_is_said_once(client, unknown):
    make_board(4).entries.update(**unknown)
    page = client.get("/").content.decode()
    assert 'data-same="isUncertain" >No uncertainty is known.' in page
    assert re.search(r'class="board[^"]* is-uncertain', page)


def test_an_entry_joins_what_was_chosen_on_its_board(client):
    board = make_board(8)
    first, second, *others = [entry.pk for entry in board.entries.order_by("pk")]
    elsewhere = EntryFactory(board__track="cifar10").pk
    alone = client.get(f"/entries/{first}/", {"usage_intensity": "5000"}).content.decode()
    assert re.search(rf'href="/\?track=digits[^"]*usage_intensity=5000[^"]*chosen={first}"', alone)
    joined = client.get(f"/entries/{first}/", {"chosen": f"{second},{elsewhere}"}).content.decode()
    assert f'href="/compare/?entry={second}&amp;entry={first}"' in joined
    assert f"chosen={second}%2C{first}" in joined
    there = client.get(f"/entries/{first}/", {"chosen": f"{second},{first}"})
    assert "Compare the 2 chosen entries" in text(there)
    full = client.get(f"/entries/{first}/", {"chosen": ",".join(map(str, [second, *others][:6]))})
    assert "No more than 6 can be compared" in text(full)
