"""`python -m bench [NAME …]`: run the benchmarks of these names, or all."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import first_run, latency

BENCHMARKS: dict[str, Callable[[], list[tuple[str, str, str]]]] = {
    "latency": latency.run,
    "first_run": first_run.run,
}


def main(names: list[str]) -> int:
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        print(f"{', '.join(sorted(unknown))}: no such benchmark; one of {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        print(f"\n{name}")
        for what, measured, wanted in BENCHMARKS[name]():
            print(f"  {what:<55} {measured:>24}   {wanted}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
