"""Peak memory of inference goes from the record to the entry; of several results it is that of the batch shown."""

from __future__ import annotations

import pytest

from leaderboard.models import Entry
from leaderboard.services.means import mean_figures
from tests.api.builders import figures
from tests.records import make_recipe
from tests.services.verifying import verify


@pytest.mark.django_db
@pytest.mark.parametrize("memory", [7_000_000, None])
def test_an_entry_has_that_of_its_scenario(hardware, alice, memory):
    verify(make_recipe("Measured"), hardware, submitter=alice, peak_memory_bytes=memory)
    assert set(Entry.objects.values_list("peak_memory_bytes", flat=True)) == {memory}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([(64, 5), (64, 7)], 7),
        ([(64, 5), (32, 7)], 5),  # with a smaller batch it is another figure
        ([(32, 5), (64, None)], None),
        ([(64, None), (64, 7)], 7),
    ],
)
def test_of_several_results_it_is_the_greatest_with_the_batch_that_is_shown(results, expected):
    given = [figures(batch_size=batch, peak_memory_bytes=memory) for batch, memory in results]
    kept = ("mode", "hidden_quality", "submitters_weights", "data")
    given = [dict.fromkeys(kept, 0) | {"hidden_quality": None, "data": "track"} | result for result in given]
    mean = mean_figures(given)
    assert (mean["batch_size"], mean["peak_memory_bytes"]) == (max(batch for batch, _ in results), expected)
    # The figures of a stored migration have no such column.
    before = [{name: value for name, value in result.items() if name != "peak_memory_bytes"} for result in given]
    assert "peak_memory_bytes" not in mean_figures(before)
