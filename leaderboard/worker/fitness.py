"""What this worker's machine lacks for a run at this moment: disk, device or meter.

The reasons are shown on public pages: they name no folder, address or account.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from django.conf import settings

from leaderboard.worker import folders
from leaderboard.worker.machine import DoctorFailed, Machine, MachineError, inspect_machine
from measurement.dataroot import NEEDED_BYTES, why_not_writable
from measurement.fence import Sandbox, state_of_fence
from measurement.recipe import parse_recipe

# Processes that decode images pass batches through it.
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only its free space is read
# Less than a lease: a run may wait for the answer.
EXAMINED_WITHIN_S = 20.0
PROVENANCES = ("missing", "estimated", "metered")

NO_FENCE = "`manage.py doctor` there says what it lacks"

log = structlog.get_logger()


class Fitness:
    """Compares the machine with `started_as`: itself when the worker started, None in a process that is none."""

    def __init__(self) -> None:
        self.started_as: Machine | None = None

    def lacks(self) -> str:
        """What a run would lack, in words; empty if nothing. Takes about a second of a processor."""
        return lacks_disk() or lacks_fence() or self._lacks_device()

    def _lacks_device(self) -> str:
        if self.started_as is None:
            return ""
        try:
            now = inspect_machine(self.started_as.device, timeout_s=EXAMINED_WITHIN_S)
        except DoctorFailed as error:
            log.warning("doctor failed", reason=str(error))
            return "its device and meter can't be examined; the worker's log has the reason"
        except MachineError as error:
            return str(error)
        if now.report.get("in_use"):
            return str(now.report["in_use"])
        return _weaker(self.started_as, now)


def _weaker(before: Machine, now: Machine) -> str:
    """The scope whose provenance is weaker than when the worker started, and what would help."""
    scopes = before.report["scopes"]
    for scope, found in now.report["scopes"].items():
        was = scopes[scope]["provenance"]
        if PROVENANCES.index(found["provenance"]) < PROVENANCES.index(was):
            remedies = "; ".join(dict.fromkeys(now.report["remedies"].values()))
            return f"{now.device} was {was} in the scope {scope} and is now {found['provenance']}: {remedies}"
    return ""


def lacks_disk(*, by_writing: bool = True) -> str:
    """Which disk can't be written to, in words; empty if all can. by_writing: see why_not_writable."""
    places = {"the disk of its work folder": folders.root(), "the disk of stored files": Path(settings.MEDIA_ROOT)}
    written: set[int] = set()
    for name, place in places.items():
        if reason := why_not_writable(place, by_writing=by_writing and _device(place) not in written):
            return f"{name} can't take {NEEDED_BYTES // 2**20} MiB: {reason}"
        written.add(_device(place))
    if SHARED_MEMORY.is_dir() and (reason := why_not_writable(SHARED_MEMORY, by_writing=False)):
        return f"its shared memory can't take {NEEDED_BYTES // 2**20} MiB: {reason}"
    return ""


def lacks_fence() -> str:
    """Why no run may begin here if SANDBOX is `require`; empty if one may."""
    if settings.SANDBOX != Sandbox.REQUIRE or state_of_fence().is_whole:
        return ""
    return f"it has no fence around verifications, which SANDBOX=require asks for: {NO_FENCE}"


def lacks_fence_for(recipe: dict[str, Any]) -> str:
    """Why this recipe may not run here if SANDBOX is `uploads`: it brings files, and there is no fence."""
    if settings.SANDBOX != Sandbox.UPLOADS or state_of_fence().is_whole:
        return ""
    parsed = parse_recipe(recipe)
    finished = parsed.reported is not None and parsed.reported.weights_sha256
    if not (parsed.brought_weights or finished):
        return ""
    return f"This recipe brings its submitter's files, and the worker has no fence around verifications: {NO_FENCE}"


def _device(place: Path) -> int:
    """Of the file system. -1 if the folder is not there yet."""
    try:
        return place.stat().st_dev
    except OSError:
        return -1
