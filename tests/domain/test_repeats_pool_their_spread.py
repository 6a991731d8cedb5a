"""The 95 % interval of a mean covers the truth: with few runs by the spread of all works, with many by their own."""

import random

import pytest

from leaderboard.domain.repeats import FEW, NO_POOL, Basis, Pool, Repeats, outliers, width
from leaderboard.domain.students_t import student_t95

WITHIN = 0.01  # the meter's own relative standard deviation, known to it
ALIKE = 0.95


def repeats(truth_j, between, runs, chance):
    """A work on a simulated device: each run has its own true energy, and the meter's error of reading it."""
    values = [truth_j * (1 + between * chance.gauss(0, 1) + WITHIN * chance.gauss(0, 1)) for _ in range(runs)]
    return Repeats.of(values, [1.96 * WITHIN * value for value in values])


def coverage(spread_of_work, *, boards, works, runs=(2, 10), seed=14):
    """Share of works whose interval has the true mean in it. spread_of_work: between runs, drawn for each work."""
    chance, covered, few = random.Random(seed), 0, 0
    for _ in range(boards):
        board = []
        for _ in range(works):
            truth_j = 10 ** chance.uniform(-3, 6)
            board.append((truth_j, repeats(truth_j, spread_of_work(chance), chance.randint(*runs), chance)))
        pool = Pool.of(work for _, work in board)
        for truth_j, work in board:
            found = width(work, pool)
            covered += abs(work.mean_j - truth_j) <= found.u95_j
            few += found.basis == Basis.POOLED
    assert few, "no work took the pool"
    return covered / (boards * works)


@pytest.mark.parametrize(
    ("spread_of_work", "least", "most"),
    [
        (lambda chance: 0.02, 0.93, 0.97),
        (lambda chance: 0.10, 0.93, 0.97),
        # No spread between runs: no interval is narrower than the meter's own, so some are too wide.
        (lambda chance: 0.0, 0.94, 0.98),
        # So wide that the mean itself, which spreads are relative to, is off.
        (lambda chance: 0.30, 0.93, 0.97),
        # Works unlike each other, against what a pool takes for granted: its outliers show it.
        (lambda chance: 0.02 * 10 ** chance.gauss(0, 0.3), 0.93, 0.97),
        (lambda chance: chance.choice((0.01, 0.10)), 0.92, 0.97),
    ],
    ids=["usual", "large", "none", "heavy", "unlike", "of two kinds"],
)
@pytest.mark.parametrize(("boards", "works"), [(1, 2000), (200, 10)], ids=["one board", "many small boards"])
def test_the_interval_covers_the_truth(spread_of_work, least, most, boards, works):
    assert least <= coverage(spread_of_work, boards=boards, works=works) <= most


def test_two_runs_a_work_are_enough():
    assert 0.93 <= coverage(lambda chance: 0.02, boards=100, works=20, runs=(2, 2)) <= 0.97


def test_a_single_run_is_covered_by_the_spread_of_the_others():
    chance, covered, number = random.Random(3), 0, 2000
    pool = Pool.of(repeats(1.0, 0.02, 3, chance) for _ in range(20))
    for _ in range(number):
        one = repeats(1.0, 0.02, 1, chance)
        covered += abs(one.mean_j - 1.0) <= width(one, pool).u95_j
    assert 0.93 <= covered / number <= 0.97
    alone = width(one)
    assert (alone.basis, alone.u95_j) == (Basis.WITHIN, one.within_u95_j)


def work(*values_j, within=0.0):
    return Repeats.of(values_j, [within] * len(values_j))


def test_the_pool_weighs_works_by_their_degrees_of_freedom():
    pool = Pool.of([work(99.0, 101.0), work(9.6, 10.0, 10.4), work(5.0)])
    squares = 2 * 0.01**2 + 2 * 0.04**2
    assert (pool.degrees_of_freedom, pool.works) == (3, 2)
    assert pool.relative_deviation == pytest.approx((squares / 3) ** 0.5)
    found = width(work(99.0, 101.0), pool)
    assert (found.basis, found.degrees_of_freedom) == (Basis.POOLED, 3)
    assert found.u95_j == pytest.approx(student_t95(3) * (squares / 3) ** 0.5 * 100 / 2**0.5)


def test_one_work_alone_has_its_own_spread():
    pair = work(99.0, 101.0)
    for pool in (NO_POOL, Pool.of([pair]), Pool.of([pair, work(3.0)])):
        found = width(pair, pool)
        assert (found.basis, found.degrees_of_freedom) == (Basis.OWN, 1)
        assert found.u95_j == pytest.approx(12.706 * 1.0)  # s = √2 J, of two


def test_many_runs_have_their_own_spread():
    pool = Pool.of(work(90.0, 110.0, 100.0) for _ in range(10))
    many = work(*([99.0, 101.0] * (FEW // 2)))
    assert width(many, Pool(pool.squares + many.squares, pool.degrees_of_freedom + FEW - 1, 11)).basis == Basis.OWN


def test_no_interval_is_narrower_than_the_readings_themselves():
    same = work(100.0, 100.0, within=4.0)
    assert width(same).u95_j == pytest.approx(4.0 / 2**0.5)
    assert width(same, Pool.of([same, work(10.0, 10.0)])).u95_j == pytest.approx(4.0 / 2**0.5)


def test_a_single_run_waits_until_the_pool_is_known_well_enough():
    one = Repeats.of([100.0], [None])
    pairs = [work(99.0, 101.0) for _ in range(5)]
    assert width(one, Pool.of(pairs[:4])).u95_j is None
    assert width(one, Pool.of(pairs)).u95_j == pytest.approx(student_t95(5) * 2**0.5)
    assert width(one, Pool.of([work(*([99.0, 101.0] * 4))])).u95_j is None, "one work stands for no other"


def test_an_outlier_is_told_by_the_spread_of_the_others():
    pairs = [work(99.0, 101.0) for _ in range(20)]
    far = work(100.0, 101.0, 120.0)
    pool = Pool.of([*pairs, far])
    assert list(outliers(far, pool)) == [2]
    assert width(far, pool).basis == Basis.OWN, "the pool is not of its kind"
    assert outliers(pairs[0], pool) == {}
    assert outliers(far, Pool.of([*pairs[:4], far])) == {}, "four others are too few to judge"
    assert list(outliers(work(90.0, 110.0), Pool.of([*pairs, work(90.0, 110.0)]))) == [0, 1]
