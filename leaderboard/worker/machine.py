"""This machine as seen by `python -m measurement doctor`, in a child process: its libraries are not loaded here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from leaderboard.configuration import value_of_file
from measurement.dataroot import DATA_ROOT_VARIABLE
from measurement.tracks.hidden import KEY_VARIABLE


class MachineError(Exception):
    """The machine can't be asked, with what the operator can do."""


class DoctorFailed(MachineError):
    """The doctor itself failed: its words may name paths, so they are for the log alone."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a worker here runs on. `kind` is cpu or cuda."""

    name: str
    kind: str
    device: str
    diagnosis: dict[str, Any]

    @property
    def report(self) -> dict[str, Any]:
        """What the doctor says of its device."""
        return next(item for item in self.diagnosis["devices"] if item["device"] == self.device)

    @property
    def worker_name(self) -> str:
        """Celery's name for this machine's worker: one a host and device."""
        return f"{self.device.replace(':', '-')}@{settings.WORKER_NAME or socket.gethostname()}"


def data_root_variable() -> dict[str, str]:
    """Where a measurement finds data sets and weights: in DATA_ROOT, unless the operator set another folder."""
    return {DATA_ROOT_VARIABLE: os.environ.get(DATA_ROOT_VARIABLE) or str(settings.DATA_ROOT)}


def hidden_split_variable() -> dict[str, str]:
    """The key of the hidden splits' draws: derived one-way from the site's secret, unless the operator set another.

    So that all workers of a site draw the same images, which nobody outside can draw.
    """
    derived = salted_hmac("leaderboard.hidden_split", "", algorithm="sha256").hexdigest()
    return {KEY_VARIABLE: os.environ.get(KEY_VARIABLE) or value_of_file(KEY_VARIABLE) or derived}


def inspect_machine(device: str, timeout_s: float = 120) -> Machine:
    """Ask the doctor about `device`: cpu, cuda:N, or auto for the first GPU, else the CPU. Raises MachineError."""
    command = [sys.executable, "-m", "measurement", "doctor", "--json"]
    try:
        answer = subprocess.run(
            command, capture_output=True, timeout=timeout_s, check=False, env=os.environ | data_root_variable()
        )
    except subprocess.TimeoutExpired:
        raise DoctorFailed(f"`python -m measurement doctor` did not answer within {timeout_s:.0f} s") from None
    if answer.returncode:
        raise DoctorFailed(
            answer.stderr.decode(errors="replace").strip()
            or "`python -m measurement doctor` failed without a message"
        )
    diagnosis = json.loads(answer.stdout)
    found = {item["device"]: item for item in diagnosis["devices"]}
    readable = [name for name, item in found.items() if item["scopes"]["accelerator"]["provenance"] != "missing"]
    chosen = next((name for name in readable if name != "cpu"), "cpu") if device == "auto" else device
    if chosen not in found:
        raise MachineError(f"{chosen!r} not found on this machine; choose one of auto, {', '.join(found)}")
    if chosen not in readable:
        raise MachineError(f"{chosen} can't be measured: {'; '.join(found[chosen]['remedies'].values())}")
    kind = "cpu" if chosen == "cpu" else "cuda"
    return Machine(found[chosen]["name"], kind, chosen, diagnosis)
