"""Student's t: for a coverage of 95 %, two-sided (GUM, JCGM 100:2008, Table G.2), and the probability beyond it."""

import math

_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)  # 1 to 10 degrees of freedom
_NORMAL = 1.959964
_NEARLY_NORMAL = 10_000  # degrees of freedom


def student_t95(degrees_of_freedom: int) -> float:
    """The factor from a standard to an expanded uncertainty. Raises ValueError below 1 degree of freedom.

    Above 10 the expansion of M. Abramowitz and I. Stegun, 26.7.5, to its second term: exact to 0.1 %.
    """
    if degrees_of_freedom < 1:
        raise ValueError(f"{degrees_of_freedom} degrees of freedom; at least 1 is required")
    if degrees_of_freedom <= len(_T95):
        return _T95[degrees_of_freedom - 1]
    first = (_NORMAL**3 + _NORMAL) / 4
    second = (5 * _NORMAL**5 + 16 * _NORMAL**3 + 3 * _NORMAL) / 96
    return _NORMAL + first / degrees_of_freedom + second / degrees_of_freedom**2


def two_sided_p(t: float, degrees_of_freedom: int) -> float:
    """The probability of a value beyond ±t (M. Abramowitz and I. Stegun, 26.7.3 and 26.7.4). ValueError below 1."""
    if degrees_of_freedom < 1:
        raise ValueError(f"{degrees_of_freedom} degrees of freedom; at least 1 is required")
    if degrees_of_freedom > _NEARLY_NORMAL:
        return math.erfc(abs(t) / math.sqrt(2))
    angle = math.atan2(abs(t), math.sqrt(degrees_of_freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    is_odd = degrees_of_freedom % 2
    term = cosine if is_odd else 1.0
    total = term if degrees_of_freedom > 1 else 0.0
    for step in range(2 + is_odd, degrees_of_freedom - 1, 2):
        term *= cosine * cosine * (step - 1) / step
        total += term
    within = 2 / math.pi * (angle + sine * total) if is_odd else sine * total
    return max(0.0, 1.0 - within)


def quantile(p: float, degrees_of_freedom: int) -> float:
    """The t that values lie beyond, on either side, with probability `p`: to four digits, by bisection."""
    low, high = 0.0, 1.0
    while two_sided_p(high, degrees_of_freedom) > p:
        low, high = high, 2 * high
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided_p(middle, degrees_of_freedom) > p else (low, middle)
    return high
