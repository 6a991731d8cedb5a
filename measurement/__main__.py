"""The command line: `python -m measurement doctor | schema | validate | run | meter | reference | submit | …`.

Exit codes: 0; 2 bad input; 3 over budget; 4 required meter missing; 5 measurement not trustworthy, or result held;
6 a submitted run has no result; 1 anything else.
Only `run` and `reference` import torch.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from measurement.documents import DocumentError
from measurement.errors import BadInput
from measurement.recipe import Recipe, load_recipe, recipe_json_schema


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as for every other fault."""
        self.exit(BadInput.exit_code, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except BrokenPipeError:
        code = 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="measurement", description="Meters the energy of a vision model's whole life.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    doctor = commands.add_parser("doctor", help="which meters this machine has, and what provenance they give")
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(command=_doctor)

    schema = commands.add_parser("schema", help="the JSON Schema of a recipe")
    schema.set_defaults(command=_schema)

    validate = commands.add_parser("validate", help="check a recipe without running it")
    validate.add_argument("recipe", type=Path)
    validate.set_defaults(command=_validate)

    from measurement.run.command import add_run_arguments, positive_number

    run = commands.add_parser("run", help="run a recipe and meter every phase of it")
    add_run_arguments(run)
    run.set_defaults(command=_run)

    from measurement.command.options import add_mark_arguments, add_meter_arguments

    meter = commands.add_parser("meter", help="meter any command, in phases that it marks")
    add_meter_arguments(meter)
    meter.set_defaults(command=_meter)

    mark = commands.add_parser("mark", help="mark a phase of the metered command that this is called from")
    add_mark_arguments(mark)
    mark.set_defaults(command=_mark)

    submit = commands.add_parser("submit", help="send a recipe to a leaderboard, which verifies it")
    from measurement.submission.command import add_submit_arguments

    add_submit_arguments(submit)
    submit.set_defaults(command=_submit)
    reference = commands.add_parser("reference", help="run the workload that shows whether this machine has drifted")
    reference.add_argument("--device", default="auto", help="auto, cpu or cuda:0 (default: auto)")
    reference.add_argument("--seconds", type=positive_number, default=5.0, metavar="S", help="how long (default: 5)")
    reference.add_argument("--json", action="store_true")
    reference.add_argument("--watch-stdin", action="store_true", help="end at once when standard input ends")
    reference.set_defaults(command=_reference)

    integrate = commands.add_parser("integrate", help="recompute joules from a power trace")
    from measurement.traces.integrate import add_integrate_arguments

    add_integrate_arguments(integrate)
    integrate.set_defaults(command=_integrate)

    manifest = commands.add_parser("manifest", help="the hash that shows whether machines have the same data")
    manifest.add_argument("folder", type=Path, help="a data set's folder, or a zip file of one")
    manifest.set_defaults(command=_manifest)

    recompute = commands.add_parser("recompute", help="check a published record's figures against its trace")
    from measurement.run.recompute import add_recompute_arguments

    add_recompute_arguments(recompute)
    recompute.set_defaults(command=_recompute)

    thin = commands.add_parser("thin", help="write a run's trace with fewer samples and the same joules")
    from measurement.run.thin import add_thin_arguments

    add_thin_arguments(thin)
    thin.set_defaults(command=_thin)
    return parser


def _doctor(options: argparse.Namespace) -> int:
    from measurement.doctor.diagnosis import run_doctor

    return run_doctor(json=options.json)


def _schema(options: argparse.Namespace) -> int:
    print(json.dumps(recipe_json_schema(), indent=2))
    return 0


def _validate(options: argparse.Namespace) -> int:
    recipe = _load(options.recipe)
    if recipe is None:
        return BadInput.exit_code
    if (fault := recipe.why_not_family()) is not None:
        print(f"{options.recipe}: {fault}", file=sys.stderr)
        return BadInput.exit_code
    phases = f"{len(recipe.phases)} phase{'s' if len(recipe.phases) != 1 else ''}"
    print(f"{options.recipe}: valid; track {recipe.track}, {phases}, sha256 {recipe.sha256}")
    return 0


def _submit(options: argparse.Namespace) -> int:
    from measurement.submission.command import run_submit

    return run_submit(options)


def _integrate(options: argparse.Namespace) -> int:
    from measurement.traces.integrate import run_integrate

    return run_integrate(options)


def _run(options: argparse.Namespace) -> int:
    from measurement.run.command import run_run

    return run_run(options)


def _reference(options: argparse.Namespace) -> int:
    try:
        from measurement.run.reference_workload import run_reference
    except ImportError as error:
        missing = f"{error.name or error} is not installed; run pip install 'full-cycle-energy-leaderboard[worker]'"
        print(missing, file=sys.stderr)
        return 1
    return run_reference(options)


def _meter(options: argparse.Namespace) -> int:
    from measurement.command.options import run_meter

    return run_meter(options)


def _mark(options: argparse.Namespace) -> int:
    from measurement.command.options import run_mark

    return run_mark(options)


def _manifest(options: argparse.Namespace) -> int:
    from measurement.tracks.manifest_command import run_manifest

    return run_manifest(options.folder)


def _recompute(options: argparse.Namespace) -> int:
    from measurement.run.recompute import run_recompute

    return run_recompute(options)


def _thin(options: argparse.Namespace) -> int:
    from measurement.run.thin import run_thin

    return run_thin(options)


def _load(path: Path) -> Recipe | None:
    try:
        return load_recipe(path)
    except DocumentError as error:
        for fault in error.faults:
            print(f"{path}: {fault}", file=sys.stderr)
        return None


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        from measurement.run.memory import start_without_thread_cache

        start_without_thread_cache()
    sys.exit(main())
