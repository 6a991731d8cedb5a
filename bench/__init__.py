"""Benchmarks: `make bench` runs them all and prints a table each."""

MISSED = "MISSED: "


def held(wanted: str, seconds: float, most_s: float) -> str:
    """`wanted`, marked if `seconds` is over `most_s`; a marked row makes the benchmark end with 1."""
    return wanted if seconds <= most_s else MISSED + wanted
