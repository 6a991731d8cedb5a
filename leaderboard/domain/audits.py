"""Which entries a nightly audit measures again: a few at random, and those that another result would narrow most."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from random import Random

MOST_WAITING = 5
"""Audits that one hardware may have queued or running: they never make a line of their own."""
LEAST_AGE_DAYS = 7
"""A work is left alone for so long after anybody asked for a run of it on that hardware, whatever became of it."""
ENOUGH_RESULTS = 10
"""From so many results on another one narrows an interval by less than a twentieth: only chance chooses them."""

AT_RANDOM, WIDEST = "at random", "for its wide interval"


@dataclass(frozen=True, slots=True, order=True)
class Auditable:
    """A work on one hardware, with entries that could be measured again now.

    relative_u95: the greatest of its entries' relative uncertainties at 95 %, 0 if unknown. is_open: whether one of
    its entries' best and worst rank differ, at the usage intensity and quality floor that boards open with.
    """

    work: int
    hardware: int
    results: int = 1
    relative_u95: float = 0.0
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is audited, and why: AT_RANDOM or WIDEST."""

    work: int
    hardware: int
    why: str


def choose(
    auditable: Collection[Auditable], *, share: float, waiting: Mapping[int, int], random: Random
) -> list[Chosen]:
    """The works to audit in one night.

    `share` of them at random, and as many of those with the widest interval that leaves a rank open, in turns.
    waiting: how many audits each hardware has in its line already; none gets more than MOST_WAITING. Where the share
    is no whole number, chance rounds it, so that small sites audit now and then.
    """
    ordered = sorted(auditable)
    exact = share * len(ordered)
    number = min(len(ordered), math.floor(exact) + (random.random() < exact - math.floor(exact)))
    drawn = random.sample(ordered, number)
    is_of_use = [one for one in ordered if one.is_open and one.results < ENOUGH_RESULTS]
    widest = sorted(is_of_use, key=lambda one: -one.relative_u95)[:number]
    room = {one.hardware: MOST_WAITING - waiting.get(one.hardware, 0) for one in ordered}
    chosen: dict[tuple[int, int], Chosen] = {}
    for one, why in _in_turns(widest, drawn):
        key = (one.work, one.hardware)
        if key not in chosen and room[one.hardware] > 0:
            room[one.hardware] -= 1
            chosen[key] = Chosen(*key, why)
    return list(chosen.values())


def _in_turns(widest: list[Auditable], drawn: list[Auditable]) -> Iterator[tuple[Auditable, str]]:
    for wide, by_chance in zip_longest(widest, drawn):
        if wide is not None:
            yield wide, WIDEST
        if by_chance is not None:
            yield by_chance, AT_RANDOM
