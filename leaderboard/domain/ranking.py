"""Ranking by full-cycle energy or greenness, with rank intervals, champions and break-even points.

`static/leaderboard/ranking.js` mirrors this file operation for operation, and `tests/vectors/ranking.json`
checks that both give the same answers.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

from leaderboard.domain.energy import LifeCycle, check_energy_j, combined_u95_j, one_time_energy_j
from leaderboard.domain.envelope import Line, crossing, lower_envelope
from leaderboard.domain.greenness import accuracy_factor, check_accuracy_weight, scaled
from leaderboard.domain.intervals import Intervals
from leaderboard.domain.usage import check_min_quality, check_shared_by, check_usage_intensity

Key = str | int
OrderBy = Literal["energy", "greenness", "energy_per_correct"]

_RANKED, _INCOMPLETE, _WITHOUT_VALUE = range(3)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What ranking needs of one entry: joules (inference: per image), repeatability at 95 %, quality.

    An uncertainty is None if unknown. `complete` is False if a declared phase or inference is missing: the joules
    are then a lower bound. `device` names what it was measured on, empty if unknown, and `gain_u95` is that device's
    relative gain error at 95 %: common to all on one device, independent of those of others.
    Raises ValueError for joules outside 0 to 1e30 and for a quality that is not finite.
    """

    key: Key
    shared_energy_j: float
    own_energy_j: float
    inference_energy_j: float
    shared_u95_j: float | None
    own_u95_j: float | None
    inference_u95_j: float | None
    quality: float | None
    complete: bool
    device: str = ""
    gain_u95: float = 0.0

    def __post_init__(self) -> None:
        for name in _ENERGY_FIELDS:
            check_energy_j(name, getattr(self, name))
        for name in _UNCERTAINTY_FIELDS:
            if getattr(self, name) is not None:
                check_energy_j(name, getattr(self, name))
        if self.quality is not None and not math.isfinite(self.quality):
            raise ValueError(f"quality is {self.quality!r}, but must be a finite number, or None")
        if not 0 <= self.gain_u95 < math.inf:
            raise ValueError(f"gain_u95 is {self.gain_u95!r}, but must be finite and at least 0")

    @classmethod
    def of(cls, key: Key, life_cycle: LifeCycle, quality: float | None) -> "Candidate":
        """The candidate of a life cycle."""
        return cls(
            key=key,
            shared_energy_j=life_cycle.shared_energy_j,
            own_energy_j=life_cycle.own_energy_j,
            inference_energy_j=life_cycle.inference_energy_j,
            shared_u95_j=life_cycle.shared_u95_j,
            own_u95_j=life_cycle.own_u95_j,
            inference_u95_j=life_cycle.inference_u95_j,
            quality=quality,
            complete=not life_cycle.is_lower_bound,
        )


_ENERGY_FIELDS = ("shared_energy_j", "own_energy_j", "inference_energy_j")
_UNCERTAINTY_FIELDS = ("shared_u95_j", "own_u95_j", "inference_u95_j")


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate's place. `energy_j` is E(N, K) and `u95_j` its repeatability, unscaled, whatever the ordering.

    The ranks are None if the candidate is listed but not ranked. `u95_j` is None if the uncertainty of any
    part is unknown; a ranked candidate then has no `rank_best` and `rank_worst` either.
    """

    key: Key
    rank: int | None
    rank_best: int | None
    rank_worst: int | None
    energy_j: float
    u95_j: float | None
    pareto: bool


@dataclass(frozen=True, slots=True)
class Champion:
    """The candidate that ranks first for usage intensities (images) in an interval, None for no end."""

    key: Key
    from_usage_intensity: float
    to_usage_intensity: float | None


@dataclass(slots=True)
class _Scored:
    candidate: Candidate
    group: int
    energy_j: float
    u95_j: float | None
    value: float
    value_u95: float  # 0.0 if unknown
    wide_u95: float  # with the device's gain
    pareto: bool = False

    @property
    def device(self) -> str:
        return self.candidate.device


def rank(
    candidates: Iterable[Candidate],
    usage_intensity: float,
    shared_by: float = 1,
    min_quality: float | None = None,
    *,
    include_incomplete: bool = False,
    order_by: OrderBy = "energy",
    accuracy_weight: float = 1.0,
) -> list[Ranked]:
    """Order the candidates whose quality is at or above the floor, in O(n log n).

    The value is E(N, K), ascending; with `order_by="greenness"` it is E/quality^τ with τ = `accuracy_weight`: the
    same order as greenness quality^τ/E, descending. "energy_per_correct" is another name for greenness with τ = 1.
    Ties go to the higher quality, then the smaller key. Incomplete candidates follow unranked, unless
    `include_incomplete` ranks them at their lower bound. Candidates without a value come last, unranked: if τ > 0
    and the quality is unknown or not positive, or if the value is not finite.

    The value's uncertainty is U = U(E)/quality^τ: accuracy is taken as exact.
    With lo = value - U and hi = value + U, `rank_best` is 1 + the entries surely below (hi < this lo) and
    `rank_worst` the entries not surely above (lo <= this hi), so overlapping intervals show as ties. An entry
    whose uncertainty is unknown has neither, and enters with its value alone (U = 0) in the others' intervals,
    which are then the narrowest that they can be. Of entries from different devices each U is U + gain_u95 · value:
    a device's gain error moves all its entries alike, and no two of them against each other. `pareto` marks complete
    candidates of known quality that none beats in both E(N, K) and quality.

    Raises ValueError for a usage intensity that is not above 0 and at most 1e15, `shared_by` below 1, a
    `min_quality` that is not finite, an unknown `order_by` and an `accuracy_weight` outside 0 to 100.
    """
    check_usage_intensity(usage_intensity)
    check_shared_by(shared_by)
    weight = weight_in_order(order_by, accuracy_weight)

    scored = [
        _score(candidate, usage_intensity, shared_by, include_incomplete, weight)
        for candidate in _eligible(candidates, min_quality)
    ]
    scored.sort(key=lambda s: (s.group, s.value, *_tie_break(s.candidate)))
    _mark_pareto(scored)
    ranked = [s for s in scored if s.group == _RANKED]
    intervals = Intervals(ranked)

    results = []
    for position, s in enumerate(scored, start=1):
        place: tuple[int | None, int | None, int | None] = (None, None, None)
        if s.group == _RANKED:
            place = (position, None, None)
        if s.group == _RANKED and s.u95_j is not None:
            place = (position, *intervals.ranks(s))
        results.append(Ranked(s.candidate.key, *place, s.energy_j, s.u95_j, s.pareto))
    return results


def weight_in_order(order_by: str, accuracy_weight: float) -> float:
    """The τ that an ordering ranks with. ValueError for an unknown ordering and for τ outside 0 to 100."""
    if order_by not in get_args(OrderBy):
        raise ValueError(f"order_by is {order_by!r}, but must be one of {', '.join(get_args(OrderBy))}")
    check_accuracy_weight(accuracy_weight)
    return {"energy": 0.0, "energy_per_correct": 1.0}.get(order_by, accuracy_weight)


def energy_per_correct_j(energy_j: float, usage_intensity: float, quality: float | None) -> float | None:
    """E/(N·quality), joules per correct prediction, quality a fraction; None without a positive quality."""
    return scaled(energy_j, usage_intensity * max(quality or 0.0, 0.0))


def break_even(a: Candidate, b: Candidate, shared_by: float = 1, accuracy_weight: float = 0.0) -> float | None:
    """Usage intensity (images) at which A and B are equal: N* = (F_A - F_B)/(e_B - e_A).

    F and e are divided by quality^τ with τ = `accuracy_weight`; 0 compares energy. None if the lines do not cross
    at a positive, finite N, and if either candidate has no value or is incomplete: a lower bound has no known
    crossing. Raises ValueError for `shared_by` below 1 and τ outside 0 to 100.
    """
    check_shared_by(shared_by)
    check_accuracy_weight(accuracy_weight)
    line_a, line_b = (_line(candidate, shared_by, accuracy_weight) for candidate in (a, b))
    if line_a is None or line_b is None or line_a.per_image_j == line_b.per_image_j:
        return None
    found = crossing(line_a, line_b)
    return found if 0 < found < math.inf else None


def champions(
    candidates: Iterable[Candidate],
    shared_by: float = 1,
    min_quality: float | None = None,
    accuracy_weight: float = 0.0,
) -> list[Champion]:
    """Which candidate wins at which N: the lower envelope of the lines (F + N·e)/quality^τ over all N > 0.

    τ is `accuracy_weight`; 0 compares energy. Complete candidates with a value at or above the quality floor only,
    in O(n log n). The intervals adjoin, from 0 without end; of equal lines the one of higher quality, then smaller
    key, is kept. Raises ValueError for `shared_by` below 1, a `min_quality` that is not finite, and τ outside 0..100.
    """
    lines = lines_in_order(candidates, shared_by, min_quality, accuracy_weight)
    hull = lower_envelope([line for _, line in lines])
    ends: list[float | None] = [*(start for _, start in hull[1:]), None]
    return [Champion(lines[position][0].key, start, end) for (position, start), end in zip(hull, ends, strict=False)]


def lines_in_order(
    candidates: Iterable[Candidate], shared_by: float, min_quality: float | None, accuracy_weight: float
) -> list[tuple[Candidate, Line]]:
    """The lines that may be champions, as `champions` says, in ascending order of F, then e, then as ties go."""
    check_shared_by(shared_by)
    check_accuracy_weight(accuracy_weight)
    eligible = [(c, _line(c, shared_by, accuracy_weight)) for c in _eligible(candidates, min_quality)]
    lines = [(candidate, line) for candidate, line in eligible if line is not None]
    lines.sort(key=lambda pair: (pair[1].one_time_j, pair[1].per_image_j, *_tie_break(pair[0])))
    return lines


def _line(candidate: Candidate, shared_by: float, accuracy_weight: float) -> Line | None:
    """A complete candidate's line, None if it has no value."""
    factor = accuracy_factor(candidate.quality, accuracy_weight)
    one_time_j = scaled(one_time_energy_j(candidate, shared_by), factor)
    per_image_j = scaled(candidate.inference_energy_j, factor)
    if not candidate.complete or one_time_j is None or per_image_j is None:
        return None
    return Line(one_time_j, per_image_j)


def _eligible(candidates: Iterable[Candidate], min_quality: float | None) -> list[Candidate]:
    floor = check_min_quality(min_quality)
    if floor is None:
        return list(candidates)
    return [c for c in candidates if c.quality is not None and c.quality >= floor]


def _score(
    candidate: Candidate,
    usage_intensity: float,
    shared_by: float,
    include_incomplete: bool,
    accuracy_weight: float,
) -> _Scored:
    c = candidate
    energy_j = one_time_energy_j(c, shared_by) + usage_intensity * c.inference_energy_j
    u95_j = combined_u95_j(c.shared_u95_j, c.own_u95_j, c.inference_u95_j, usage_intensity, shared_by)
    width_j = 0.0 if u95_j is None else u95_j
    factor = accuracy_factor(c.quality, accuracy_weight)
    value_j = scaled(energy_j, factor)
    if value_j is None:
        return _Scored(c, _WITHOUT_VALUE, energy_j, u95_j, energy_j, width_j, width_j)
    group = _RANKED if c.complete or include_incomplete else _INCOMPLETE
    width = width_j / factor
    return _Scored(c, group, energy_j, u95_j, value_j, width, width + c.gain_u95 * value_j)


def _tie_break(candidate: Candidate) -> tuple[float, bool, Key]:
    # Numbers sort before strings, which Python would otherwise refuse to compare.
    worst_first = math.inf if candidate.quality is None else -candidate.quality
    return (worst_first, isinstance(candidate.key, str), candidate.key)


def _mark_pareto(scored: list[_Scored]) -> None:
    contenders = [s for s in scored if s.candidate.complete and s.candidate.quality is not None]
    contenders.sort(key=lambda s: s.energy_j)
    best_quality = -math.inf
    for _, group in groupby(contenders, key=lambda s: s.energy_j):
        equals = list(group)
        group_quality = max(_quality(s) for s in equals)
        if group_quality > best_quality:
            best_quality = group_quality
            for s in equals:
                s.pareto = _quality(s) == group_quality


def _quality(scored: _Scored) -> float:
    return -math.inf if scored.candidate.quality is None else scored.candidate.quality
