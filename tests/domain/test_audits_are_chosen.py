"""A nightly audit takes a few at random and those with the widest open interval; it makes no line of its own."""

from collections import Counter
from random import Random

from leaderboard.domain.audits import AT_RANDOM, ENOUGH_RESULTS, MOST_WAITING, WIDEST, Auditable, choose


def of(number, hardware=1, **more):
    return Auditable(number, hardware, **more)


def night(auditable, share=0.02, waiting=None, seed=0):
    return choose(auditable, share=share, waiting=waiting or {}, random=Random(seed))


def test_the_share_is_kept_whatever_the_size_of_the_site():
    for works in (1, 7, 60):
        sizes = [len(night([of(number) for number in range(works)], share=0.05, seed=seed)) for seed in range(4000)]
        assert abs(sum(sizes) / len(sizes) - 0.05 * works) < 0.1
        assert set(sizes) <= {int(0.05 * works), int(0.05 * works) + 1}


def test_everything_is_drawn_alike():
    drawn = Counter(one.work for seed in range(3000) for one in night([of(n) for n in range(10)], 0.2, seed=seed))
    assert set(drawn) == set(range(10))
    assert max(drawn.values()) < 1.25 * min(drawn.values())


def test_the_widest_open_intervals_go_first():
    entries = [of(number, relative_u95=number / 100, is_open=number % 2 == 0) for number in range(100)]
    chosen = night(entries)
    assert [one.work for one in chosen if one.why == WIDEST] == [98, 96]
    assert len([one for one in chosen if one.why == AT_RANDOM]) == 2


def test_what_a_result_would_tell_nothing_of_is_left_to_chance():
    closed = of(1, relative_u95=0.9)
    often = of(2, relative_u95=0.8, is_open=True, results=ENOUGH_RESULTS)
    assert WIDEST not in [one.why for one in night([closed, often], share=1.0)]


def test_no_line_gets_more_than_it_may_have():
    entries = [of(number, hardware=number % 2, is_open=True, relative_u95=0.1) for number in range(100)]
    chosen = night(entries, share=1.0, waiting={0: MOST_WAITING - 1, 1: MOST_WAITING + 3})
    assert [one.hardware for one in chosen] == [0]


def test_nothing_is_chosen_twice_and_zero_turns_it_off():
    entries = [of(number, is_open=True, relative_u95=0.1) for number in range(3)]
    assert sorted(one.work for one in night(entries, share=1.0)) == [0, 1, 2]
    assert night(entries, share=0.0) == []
    assert night([], share=0.5) == []


def test_a_night_chooses_the_same_again():
    entries = [of(number, is_open=number % 3 == 0, relative_u95=0.1) for number in range(200)]
    assert night(entries, seed="2026-11-30") == night(list(reversed(entries)), seed="2026-11-30")
