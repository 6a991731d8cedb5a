"""The factor for few results is the GUM's, and agrees with the one that the meter uses."""

import pytest

from leaderboard.domain.students_t import student_t95
from measurement import accounting


@pytest.mark.parametrize("degrees_of_freedom", [1, 2, 4, 10, 11, 15, 30, 120, 10_000])
def test_students_t_agrees_with_the_meter_s(degrees_of_freedom):
    assert student_t95(degrees_of_freedom) == pytest.approx(accounting.student_t95(degrees_of_freedom), rel=1.5e-3)


def test_a_single_result_has_no_deviation():
    with pytest.raises(ValueError, match="0 degrees of freedom"):
        student_t95(0)
