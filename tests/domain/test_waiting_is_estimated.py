"""When a run begins follows from the runs before it and from how long others took; without those it is not known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.domain.waiting import expected_start_s, quartiles

COUNTS = st.integers(0, 50)
DURATIONS = st.lists(st.floats(0.1, 1e5), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("ahead", "running", "workers", "durations_s", "expected"),
    [
        (0, 0, 1, [], (0, 0)),
        (0, 1, 2, [], (0, 0)),
        (0, 1, 1, [60.0], (0, 60)),
        (1, 1, 1, [60.0], (60, 120)),
        (4, 2, 2, [60.0], (120, 180)),
        (1, 0, 1, [10, 20, 30, 40, 50], (0, 40)),
        (1, 1, 1, [], None),
        (3, 0, 0, [60.0], None),
    ],
)
def test_the_line_before_it_is_done_first(ahead, running, workers, durations_s, expected):
    assert expected_start_s(ahead, running, workers, durations_s) == expected


@given(COUNTS, COUNTS, st.integers(1, 20), DURATIONS)
def test_more_before_it_never_begin_it_sooner(ahead, running, workers, durations_s):
    now = expected_start_s(ahead, running, workers, durations_s)
    later = expected_start_s(ahead + 1, running, workers, durations_s)
    sooner = expected_start_s(ahead, running, workers + 1, durations_s)
    assert 0 <= now[0] <= now[1]
    assert now[0] <= later[0]
    assert now[1] <= later[1]
    assert sooner[1] <= now[1]


def test_quartiles_of_nothing_are_refused():
    with pytest.raises(ValueError, match="no value"):
        quartiles([])
