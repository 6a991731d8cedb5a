"""`python -m measurement run`: run a recipe, and say in a line, in an event and by the exit code what went wrong.

torch is imported when a recipe begins, not before.
"""

from __future__ import annotations

import argparse
import errno
import math
import shutil
import sys
import traceback
from pathlib import Path

from measurement.documents import DocumentError
from measurement.errors import BadInput, Fault, MeasurementError, MeterMissing
from measurement.recipe import Recipe, load_recipe

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


def add_run_arguments(run: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
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


def run_run(options: argparse.Namespace) -> int:
    """Run the command; every fault is one line, and an event where events are asked for. Returns the exit code."""
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
