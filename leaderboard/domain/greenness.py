"""Greenness, the metric of arXiv 2108.13465 (there "Greeness"): G = quality^τ / E(N, K), per joule.

τ, the accuracy weight, says how much accuracy counts: τ = 0 leaves the order of the energy alone, τ = 1 gives that of
the energy per correct prediction. Ranking orders by the scaled energy E / quality^τ, ascending, which is the same
order and stays an energy, with an uncertainty in joules.
"""

import math

MAX_ACCURACY_WEIGHT = 100.0
ALLOWED_ACCURACY_WEIGHT = "a number from 0 to 100"

# Binary digits of the fraction of τ that are read. The rest is below 2^-64, and changes no double by half a digit.
FRACTION_DIGITS = 64


def check_accuracy_weight(accuracy_weight: float) -> float:
    """Return τ; ValueError unless it is a number from 0 to 100."""
    if not 0 <= accuracy_weight <= MAX_ACCURACY_WEIGHT:
        raise ValueError(f"accuracy_weight is {accuracy_weight!r}, but must be {ALLOWED_ACCURACY_WEIGHT}")
    return accuracy_weight


def accuracy_factor(quality: float | None, accuracy_weight: float) -> float:
    """quality^τ within 1e-13 of itself, quality a fraction; 1.0 if τ = 0, else 0.0 without a positive quality.

    `math.pow` and JavaScript's `Math.pow` differ in their last digits. Products and square roots are rounded alike
    everywhere (IEEE 754), so the whole part of τ is taken by repeated squaring, and its fraction digit by digit:
    the first binary digit stands for quality^(1/2), the next for quality^(1/4), and so on.
    `static/leaderboard/greenness.js` and `queries.placing` take the same steps in the same order.
    """
    if accuracy_weight == 0:
        return 1.0
    if quality is None or not quality > 0:
        return 0.0
    whole, fraction = int(accuracy_weight), accuracy_weight - int(accuracy_weight)
    factor, square = 1.0, quality
    while whole:
        if whole % 2:
            factor *= square
        square *= square
        whole //= 2
    root = quality
    for _ in range(FRACTION_DIGITS):
        if fraction == 0:
            break
        root = math.sqrt(root)
        fraction *= 2
        if fraction >= 1:
            factor *= root
            fraction -= 1
    return factor


def scaled(energy_j: float, factor: float) -> float | None:
    """`energy_j` over an accuracy factor, joules; None if the factor is 0 or the quotient is not finite."""
    value = energy_j / factor if 0 < factor < math.inf else math.inf
    return value if value < math.inf else None


def greenness(energy_j: float, quality: float | None, accuracy_weight: float) -> float | None:
    """G = quality^τ / E, per joule; None without a scaled energy, and for an energy of 0.

    The energy is that of the whole life, E(N, K). ValueError for τ outside 0 to 100.
    """
    return per_joule(energy_j, accuracy_factor(quality, check_accuracy_weight(accuracy_weight)))


def per_joule(energy_j: float, factor: float) -> float | None:
    """The greenness of an energy (joules) and an accuracy factor, None as `greenness` has it."""
    if energy_j <= 0 or scaled(energy_j, factor) is None:
        return None
    value = factor / energy_j
    return value if value < math.inf else None


def percent_of_best(scaled_j: float, best_j: float) -> float:
    """How green in per cent of the greenest, from its scaled energy and the least one: 100 for the greenest."""
    return 100.0 if scaled_j == best_j else 100.0 * (best_j / scaled_j)
