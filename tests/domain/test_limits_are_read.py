"""A limit is typed as people write amounts, with its unit."""

import pytest

from leaderboard.domain.constraints import BY_PARAMETER, parse_amount

LATENCY, PARAMETERS, MEMORY = (
    BY_PARAMETER[name] for name in ("max_latency_p50_ms", "max_parameters", "max_peak_memory_bytes")
)


@pytest.mark.parametrize(
    ("typed", "constraint", "amount"),
    [
        ("25000000", PARAMETERS, 25e6),
        ("25 M", PARAMETERS, 25e6),
        ("25m", PARAMETERS, 25e6),
        ("4.1G", PARAMETERS, 4_100_000_000.0),
        ("1,5 B", PARAMETERS, 1.5e9),
        ("2,000,000", PARAMETERS, 2e6),
        ("3 million", PARAMETERS, 3e6),
        (" 1e7\u00a0", PARAMETERS, 1e7),
        ("10", LATENCY, 10.0),
        ("10 ms", LATENCY, 10.0),
        ("0.5\u00a0s", LATENCY, 500.0),
        ("250µs", LATENCY, 0.25),
        ("512 MB", MEMORY, 512e6),
        ("1 GiB", MEMORY, 2.0**30),
        ("0.5 kib", MEMORY, 512.0),
        ("8 b", MEMORY, 8.0),
    ],
)
def test_amounts(typed, constraint, amount):
    assert parse_amount(typed, constraint) == amount


@pytest.mark.parametrize(
    ("typed", "constraint"),
    [
        *[(typed, PARAMETERS) for typed in ("", "0", "-1", "1e19", "1e400", "0x10", "٧", "5 MB", "1_000", "5 5")],
        *[(typed, LATENCY) for typed in ("10 M", "5 min", "0 ms")],
        *[(typed, MEMORY) for typed in ("5 M", "2 ms", "1 giga")],
    ],
)
def test_what_is_no_amount_is_refused_with_what_is(typed, constraint):
    with pytest.raises(ValueError, match="must be a number above 0, such as ") as caught:
        parse_amount(typed, constraint)
    assert repr(typed) in str(caught.value)
