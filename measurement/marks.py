"""Marks the phases of a program that `python -m measurement meter` runs. Standard library alone.

    from measurement.marks import phase

    with phase("train"):
        train()

Where the program isn't metered, marks do nothing. They work in any process that the program starts. A program in
another language writes one line to the Unix socket that MEASUREMENT_MARKS names, `begin train` or `end train`, and
reads one line: `ok`, or `error` and what is wrong. From a shell: `python -m measurement mark begin train`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from measurement.vocabulary import Phase

MARKS_VARIABLE = "MEASUREMENT_MARKS"
LONGEST_LINE = 200


class MarkError(RuntimeError):
    """A mark that was refused, with what to do."""


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Charge the body to the phase `name`: search, pretrain, train, compress, finetune, inference or evaluate.

    Work that torch has given to a GPU is waited for at both ends. Raises MarkError for another name, inside another
    phase, and if the meter is gone. A phase may come several times; its joules are added up.
    """
    begin(name)
    try:
        yield
    finally:
        end(name)


def begin(name: str) -> None:
    """The phase begins; returns once its window is open. Raises MarkError."""
    _mark("begin", name)


def end(name: str) -> None:
    """The phase ends; returns once its window is closed. Raises MarkError."""
    _mark("end", name)


def why_not_phase(name: str) -> str:
    """Why `name` can't be marked; empty if it can."""
    if name in set(Phase):
        return ""
    return f"{name!r} is not a phase; use one of {', '.join(Phase)}"


def _mark(verb: str, name: str) -> None:
    if why := why_not_phase(name):
        raise MarkError(why)
    path = os.environ.get(MARKS_VARIABLE, "")
    if not path:
        return
    _wait_for_gpu()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(path)
            connection.sendall(f"{verb} {name}\n".encode())
            answer = connection.makefile("r", encoding="utf-8").readline().strip()
    except OSError as error:
        raise MarkError(
            f"the meter does not answer at {path} ({error.strerror}); {MARKS_VARIABLE} must be that of the running "
            "`measurement meter`"
        ) from None
    if answer != "ok":
        raise MarkError(answer.removeprefix("error ") or "the meter has ended")


def _wait_for_gpu() -> None:
    """CUDA works on after the program has asked for it: a window that ended before would miss joules."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is not None and cuda.is_available() and cuda.is_initialized():
        for device in range(cuda.device_count()):
            cuda.synchronize(device)
