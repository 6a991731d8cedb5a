"""The command line: `python -m measurement doctor | schema | validate | run | meter | reference | submit | …`.

Exit codes: 0; 2 bad input; 3 over budget; 4 required meter missing; 5 measurement not trustworthy, or result held;
6 a submitted run has no result; 1 anything else.
Only `run` and `reference` import torch.
"""

from __future__ import annotations

import argparse
import errno
import json
import math
import shutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from measurement.documents import DocumentError
from measurement.errors import BadInput, Fault, MeasurementError, MeterMissing
from measurement.recipe import Recipe, load_recipe, recipe_json_schema

# Errors of the system if a process lacks space, permission or a working disk.
MACHINE_ERRNOS = frozenset(
    (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ESTALE,
        errno.ENODEV,
    )
)
FULL_DISK_BYTES = 2**20


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

    run = commands.add_parser("run", help="run a recipe and meter every phase of it")
    _add_run_arguments(run)
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


def _add_run_arguments(run: argparse.ArgumentParser) -> None:
    run.add_argument("recipe", type=Path)
    run.add_argument("--out", type=Path, required=True, help="folder for record.json, trace.parquet and the weights")
    run.add_argument("--mode", choices=("full", "sampled"), default="full")
    run.add_argument("--device", default="auto", help="auto, cpu or cuda:0 (default: auto)")
    run.add_argument("--budget-s", type=positive_number, metavar="S", help="seconds that the run may take at most")
    run.add_argument(
        "--budget-j",
        type=positive_number,
        metavar="J",
        help="joules that the run may take at most (accelerator scope)",
    )
    run.add_argument("--require", choices=("metered",), help="fail if this machine can only estimate")
    run.add_argument("--force", action="store_true", help="replace an existing record in the folder")
    run.add_argument("--resume", action="store_true", help="continue after the last phase finished in the folder")
    run.add_argument(
        "--events", action="store_true", help="print events on standard output, one JSON object per line"
    )
    run.add_argument(
        "--accept-busy", action="store_true", help="measure nothing again that other work on this machine disturbed"
    )
    run.add_argument(
        "--memory-mb",
        type=positive_number,
        metavar="MIB",
        help="the process's memory limit: near it, freed memory is given back",
    )
    run.add_argument("--watch-stdin", action="store_true", help="end at once when standard input ends")


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


def _run(options: argparse.Namespace) -> int:
    from measurement.run.termination import Stopped, stop_on_signals, watch_stdin

    if options.watch_stdin:
        watch_stdin()
    stop_on_signals()
    try:
        recipe = load_recipe(options.recipe)
        _run_recipe(recipe, options)
    except DocumentError as error:
        for fault in error.faults:
            print(f"{options.recipe}: {fault}", file=sys.stderr)
        first = error.faults[0]
        return _failed(options, BadInput.exit_code, Fault.RECIPE, first.field, first.message)
    except MeasurementError as error:
        field = _option_at_fault(error, options)
        print(_fault_line(options.recipe, field, str(error)), file=sys.stderr)
        return _failed(options, error.exit_code, error.fault, field, str(error))
    except Stopped as stop:
        print(f"{options.recipe}: {stop}; no record was written", file=sys.stderr)
        return _failed(options, 1, Fault.MEASUREMENT, "", str(stop))
    except ImportError as error:
        message = f"{error.name or error} is not installed; run pip install 'full-cycle-energy-leaderboard[worker]'"
        print(f"{options.recipe}: {message}", file=sys.stderr)
        return _failed(options, 1, Fault.MACHINE, "", message)
    except Exception as error:  # people get one line, not a traceback
        message = _unexpected(error)
        print(f"{options.recipe}: {message}", file=sys.stderr)
        return _failed(options, 1, _fault_behind(error, options.out), "", message)
    return 0


def _run_recipe(recipe: Recipe, options: argparse.Namespace) -> None:
    from measurement.run.display import HumanDisplay, print_summary
    from measurement.run.options import RunOptions
    from measurement.run.runner import run_recipe

    display = HumanDisplay()
    reporter = _print_event if options.events else display
    with display:
        record = run_recipe(
            recipe,
            options.out,
            RunOptions(
                mode=options.mode,
                device=options.device,
                budget_s=options.budget_s,
                budget_j=options.budget_j,
                require_metered=options.require == "metered",
                force=options.force,
                resume=options.resume,
                accept_busy=options.accept_busy,
                memory_mb=options.memory_mb,
                reporter=reporter,
            ),
        )
    if not options.events:
        print_summary(record)
        print(f"record: {options.out / 'record.json'}")


def _load(path: Path) -> Recipe | None:
    try:
        return load_recipe(path)
    except DocumentError as error:
        for fault in error.faults:
            print(f"{path}: {fault}", file=sys.stderr)
        return None


def _print_event(event: object) -> None:
    from pydantic import BaseModel

    if isinstance(event, BaseModel):
        print(event.model_dump_json(), flush=True)


def _failed(options: argparse.Namespace, exit_code: int, fault: Fault, field: str, message: str) -> int:
    if options.events:
        from measurement.events import Failed

        _print_event(Failed(exit_code=exit_code, fault=fault, field=field, message=message))
    return exit_code


def _fault_behind(error: BaseException, out: Path) -> Fault:
    """The fault behind an unexpected error: the machine's if the system refused a resource, or if the disk is full.

    Libraries in C++ and Rust report a full disk by errors of their own, so the disk itself is checked.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in MACHINE_ERRNOS:
            return Fault.MACHINE
        seen = seen.__cause__ or seen.__context__
    try:
        free = shutil.disk_usage(out).free
    except OSError:
        return Fault.MACHINE
    return Fault.MACHINE if free < FULL_DISK_BYTES else Fault.MEASUREMENT


def _option_at_fault(error: MeasurementError, options: argparse.Namespace) -> str:
    """The option behind a fault of the device: the meter doesn't know which option required it."""
    if error.field != "device":
        return error.field
    return "--require" if options.require and isinstance(error, MeterMissing) else "--device"


def _fault_line(recipe: Path, field: str, message: str) -> str:
    if field.startswith("--"):
        return f"{field}: {message}"
    return f"{recipe}: {field}: {message}" if field else f"{recipe}: {message}"


def _unexpected(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    first_line = (str(error).strip().splitlines() or ["no message"])[0]
    return f"unexpected {type(error).__name__}{where}: {first_line}"


def positive_number(text: str) -> float:
    """A number above 0, as an option's value."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"must be a number greater than 0 (got {text!r})")
    return value


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        from measurement.run.memory import start_without_thread_cache

        start_without_thread_cache()
    sys.exit(main())
