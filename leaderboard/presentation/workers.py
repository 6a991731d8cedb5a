"""The workers as the queue page and `manage.py doctor` show them."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.models import Scope, Worker
from leaderboard.presentation.format import UNKNOWN, seconds

IN_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A live worker. `metering`: the provenance of its device in each scope; empty if it reported none."""

    worker: Worker
    metering: dict[str, str]
    clock: str
    seen: str


def worker_line(worker: Worker) -> WorkerLine:
    """Of one of queries.live_workers()."""
    silent_s = worker.silent_for.total_seconds()  # type: ignore[attr-defined]  # annotated by the query
    return WorkerLine(worker, _metering(worker), clock_in_words(worker.clock_offset_s), f"{seconds(silent_s)} ago")


def clock_in_words(offset_s: float | None) -> str:
    """How far a clock is from the database's: "in step" within a second."""
    if offset_s is None:
        return UNKNOWN
    if abs(offset_s) < IN_STEP_S:
        return "in step"
    return f"{seconds(abs(offset_s))} {'ahead' if offset_s > 0 else 'behind'}"


def _metering(worker: Worker) -> dict[str, str]:
    devices = {device["device"]: device for device in worker.diagnosis.get("devices", ())}
    scopes = devices.get(worker.device, {}).get("scopes", {})
    # In the order of Scope: PostgreSQL sorts an object's keys.
    return {scope: scopes[scope]["provenance"] for scope in Scope.values if scope in scopes}
