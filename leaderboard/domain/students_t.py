"""Student's t for a coverage of 95 %, two-sided (GUM, JCGM 100:2008, Table G.2)."""

_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)  # 1 to 10 degrees of freedom
_NORMAL = 1.959964


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
