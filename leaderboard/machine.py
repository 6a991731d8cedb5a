"""This machine as `python -m measurement doctor` sees it, asked for in a child process so that none of it stays."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any


class MachineError(Exception):
    """The machine can't be asked, with what the operator can do."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a worker here runs on. `kind` is cpu or cuda."""

    name: str
    kind: str
    device: str
    diagnosis: dict[str, Any]

    @property
    def worker_name(self) -> str:
        """Celery's name for this machine's worker: one a host and device."""
        return f"{self.device.replace(':', '-')}@{socket.gethostname()}"


def inspect_machine(device: str) -> Machine:
    """Ask the doctor about `device` (auto, cpu or cuda:N). Raises MachineError."""
    command = [sys.executable, "-m", "measurement", "doctor", "--json", "--device", device]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=120, check=False, env=dict(os.environ))
    except subprocess.TimeoutExpired:
        raise MachineError("`python -m measurement doctor` did not answer within 2 minutes") from None
    if answer.returncode:
        raise MachineError(answer.stderr.decode(errors="replace").strip() or "the doctor failed without a word")
    diagnosis = json.loads(answer.stdout)
    hardware = diagnosis["hardware"]
    return Machine(hardware["name"], hardware["kind"], diagnosis["device"], diagnosis)
