"""How alike two orders are: Kendall's τ-b, in O(n log n)."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence


def kendall_tau_b(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Kendall's τ-b of paired values: 1 for the same order, 0 for none in common, -1 for the reverse.

    Concordant less discordant pairs, over the root of (pairs not tied in x)·(pairs not tied in y). None if one of
    them has no two different values. ValueError for lists of different lengths. Knight's algorithm (JASA 61, 1966).
    """
    pairs = sorted(zip(xs, ys, strict=True))
    every = _pairs_of(len(pairs))
    tied_x = _tied(x for x, _ in pairs)
    tied_y = _tied(y for _, y in pairs)
    untied = (every - tied_x) * (every - tied_y)
    if untied == 0:
        return None
    discordant = _inversions([y for _, y in pairs])
    return (every - tied_x - tied_y + _tied(pairs) - 2 * discordant) / math.sqrt(untied)


def _pairs_of(items: int) -> int:
    return items * (items - 1) // 2


def _tied(values: Iterable[object]) -> int:
    return sum(_pairs_of(times) for times in Counter(values).values())


def _inversions(values: Sequence[float]) -> int:
    """Pairs whose first value is the greater. A Fenwick tree counts the values seen so far, by rank."""
    rank_of = {value: rank for rank, value in enumerate(sorted(set(values)), start=1)}
    tree = [0] * (len(rank_of) + 1)
    found = 0
    for seen, value in enumerate(values):
        rank = at = rank_of[value]
        not_greater = 0
        while at:
            not_greater += tree[at]
            at &= at - 1
        found += seen - not_greater
        at = rank
        while at < len(tree):
            tree[at] += 1
            at += at & -at
    return found
