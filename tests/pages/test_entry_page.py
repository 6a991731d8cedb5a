"""An entry's page shows what its figures are made of; the compare page puts a few side by side."""

import pytest
from django.urls import reverse

from tests.factories import EntryFactory, make_board, make_verified_entry
from tests.pages.reading import text

pytestmark = pytest.mark.django_db


def test_phases_provenance_flags_and_recipe(client):
    entry = make_verified_entry(make_board(2), own_energy_j=1234.0)
    page = text(client.get(entry.get_absolute_url()))
    assert "1.23 kJ ± 1.6 % estimated" in page
    assert "10.0 mJ per image" in page
    assert "a single training has no spread" in page
    assert "architecture: mobilenetv3_small_050" in page
    assert "python -m measurement run recipe.yaml --out DIR" in page


def test_record_and_trace_with_the_command_that_checks_them(client):
    entry = make_verified_entry(make_board(1))
    address = f"/api/v1/runs/{entry.run_id}/record"
    page = client.get(entry.get_absolute_url()).content.decode()
    assert f'href="{address}"' in page
    assert "recompute" not in page
    entry.run.attempts.update(trace="traces/some.parquet")
    page = text(client.get(entry.get_absolute_url()))
    assert f"curl -o record.json http://testserver{address}" in page
    assert f"curl -o trace.parquet http://testserver/api/v1/entries/{entry.pk}/trace" in page
    assert "python -m measurement recompute record.json" in page


def test_break_even_with_another_entry(client):
    board = make_board(0)
    mine = EntryFactory(board=board, own_energy_j=100, inference_energy_j=0.01)
    other = EntryFactory(board=board, own_energy_j=1000, inference_energy_j=0.001)
    assert "less up to 100,000 images" in text(client.get(mine.get_absolute_url()))
    assert "less from 100,000 images on" in text(client.get(other.get_absolute_url()))


def test_unknown_entry_is_a_404_with_search(client):
    page = client.get(reverse("entry", args=[999]))
    assert page.status_code == 404
    assert 'name="search"' in page.content.decode()


def test_sibling_boards_are_linked(client):
    entry = EntryFactory()
    sibling = EntryFactory(recipe=entry.recipe, run=entry.run, board=make_board(0, scenario="single_stream"))
    assert sibling.get_absolute_url() in client.get(entry.get_absolute_url()).content.decode()


def test_constant_number_of_queries(client, django_assert_num_queries):
    board = make_board(3)
    entry = make_verified_entry(board)
    with django_assert_num_queries(8):
        client.get(entry.get_absolute_url())
    for _ in range(10):
        make_verified_entry(board)
    with django_assert_num_queries(8):
        client.get(entry.get_absolute_url())


def test_history_leaves_the_records_of_other_attempts_in_the_database(client, django_assert_num_queries):
    entry = make_verified_entry(make_board(1))
    with django_assert_num_queries(8) as queries:
        client.get(entry.get_absolute_url())
    reads = [query["sql"] for query in queries if 'FROM "leaderboard_attempt"' in query["sql"]]
    with_record = [sql for sql in reads if '"leaderboard_attempt"."record"' in sql.partition("FROM")[0]]
    assert len(with_record) == 1


def test_compare_says_who_wins_where(client, django_assert_num_queries):
    board = make_board(0)
    entries = [
        EntryFactory(board=board, recipe__method__title="Low start", own_energy_j=100, inference_energy_j=0.01),
        EntryFactory(board=board, recipe__method__title="Low slope", own_energy_j=1000, inference_energy_j=0.001),
    ]
    with django_assert_num_queries(1):
        page = text(client.get(reverse("compare"), {"entry": [entry.pk for entry in entries]}))
    assert "Low slope overtakes Low start at 100,000 images." in page


def test_compare_invents_no_uncertainty_and_marks_lower_bounds(client):
    unknown = EntryFactory(own_u95_j=None, own_energy_j=1000, inference_energy_j=0.001)
    bound = EntryFactory(board=unknown.board, complete=False, provenance="missing", own_energy_j=3000)
    page = text(client.get(reverse("compare"), {"entry": [unknown.pk, bound.pk]}))
    assert "2.00 kJ ± —" in page
    assert "One-time energy1.00 kJ≥ 3.00 kJ" in page


@pytest.mark.parametrize("given", [["x"], ["999"], ["-1"], ["1" * 400], ["1", "2", "3", "4", "5", "6", "7", "8"]])
def test_compare_puts_nonsense_right_and_says_so(client, given):
    page = client.get(reverse("compare"), {"entry": given})
    assert page.status_code == 200
    assert "left out" in text(page)


def test_entries_of_different_groups_are_not_judged(client):
    mine, other = EntryFactory(), EntryFactory(board=make_board(0, scope="system"))
    page = text(client.get(reverse("compare"), {"entry": [mine.pk, other.pk]}))
    assert "can't be compared one to one" in page
    assert "overtakes" not in page
