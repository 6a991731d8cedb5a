"""Break-even with any other entry of a group, and a few side by side with a verdict in words."""

import re

import pytest
from django.urls import reverse

from tests.factories import EntryFactory, make_board
from tests.pages.reading import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(db):
    """Cheap to make, and cheap to run: their lines cross at 100,000 images."""
    board = make_board(0)
    return (
        EntryFactory(board=board, recipe__method__title="Low start", own_energy_j=100, inference_energy_j=0.01),
        EntryFactory(board=board, recipe__method__title="Low slope", own_energy_j=1000, inference_energy_j=0.001),
    )


def against(client, entry, asked=None, **more):
    return text(client.get(entry.get_absolute_url(), more | ({} if asked is None else {"against": asked})))


def compare(client, *entries, **more):
    return client.get(reverse("compare"), {"entry": [getattr(entry, "pk", entry) for entry in entries], **more})


def test_break_even_with_the_best_other_one(client, pair):
    low_start, low_slope = pair
    assert "this entry uses: less up to 100,000 images." in against(client, low_start)
    assert "this entry uses: less from 100,000 images on." in against(client, low_slope)


def test_any_other_is_found_by_number_title_or_recipe(client, pair):
    low_start, _ = pair
    third = EntryFactory(
        board=low_start.board, recipe__method__title="Third one", own_energy_j=1e6, inference_energy_j=1
    )
    for asked in (third.pk, "Third one", "third", third.recipe.sha256[:16]):
        page = against(client, low_start, asked)
        assert "Compared with Third one, this entry uses: less at any usage" in page, asked


def test_several_matches_are_offered_to_choose_from(client, pair):
    low_start, low_slope = pair
    EntryFactory(board=low_start.board, recipe__method__title="Low third")
    page = against(client, low_start, "low", usage_intensity="5e5")
    assert "Several match" in page
    answer = client.get(low_start.get_absolute_url(), {"against": "low", "usage_intensity": "5e5"})
    assert f'href="?against={low_slope.pk}&amp;usage_intensity=500000#against"' in answer.content.decode()


@pytest.mark.parametrize("asked", ["nobody", "9" * 30, "<script>alert(1)</script>", "x" * 300])
def test_no_match_is_reported(client, pair, asked):
    answer = client.get(pair[0].get_absolute_url(), {"against": asked})
    assert answer.status_code == 200
    assert "No other entry of this group matches" in text(answer)
    assert "<script>alert" not in answer.content.decode()


def test_an_entry_alone_has_nothing_to_compare_with(client):
    assert "This group has no other entry yet" in against(client, EntryFactory())


def test_compare_says_who_wins_where(client, pair, django_assert_num_queries):
    with django_assert_num_queries(1):
        page = text(compare(client, *pair))
    assert "For 1 million images, Low slope uses the least energy: 2.00 kJ, 80 % less than Low start." in page
    assert "Low slope overtakes Low start at 100,000 images." in page
    near = text(compare(client, *pair, usage_intensity="1e5"))
    assert "within their uncertainty" in near


def test_compare_marks_a_quality_that_is_only_reported(client, pair):
    evaluated, other = pair
    reported = EntryFactory(board=other.board, quality=0.97, quality_provenance="reported")
    page = text(compare(client, evaluated, reported))
    assert "97.0 % top-1, reported" in page
    assert page.count("top-1, reported") == 1


def test_compare_invents_no_uncertainty_and_marks_lower_bounds(client):
    unknown = EntryFactory(own_u95_j=None, own_energy_j=1000, inference_energy_j=0.001)
    bound = EntryFactory(board=unknown.board, complete=False, provenance="missing", own_energy_j=3000)
    page = text(compare(client, unknown, bound))
    assert "2.00 kJ ± —" in page
    assert "One-time energy 1.00 kJ ≥ 3.00 kJ" in page
    assert "has a missing phase: its total is a lower bound, so it is not compared" in page
    other = EntryFactory(board=unknown.board)
    page = text(compare(client, unknown, other))
    assert re.search(r"uses the least energy: 2\.00 kJ, \d+ % less than Method \d+\.", page), page[:900]
    assert "within their uncertainty" not in page


def test_others_are_added_by_name_and_removed_again(client, pair):
    low_start, low_slope = pair
    page = compare(client, low_start, add="low slope", usage_intensity="5e5")
    assert [entry.pk for entry in page.context["entries"]] == [low_start.pk, low_slope.pk]
    assert f'href="?entry={low_slope.pk}&amp;usage_intensity=500000"' in page.content.decode()
    again = compare(client, *pair, add=low_slope.pk)
    assert len(again.context["entries"]) == 2
    third = EntryFactory(board=low_start.board, recipe__method__title="Low third")
    several = compare(client, low_start, add="low")
    assert f'href="?entry={low_start.pk}&amp;entry={third.pk}"' in several.content.decode()
    assert "No other entry of this group matches “nobody”" in text(compare(client, *pair, add="nobody"))
    assert "Add an entry" not in text(compare(client, *[e.pk for e in make_board(6).entries.all()[:6]]))


@pytest.mark.parametrize("given", [["999"], ["9" * 15, "1"]])
def test_unknown_entries_are_a_404_with_search(client, given):
    page = compare(client, *given)
    assert page.status_code == 404
    assert 'name="search"' in page.content.decode()


@pytest.mark.parametrize("given", ["x", "-1", "1" * 400, "<script>alert(1)</script>"])
def test_what_is_no_number_is_ignored_and_reported(client, pair, given):
    page = compare(client, *pair, given)
    assert page.status_code == 200
    assert "was ignored" in text(page)
    assert "<script>alert" not in page.content.decode()


def test_more_than_six_says_so(client):
    board = make_board(8)
    answer = compare(client, *board.entries.all())
    assert answer.status_code == 200
    assert "At most 6 entries can be compared; the last 2 were ignored." in text(answer)
    assert answer.content.decode().count('<a class="leave-out"') == 6


def test_entries_of_different_groups_are_not_compared(client, pair):
    other = EntryFactory(board=make_board(0, scope="system"))
    page = text(compare(client, pair[0], other))
    assert "can't be compared directly" in page
    assert "overtakes" not in page
    assert "uses the least" not in page
