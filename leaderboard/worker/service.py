"""A worker leaves service while its machine lacks what a run needs, says so, and returns by itself."""

from __future__ import annotations

import time

import structlog
from django.db import Error, connection

from leaderboard import services
from leaderboard.worker import folders
from leaderboard.worker.fitness import Fitness, lacks_disk, lacks_fence
from leaderboard.worker.follow import Termination

CHECK_EVERY_S = 10.0
PAUSE_S, LONGEST_PAUSE_S = 10.0, 300.0
# A disk that others filled may be emptied within this time; later, what fills it may be our own checkpoints.
CHECKPOINTS_KEPT_S = 600.0

log = structlog.get_logger()


class MachineBackoff:
    """How long this worker pauses after a fault of its machine: longer with each fault in a row."""

    def __init__(self) -> None:
        self._faults = 0

    def pause_s(self, machine_ok: bool) -> float:
        """Seconds to wait before the next run. machine_ok: whether the last run met no fault of the machine."""
        self._faults = 0 if machine_ok else self._faults + 1
        return 0.0 if machine_ok else min(PAUSE_S * 3.0 ** (self._faults - 1), LONGEST_PAUSE_S)


class Service:
    """Whether this worker takes runs."""

    def __init__(self) -> None:
        self.fitness = Fitness()
        self.backoff = MachineBackoff()

    def begin(self, worker: str, termination: Termination) -> bool:
        """Whether the worker may claim a run: at once if its disks can be written to. False if it is to end."""
        if reason := lacks_disk() or lacks_fence():
            self._wait(worker, termination, reason, 0.0)
        self._stay_paused(worker, termination)
        return not termination.requested

    def _stay_paused(self, worker: str, termination: Termination) -> None:
        """Wait while an administrator has paused this worker or its hardware: the runs go to others meanwhile."""
        was_paused = False
        while not termination.requested and (reason := paused(worker)):
            was_paused = True
            report(worker, reason)
            termination.wait(CHECK_EVERY_S)
        if was_paused:
            report(worker, "")

    def end(self, worker: str, termination: Termination, fault: str) -> None:
        """After a run: wait until the machine has recovered from its fault. fault: in words, empty if there was none.

        If nothing is lacking any more, it still pauses, since the next run may meet the same fault.
        """
        pause_s = self.backoff.pause_s(machine_ok=not fault)
        if fault:
            self._wait(worker, termination, fault, pause_s)

    def _wait(self, worker: str, termination: Termination, reason: str, pause_s: float) -> None:
        log.warning("out of service", worker=worker, reason=reason)
        began, lacked = time.monotonic(), False
        while not termination.requested:
            lacking = self.fitness.lacks()
            lacked = lacked or bool(lacking)
            waited = time.monotonic() - began
            if not lacking and (lacked or waited >= pause_s):
                report(worker, "")
                log.info("back in service", worker=worker, after_s=round(waited))
                return
            report(worker, lacking or f"it pauses after a fault: {reason}")
            if waited > CHECKPOINTS_KEPT_S and lacks_disk():
                folders.remove_checkpoints()
            termination.wait(CHECK_EVERY_S if lacked else min(CHECK_EVERY_S, pause_s - waited))


service = Service()
"""That of this process, which is one worker."""


def paused(worker: str) -> str:
    """Why this worker is to begin no run: paused, or drifted; empty if it may, or if the database does not answer."""
    try:
        return services.why_paused(worker)
    except Error as error:
        log.warning("pause not read", worker=worker, reason=str(error))
        connection.close()
        return ""


def report(worker: str, out_of_service: str) -> None:
    """Note that the worker is alive, and why it takes no run; empty if it does. Never raises for the database."""
    try:
        services.worker_seen(worker, out_of_service)
    except Error as error:
        log.warning("state of service not stored", worker=worker, reason=str(error))
        connection.close()
