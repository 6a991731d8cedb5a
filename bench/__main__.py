"""`python -m bench [NAME …]`: run the benchmarks of these names, or all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from bench import (
    MISSED,
    administration,
    against,
    api,
    architectures,
    batches,
    families,
    first_run,
    latency,
    load,
    meters,
    page,
    sampled,
    throughput,
)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--long", action="store_true", help="meters: windows of 30 and 60 s too")
    parser.add_argument("--all", action="store_true", help="architectures: all of timm's, not only 300")
    parser.add_argument("--write", action="store_true", help="meters, architectures: write their page of docs/")
    parser.add_argument(
        "--against", metavar="FOLDER", type=Path, help="page: only its paints, against a built page's"
    )
    asked = parser.parse_args(words)
    if asked.against and not (asked.against / "index.html").is_file():
        parser.error(f"--against {asked.against}: there is no index.html in it; give the folder of a built page")
    benchmarks: dict[str, Callable[[], Iterable[tuple[str, str, str]]]] = {
        "latency": latency.run,
        "first_run": first_run.run,
        "api": api.run,
        "load": load.run,
        "administration": administration.run,
        "page": lambda: against.run(asked.against) if asked.against else page.run(),
        "throughput": throughput.run,
        "batches": batches.run,
        "families": families.run,
        "sampled": sampled.run,
        "architectures": lambda: architectures.run(every=asked.all, write=asked.write),
        "meters": lambda: meters.run(with_long=asked.long, write=asked.write),
    }
    unknown = set(asked.names) - set(benchmarks)
    if unknown:
        print(f"{', '.join(sorted(unknown))}: no such benchmark; one of {', '.join(benchmarks)}", file=sys.stderr)
        return 2
    missed = False
    for name in asked.names or benchmarks:
        print(f"\n{name}")
        for what, measured, wanted in benchmarks[name]():
            print(f"  {what:<55} {measured:>24}   {wanted}", flush=True)
            missed = missed or wanted.startswith(MISSED)
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
