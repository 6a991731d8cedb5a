"""Which model to choose if all that is known of N is a range: by worst-case regret, and by mean regret.

The regret of a model at N is the ratio of its energy, over quality^τ if the order is greenness, to the least of all
models at that N. Over the range from a to b:

- The worst-case regret is that at a or at b. The least energy V(N), an envelope of lines, is concave and a model's
  energy L(N) a line, so L - c·V is convex and every set {N: L <= c·V} an interval: between two N the ratio L/V is
  never above both of its values there. The crossings of the envelope lie between, and need not be tried.
- The mean is over log N, every power of ten as likely as another. The mean ratio is linear in F and e,
  F·<1/V> + e·<N/V>, and both weights are sums of logarithms over the pieces of the envelope. (The mean logarithm of
  the ratio would order as well, but is no share of energy to compare with the worst case, and needs dilogarithms.)

A model that another beats in both F and e wins neither, and is left out first. So are models without a complete or
finite energy, as among the champions. `static/leaderboard/usage_range.js` mirrors this file.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from leaderboard.domain.envelope import Line, lower_envelope
from leaderboard.domain.greenness import accuracy_factor
from leaderboard.domain.ranking import Candidate, Key, lines_in_order
from leaderboard.domain.usage import MAX_USAGE_INTENSITY

LEAST_USAGE_INTENSITY = 1.0
ALLOWED_RANGE_END = "a number from 1 to 1e15"


@dataclass(frozen=True, slots=True)
class Choice:
    """A model chosen for a range of N. Ratios are of its energy to the least at the same N, at least 1.

    worst_ratio: the greatest in the range, at `worst_at` images; mean_ratio: the mean over log N. extra_energy_j: the
    most that it uses above the best at any N, joules, at `extra_at` images; by greenness, above what a model of its
    quality would use that is as green as the best.
    """

    key: Key
    worst_ratio: float
    worst_at: float
    mean_ratio: float
    extra_energy_j: float
    extra_at: float


@dataclass(frozen=True, slots=True)
class RangeAnswer:
    """The best choices for a range of N. `winners`: how many models are best somewhere in it.

    safest: of least worst-case regret, which is what not knowing N costs at most. best_on_average: of least mean.
    """

    safest: Choice
    best_on_average: Choice
    winners: int


def check_usage_range(n_from: float, n_to: float) -> None:
    """ValueError unless 1 <= n_from <= n_to <= 1e15 (images)."""
    for name, value in (("n_from", n_from), ("n_to", n_to)):
        if not LEAST_USAGE_INTENSITY <= value <= MAX_USAGE_INTENSITY:
            raise ValueError(f"{name} is {value!r}, but must be {ALLOWED_RANGE_END}")
    if n_from > n_to:
        raise ValueError(f"n_to is {n_to!r}, but must be at least n_from, which is {n_from!r}")


def over_range(  # noqa: PLR0917 - the options of a ranking
    candidates: Iterable[Candidate],
    n_from: float,
    n_to: float,
    shared_by: float = 1,
    min_quality: float | None = None,
    accuracy_weight: float = 0.0,
) -> RangeAnswer | None:
    """The best choices for a usage intensity from `n_from` to `n_to` images, in O(n log n); None without a model.

    τ is `accuracy_weight`; 0 compares energy. Ties go to the lower one-time energy, of equal lines as in a ranking.
    Raises ValueError for a range outside 1 to 1e15 or upside down, and for what `ranking.champions` refuses.
    """
    check_usage_range(n_from, n_to)
    models = _undominated(lines_in_order(candidates, shared_by, min_quality, accuracy_weight), n_to)
    if not models:
        return None
    ends = (n_from, n_to)
    least_j = tuple(min(_at(line, n) for _, line in models) for n in ends)
    pieces = _pieces([line for _, line in models], n_from, n_to)
    weights = _mean_weights(pieces, least_j[1]) if least_j[1] > 0 else (0.0, 0.0)
    choices = [
        _choice(candidate, line, ends, least_j, weights, accuracy_factor(candidate.quality, accuracy_weight))
        for candidate, line in models
    ]
    return RangeAnswer(
        safest=min(choices, key=attrgetter("worst_ratio")),
        best_on_average=min(choices, key=attrgetter("mean_ratio")),
        winners=len(pieces),
    )


def _undominated(lines: Sequence[tuple[Candidate, Line]], n_to: float) -> list[tuple[Candidate, Line]]:
    """Lines, finite up to `n_to`, that no earlier one in ascending order equals or beats in energy per image."""
    kept: list[tuple[Candidate, Line]] = []
    for candidate, line in lines:
        if _at(line, n_to) < math.inf and (not kept or line.per_image_j < kept[-1][1].per_image_j):
            kept.append((candidate, line))
    return kept


def _at(line: Line, n: float) -> float:
    return line.one_time_j + n * line.per_image_j


def _pieces(lines: Sequence[Line], n_from: float, n_to: float) -> list[tuple[Line, float, float]]:
    """The lines that are lowest somewhere in the range, each with the part in which it is. Of a point, the one."""
    hull = lower_envelope(lines)
    starts = [max(start, n_from) for _, start in hull]
    ends = [*(min(start, n_to) for _, start in hull[1:]), n_to]
    found = zip(hull, starts, ends, strict=True)
    pieces = [(lines[position], start, end) for (position, _), start, end in found if start < end]
    if pieces or n_from < n_to:
        return pieces
    position = [position for position, start in hull if start <= n_from][-1]
    return [(lines[position], n_from, n_to)]


def _mean_weights(pieces: Sequence[tuple[Line, float, float]], unit_j: float) -> tuple[float, float]:
    """<unit/V> and <N·unit/V> over log N. In units of V at the upper end, the least energy is between 1e-15 and 1."""
    n_from, n_to = pieces[0][1], pieces[-1][2]
    if n_from == n_to:
        return 1.0, n_from
    one_time, per_image = 0.0, 0.0
    for (one_time_j, per_image_j), start, end in pieces:
        f, e = one_time_j / unit_j, per_image_j / unit_j
        least_at_start, least_at_end = f + start * e, f + end * e
        width = (end - start) / start
        one_time += _log1p_over(width * (f / least_at_end)) * (width / least_at_end)
        per_image += _log1p_over((end - start) * (e / least_at_start)) * ((end - start) / least_at_start)
    decades = math.log1p((n_to - n_from) / n_from)
    return one_time / decades, per_image / decades


def _log1p_over(z: float) -> float:
    """log(1 + z)/z, 1 for z = 0: an integral whose logarithm would lose its digits where z is small."""
    return math.log1p(z) / z if z > 0 else 1.0


def _choice(  # noqa: PLR0917 - what a choice is made of
    candidate: Candidate,
    line: Line,
    ends: tuple[float, float],
    least_j: tuple[float, ...],
    weights: tuple[float, float],
    factor: float,
) -> Choice:
    values_j = [_at(line, n) for n in ends]
    unit_j = least_j[1]
    if unit_j > 0:
        ratios = [value / least for value, least in zip(values_j, least_j, strict=True)]
        mean = (line.one_time_j / unit_j) * weights[0] + (line.per_image_j / unit_j) * weights[1]
    else:  # the best uses nothing, at any N
        ratios = [1.0 if value == 0 else math.inf for value in values_j]
        mean = max(ratios)
    extras_j = [(value - least) * factor for value, least in zip(values_j, least_j, strict=True)]
    worst, extra = int(ratios[1] > ratios[0]), int(extras_j[1] > extras_j[0])
    mean = min(max(1.0, mean), ratios[worst])  # as it is but for rounding
    return Choice(candidate.key, ratios[worst], ends[worst], mean, extras_j[extra], ends[extra])
