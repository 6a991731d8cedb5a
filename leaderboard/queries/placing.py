"""`leaderboard.domain.ranking.rank` over a whole board's columns at once.

The same arithmetic in the same order, so that every figure equals the domain's to the last digit: the tests compare
both with the shared vectors and with each other. Only the lines that a reader sees get their place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from operator import neg

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leaderboard.domain import ranking, usage_range
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.greenness import FRACTION_DIGITS, per_joule, percent_of_best
from leaderboard.queries.columns import ENERGIES, UNCERTAINTIES, Columns, values


@dataclass(frozen=True, eq=False)
class Placing:
    """The entries of `columns` that pass the filters of `query`, ranked.

    The arrays hold one item an entry that passes, in the order of ties. `energy_j` is E(N, K), `u95_j` its
    repeatability (null if unknown), `value` what is ordered by and `value_u95` its uncertainty (0 if unknown).
    `factor` is quality^τ of the order: 1 in the order of energy.
    """

    columns: Columns
    query: LeaderboardQuery
    positions: pa.Array  # in `columns`
    below_floor: int
    one_time_energy_j: pa.Array
    energy_j: pa.Array
    u95_j: pa.Array
    factor: pa.Array
    value: pa.Array
    value_u95: pa.Array
    group: list[pa.Array]  # items that are ranked, that miss a phase, that have no value

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def order(self) -> pa.Array:
        """Items from the first line to the last. Sorting is stable, so ties stay in their order."""
        parts = [part.take(_in_order(self.value.take(part))) for part in self.group]
        return pa.concat_arrays([part.cast(pa.uint64()) for part in parts])

    @cached_property
    def champions(self) -> list[ranking.Champion]:
        """The domain's champions."""
        return ranking.champions(
            self._undominated, shared_by=self.query.shared_by, accuracy_weight=self.query.weight_in_order
        )

    def over_range(self, n_from: float, n_to: float) -> usage_range.RangeAnswer | None:
        """The domain's choices for a range of usage intensities, images. ValueError as `check_usage_range`."""
        return usage_range.over_range(
            self._undominated,
            n_from,
            n_to,
            shared_by=self.query.shared_by,
            accuracy_weight=self.query.weight_in_order,
        )

    @cached_property
    def _undominated(self) -> list[ranking.Candidate]:
        """Complete entries with a value, without those that another beats in one-time and per-image energy."""
        one_time_j, per_image_j = (
            _scaled(joules, self.factor) for joules in (self.one_time_energy_j, self.stored("inference_energy_j"))
        )
        items = pc.indices_nonzero(
            pc.and_(self.stored("complete"), pc.and_(_is_value(one_time_j), _is_value(per_image_j)))
        )
        by_one_time = items.take(pc.array_sort_indices(one_time_j.take(items)))
        inference_j = per_image_j.take(by_one_time)
        least_j = pc.cumulative_min(inference_j)
        is_less = pc.less(inference_j.slice(1), least_j.slice(0, max(0, len(items) - 1)))
        kept = [*by_one_time.slice(0, 1).to_pylist(), *by_one_time.slice(1).filter(is_less).to_pylist()]
        return [self.columns.candidate(self.positions[item].as_py()) for item in kept]

    def line(self, entry: int) -> int | None:
        """The line (from 0) of the entry of this number, None if the filters exclude it."""
        position = self.columns.position(entry)
        item = -1 if position is None else pc.index(self.positions, pa.scalar(position, self.positions.type)).as_py()
        return None if item < 0 else pc.index(self.order, pa.scalar(item, pa.uint64())).as_py()

    def stored(self, name: str) -> pa.Array:
        """A stored column, one value an item."""
        return _taken(self.columns.arrays[name], self.positions)

    def places(self, lines: Sequence[int]) -> list[ranking.Ranked]:
        """The domain's places of the lines of these numbers (from 0)."""
        items = self.order.take(pa.array(lines, pa.uint64()))
        keys = self.columns.arrays["id"].take(self.positions.take(items)).to_pylist()
        known = [value is not None for value in self.u95_j.take(items).to_pylist()]
        ranks = [line + 1 if line < len(self.group[0]) else None for line in lines]
        intervals = self._intervals(items)
        return [
            ranking.Ranked(
                key,
                rank,
                best if rank and is_known else None,
                worst if rank and is_known else None,
                energy_j,
                u95_j,
                pareto,
            )
            for key, rank, is_known, (best, worst), energy_j, u95_j, pareto in zip(
                keys,
                ranks,
                known,
                intervals,
                self.energy_j.take(items).to_pylist(),
                self.u95_j.take(items).to_pylist(),
                self._pareto(items),
                strict=True,
            )
        ]

    def greenness(self, lines: Sequence[int]) -> list[tuple[float | None, float | None]]:
        """Of lines (from 0) the greenness with the reader's τ, whatever the order: per joule, and in per cent.

        Per cent of the greenest that is ranked; None without a value, and per cent without a rank.
        """
        items = self.order.take(pa.array(lines, pa.uint64()))
        factors, scaled_j = (array.take(items).to_pylist() for array in (self._reader_factor, self._reader_scaled_j))
        best_j = pc.min(self._reader_scaled_j.take(self.group[0])).as_py()
        ranked = len(self.group[0])
        return [
            (per_joule(energy_j, factor), percent_of_best(value_j, best_j) if line < ranked else None)
            if value_j < inf
            else (None, None)
            for line, energy_j, factor, value_j in zip(
                lines, self.energy_j.take(items).to_pylist(), factors, scaled_j, strict=True
            )
        ]

    @cached_property
    def greenness_per_joule(self) -> pa.Array:
        """Greenness of each item with the reader's τ; null without a value, infinite for an energy of 0."""
        value = pc.divide(self._reader_factor, self.energy_j)
        return pc.if_else(_is_value(self._reader_scaled_j), value, None)

    @cached_property
    def least_energy(self) -> int | None:
        """The line (from 0) of the first in the order of energy, None if none is ranked."""
        ranked = self.stored("complete") if not self.query.include_incomplete else None
        energy_j = self.energy_j if ranked is None else pc.if_else(ranked, self.energy_j, None)
        item = pc.index(energy_j, pc.min(energy_j)).as_py() if len(self) else -1
        return None if item < 0 else pc.index(self.order, pa.scalar(item, pa.uint64())).as_py()

    @cached_property
    def _reader_factor(self) -> pa.Array:
        weight = self.query.accuracy_weight
        is_order = weight == self.query.weight_in_order
        return self.factor if is_order else accuracy_factors(self.stored("quality"), weight)

    @cached_property
    def _reader_scaled_j(self) -> pa.Array:
        return _scaled(self.energy_j, self._reader_factor)

    def _intervals(self, items: pa.Array) -> list[tuple[int, int]]:
        """Best and worst rank of each item, were it ranked: surely below, and not surely above."""
        ranked = self.group[0]
        device = self.stored("device") if "device" in self.columns.arrays else None
        devices = pc.unique(device.take(ranked)).to_pylist() if device is not None else []
        if device is None or len(devices) < 2:
            return _ranks(self.value, self.value_u95, ranked, items)
        # Within a device its gain moves no rank; against the others all that there are without the device's own.
        wide_u95 = pc.add(self.value_u95, pc.multiply(self.stored("gain_u95"), self.value))
        found = _ranks(self.value, wide_u95, ranked, items)
        for name in pc.unique(device.take(items)).to_pylist():
            mine = pc.indices_nonzero(pc.equal(device.take(items), name))
            same = ranked.filter(pc.equal(device.take(ranked), name))
            wide, narrow = (_ranks(self.value, u95, same, items.take(mine)) for u95 in (wide_u95, self.value_u95))
            for position, outer, inner in zip(mine.to_pylist(), wide, narrow, strict=True):
                best, worst = found[position]
                found[position] = (best - outer[0] + inner[0], worst - outer[1] + inner[1])
        return found

    def _pareto(self, items: pa.Array) -> list[bool]:
        """Whether none of the complete entries beats the item in both E(N, K) and quality."""
        complete = self.stored("complete")
        qualities = values(self.stored("quality").filter(complete))
        least_j = values(pc.cumulative_min(self.energy_j.filter(complete)))
        found = []
        for is_complete, energy_j, quality in zip(
            complete.take(items).to_pylist(),
            self.energy_j.take(items).to_pylist(),
            self.stored("quality").take(items).to_pylist(),
            strict=True,
        ):
            better = bisect_left(qualities, -quality, key=neg)
            as_good = bisect_right(qualities, -quality, key=neg)
            found.append(
                is_complete and energy_j == least_j[as_good - 1] and (better == 0 or energy_j < least_j[better - 1])
            )
        return found


def _ranks(value: pa.Array, u95: pa.Array, among: pa.Array, items: pa.Array) -> list[tuple[int, int]]:
    """Best and worst rank of each item among others, by the intervals value ± u95."""
    lows, highs = pc.subtract(value, u95), pc.add(value, u95)
    below = _numbers_below(highs.take(among), values(lows.take(items)), or_equal=False)
    not_above = _numbers_below(lows.take(among), values(highs.take(items)), or_equal=True)
    return [(1 + best, worst) for best, worst in zip(below, not_above, strict=True)]


def place(columns: Columns, query: LeaderboardQuery) -> Placing:
    """Rank the entries that pass the filters of `query`, as `ranking.rank` does."""
    matching, leading = columns.matching(query), columns.at_or_above(query.floor)
    positions = pc.indices_nonzero(matching.slice(0, leading))
    taken = {
        name: _taken(columns.arrays[name], positions) for name in (*ENERGIES, *UNCERTAINTIES, "quality", "complete")
    }
    shared_j, own_j, inference_j = (taken[name] for name in ENERGIES)
    one_time_energy_j = pc.add(pc.divide(shared_j, query.shared_by), own_j)
    energy_j = pc.add(one_time_energy_j, pc.multiply(query.usage_intensity, inference_j))
    u95_j = _combined_u95_j(taken["shared_u95_j"], taken["own_u95_j"], taken["inference_u95_j"], query)
    width_j = pc.fill_null(u95_j, 0.0)
    factor = accuracy_factors(taken["quality"], query.weight_in_order)
    scaled_j = _scaled(energy_j, factor)
    has_value = _is_value(scaled_j)
    counted = pc.or_(taken["complete"], query.include_incomplete)
    return Placing(
        columns=columns,
        query=query,
        positions=positions,
        below_floor=(pc.sum(matching).as_py() or 0) - len(positions),
        one_time_energy_j=one_time_energy_j,
        energy_j=energy_j,
        u95_j=u95_j,
        factor=factor,
        value=pc.if_else(has_value, scaled_j, energy_j),
        value_u95=pc.if_else(has_value, pc.divide(width_j, factor), width_j),
        group=[
            pc.indices_nonzero(pc.and_(has_value, counted)),
            pc.indices_nonzero(pc.and_not(has_value, counted)),
            pc.indices_nonzero(pc.invert(has_value)),
        ],
    )


def _taken(array: pa.Array, positions: pa.Array) -> pa.Array:
    """The values at ascending positions: without a copy if these are the first ones, as without a filter."""
    count = len(positions)
    are_first = count > 0 and positions[count - 1].as_py() == count - 1
    return array.slice(0, count) if are_first else array.take(positions)


def accuracy_factors(qualities: pa.Array, accuracy_weight: float) -> pa.Array:
    """`domain.greenness.accuracy_factor` of each quality, none of them null: the same steps in the same order."""
    if accuracy_weight == 0:
        return pa.repeat(pa.scalar(1.0), len(qualities))
    square = root = pc.max_element_wise(qualities, 0.0)
    factors = pc.if_else(pc.greater(qualities, 0.0), 1.0, 0.0)
    whole, fraction = int(accuracy_weight), accuracy_weight - int(accuracy_weight)
    while whole:
        if whole % 2:
            factors = pc.multiply(factors, square)
        square = pc.multiply(square, square)
        whole //= 2
    for _ in range(FRACTION_DIGITS):
        if fraction == 0:
            break
        root = pc.sqrt(root)
        fraction *= 2
        if fraction >= 1:
            factors = pc.multiply(factors, root)
            fraction -= 1
    return factors


def _scaled(joules: pa.Array, factors: pa.Array) -> pa.Array:
    """`domain.greenness.scaled`, but infinite instead of None."""
    is_factor = pc.and_(pc.greater(factors, 0.0), pc.less(factors, inf))
    return pc.if_else(is_factor, pc.divide(joules, factors), inf)


def _is_value(scaled: pa.Array) -> pa.Array:
    return pc.less(scaled, inf)


def _combined_u95_j(shared_j: pa.Array, own_j: pa.Array, inference_j: pa.Array, query: LeaderboardQuery) -> pa.Array:
    """`domain.energy.combined_u95_j`, null if any is."""
    shared_j = pc.divide(shared_j, query.shared_by)
    served_j = pc.multiply(query.usage_intensity, inference_j)
    squares = pc.add(pc.multiply(shared_j, shared_j), pc.multiply(own_j, own_j))
    return pc.sqrt(pc.add(squares, pc.multiply(served_j, served_j)))


def _numbers_below(of: pa.Array, limits: Sequence[float], *, or_equal: bool) -> list[int]:
    """How many of the numbers are below (or equal to) each limit. NumPy sorts ten times as fast as Arrow."""
    ascending = np.sort(of.to_numpy())
    found: list[int] = np.searchsorted(ascending, limits, side="right" if or_equal else "left").tolist()
    return found


def _in_order(value: pa.Array) -> pa.Array:
    """The items from the least value on, ties in their order, which the quickest sort leaves to chance."""
    numbers = value.to_numpy()
    order = np.argsort(numbers)
    ascending = numbers[order]
    if np.any(ascending[1:] == ascending[:-1]):
        order = np.argsort(numbers, kind="stable")
    return pa.array(order, pa.uint64())
