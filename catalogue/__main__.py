"""The command line: `python -m catalogue check | predict | show`.

Exit codes: 0; 2 a catalogue with faults, one a line on stderr, or a model that it doesn't have.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from catalogue.check import check, load
from catalogue.faults import CatalogueError
from catalogue.listing import checked, predicted, predicted_json, shown

FAULTY = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except CatalogueError as error:
        print(error, file=sys.stderr)
        return FAULTY
    except BrokenPipeError:
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m catalogue", description="Published figures of others.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, what in (
        ("check", _check, "refuse figures without a source, out of range, twice, or that contradict others"),
        ("predict", _predict, "how well throughput predicts joules that others metered"),
        ("show", _show, "one model's figures, how each was computed and who stated it"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(run=run, json=False)
        if name == "show":
            command.add_argument("model", metavar="TAG", help="e.g. resnet50.a1_in1k")
        if name == "predict":
            command.add_argument("--json", action="store_true", help="for programs")
        command.add_argument(
            "folder", nargs="?", type=Path, help="a catalogue; the one that is installed if left out"
        )
    return parser


def _check(options: argparse.Namespace) -> int:
    catalogue, faults = check(options.folder)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults or catalogue is None:
        return FAULTY
    print(checked(catalogue))
    return 0


def _predict(options: argparse.Namespace) -> int:
    catalogue = load(options.folder)
    print(predicted_json(catalogue) if options.json else predicted(catalogue))
    return 0


def _show(options: argparse.Namespace) -> int:
    listing = shown(load(options.folder), options.model)
    print(listing.text, file=sys.stdout if listing.found else sys.stderr)
    return 0 if listing.found else FAULTY


if __name__ == "__main__":
    raise SystemExit(main())
