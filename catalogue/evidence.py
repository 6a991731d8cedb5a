"""How far estimates may be off: other people's metered joules against what throughput predicts for them.

Prediction is up to a factor that all models of a card share, so its error is the part that moves ranks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations, pairwise

from catalogue.agreement import kendall_tau, leave_one_out, quantile, ratio_error, root_mean_square
from catalogue.arithmetic import throughput_at
from catalogue.reading import Catalogue, nearest
from catalogue.rows import Energy

LEAST = 4
"""Runs that a comparison needs."""


@dataclass(frozen=True)
class Comparison:
    """Metered runs of one framework and what predicts them; ratio errors are with each run left out in turn."""

    evidence: str
    what: str
    metered_on: str
    predicted_from: str
    framework: str
    n: int
    tau: float
    median_ratio: float
    ratio_90: float
    n_macs: int
    tau_macs: float
    median_ratio_macs: float
    ratio_90_macs: float
    errors: tuple[float, ...]


@dataclass(frozen=True)
class Spreads:
    """Relative standard uncertainties that estimates carry.

    `of_evidence` by the names in boards.yaml; `training_slower_by` is the ratio of inference to training throughput,
    for architectures whose training nobody timed, with its spread; `by_area` is that of scaling to another size;
    `between_frameworks` is that of metered joules of one network on one card, by what was metered.
    """

    of_evidence: dict[str, float]
    training_slower_by: float
    training_ratio: float
    training_ratio_n: int
    by_area: float
    by_area_n: int
    between_frameworks: dict[str, float]
    between_frameworks_n: dict[str, int]


@dataclass(frozen=True)
class PowerShare:
    """Mean power of metered runs on busy hardware, as shares of the power limit."""

    hardware: str
    what: str
    n: int
    percentile_5: float
    median: float
    percentile_95: float


def comparisons(catalogue: Catalogue) -> list[Comparison]:
    """One for each framework under each piece of evidence in boards.yaml."""
    found = []
    for name, evidence in catalogue.boards.evidence.items():
        by_framework: dict[str, list[Energy]] = defaultdict(list)
        for row in catalogue.metered.get((evidence.metered_on, evidence.what), ()):
            by_framework[row.framework].append(row)
        for framework, rows in sorted(by_framework.items()):
            compared = _compare(catalogue, name, framework, rows)
            if compared is not None:
                found.append(compared)
    return found


def _compare(catalogue: Catalogue, name: str, framework: str, rows: list[Energy]) -> Comparison | None:
    evidence = catalogue.boards.evidence[name]
    kind = "inference" if evidence.what == "inference_per_image" else "training"
    timed = [(row, t) for row in rows if (t := measured_throughput(catalogue, evidence.predicted_from, kind, row))]
    counted = [(row, macs) for row in rows if (macs := _gmacs(catalogue, row))]
    if len(timed) < LEAST or len(counted) < LEAST:
        return None
    errors = leave_one_out([math.log(row.joules * throughput) for row, throughput in timed])
    errors_macs = leave_one_out([math.log(row.joules / macs) for row, macs in counted])
    return Comparison(
        evidence=name,
        what=evidence.what,
        metered_on=evidence.metered_on,
        predicted_from=evidence.predicted_from,
        framework=framework,
        n=len(timed),
        tau=kendall_tau([row.joules for row, _ in timed], [1 / throughput for _, throughput in timed]),
        median_ratio=ratio_error(errors, 0.5),
        ratio_90=ratio_error(errors, 0.9),
        n_macs=len(counted),
        tau_macs=kendall_tau([row.joules for row, _ in counted], [macs for _, macs in counted]),
        median_ratio_macs=ratio_error(errors_macs, 0.5),
        ratio_90_macs=ratio_error(errors_macs, 0.9),
        errors=tuple(errors),
    )


def measured_throughput(catalogue: Catalogue, hardware: str, kind: str, row: Energy) -> float | None:
    """Images a second of the metered architecture at the metered size, scaled by area if needed."""
    sizes = catalogue.throughputs_of.get((hardware, kind, row.architecture))
    if not sizes:
        return None
    px = nearest(sizes, row.resolution)
    return throughput_at(sizes[px].images_per_s, px, row.resolution)


def _gmacs(catalogue: Catalogue, row: Energy) -> float | None:
    sizes = catalogue.gmacs_of.get(row.architecture)
    if not sizes:
        return None
    px = nearest(sizes, row.resolution)
    return sizes[px] * (row.resolution / px) ** 2


def spreads(catalogue: Catalogue) -> Spreads:
    """What every estimate of this catalogue carries."""
    pooled: dict[str, list[float]] = defaultdict(list)
    for compared in comparisons(catalogue):
        pooled[compared.evidence].extend(compared.errors)
    ratios = _training_ratios(catalogue)
    areas = _area_errors(catalogue)
    frameworks = _framework_differences(catalogue)
    return Spreads(
        of_evidence={name: root_mean_square(errors) for name, errors in pooled.items()},
        training_slower_by=math.exp(math.fsum(ratios) / len(ratios)) if ratios else math.nan,
        training_ratio=root_mean_square(leave_one_out(ratios)) if len(ratios) > 1 else math.nan,
        training_ratio_n=len(ratios),
        by_area=root_mean_square(areas) if areas else math.nan,
        by_area_n=len(areas),
        between_frameworks={what: root_mean_square(pairs) / math.sqrt(2) for what, pairs in frameworks.items()},
        between_frameworks_n={what: len(pairs) for what, pairs in frameworks.items()},
    )


def _training_ratios(catalogue: Catalogue) -> list[float]:
    """ln(inference / training throughput) of every architecture and size that has both on the one-time hardware."""
    hardware = catalogue.boards.one_time.hardware
    return [
        math.log(inference[px].images_per_s / row.images_per_s)
        for (on, kind, architecture), sizes in catalogue.throughputs_of.items()
        if on == hardware and kind == "training"
        for px, row in sizes.items()
        if px in (inference := catalogue.throughputs_of.get((hardware, "inference", architecture), {}))
    ]


def _area_errors(catalogue: Catalogue) -> list[float]:
    """ln of what scaling by area gets wrong between neighbouring sizes of one architecture, same hardware."""
    hardware = catalogue.boards.one_time.hardware
    errors = []
    for (on, kind, _), sizes in catalogue.throughputs_of.items():
        if on == hardware and kind == "inference":
            ordered = sorted(sizes)
            for small, large in pairwise(ordered):
                scaled = throughput_at(sizes[small].images_per_s, small, large)
                errors.append(math.log(scaled / sizes[large].images_per_s))
    return errors


def _framework_differences(catalogue: Catalogue) -> dict[str, list[float]]:
    """ln of the ratios of joules that two frameworks took for one network and size on a card of a reported board."""
    reported = {board.hardware for board in catalogue.boards.boards if board.inference == "reported"}
    differences: dict[str, list[float]] = defaultdict(list)
    for (hardware, what), rows in catalogue.metered.items():
        if hardware in reported:
            for one, other in combinations(rows, 2):
                alike = (one.architecture, one.resolution) == (other.architecture, other.resolution)
                if alike and one.framework != other.framework:
                    differences[what].append(math.log(one.joules / other.joules))
    return dict(differences)


def power_shares(catalogue: Catalogue) -> list[PowerShare]:
    """What busy hardware drew (utilisation at 90 % and more, or not stated), in shares of its power limit."""
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in catalogue.energies:
        if row.mean_power_w and (row.utilisation is None or row.utilisation >= 0.9):
            shares[row.hardware, row.what].append(row.mean_power_w / catalogue.power[row.hardware].limit_w)
    return [
        PowerShare(hardware, what, len(v), quantile(v, 0.05), quantile(v, 0.5), quantile(v, 0.95))
        for (hardware, what), v in sorted(shares.items())
    ]
