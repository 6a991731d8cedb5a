"""The workers as the queue page and `manage.py doctor` show them."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.models import Reference, Scope, Worker
from leaderboard.presentation.format import UNKNOWN, joules, number, seconds, signed_per_cent

IN_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A live worker. `metering`: the provenance of its device in each scope; empty if it reported none."""

    worker: Worker
    metering: dict[str, str]
    clock: str
    seen: str
    reference: list[str]


def worker_line(worker: Worker) -> WorkerLine:
    """Of one of queries.live_workers()."""
    silent_s = worker.silent_for.total_seconds()  # type: ignore[attr-defined]  # annotated by the query
    return WorkerLine(
        worker,
        metering(worker),
        clock_in_words(worker.clock_offset_s),
        f"{seconds(silent_s)} ago",
        reference_in_words(worker.reference),
    )


def clock_in_words(offset_s: float | None) -> str:
    """How far a clock is from the database's: "in step" within a second."""
    if offset_s is None:
        return UNKNOWN
    if abs(offset_s) < IN_STEP_S:
        return "in step"
    return f"{seconds(abs(offset_s))} {'ahead' if offset_s > 0 else 'behind'}"


def reference_in_words(found: Reference | None) -> list[str]:
    """What the reference workload took last, when, and how that compares: a phrase each; empty if it never ran."""
    if found is None:
        return []
    return [
        f"{number(found.images_per_s)} images/s, {_joules(found)}",
        f"on {found.at:%Y-%m-%d %H:%M}",
        *_compared(found),
    ]


def _joules(found: Reference) -> str:
    if found.energy_per_image_j is None:
        return "no joules"
    return f"{joules(found.energy_per_image_j)} an image, {found.provenance}"


def _compared(found: Reference) -> list[str]:
    """Against its own past and other workers; joules of a power model are not compared."""
    if found.is_disturbed:
        return ["other work disturbed it, so it is compared with nothing"]
    if found.drift is None:
        return [f"too few of its own to compare with ({found.past})"]
    energy = "" if found.energy_drift is None else f", joules {signed_per_cent(found.energy_drift)}"
    of = f"throughput {signed_per_cent(found.drift)}{energy} against the median of {found.past} of its own"
    others = found.of_hardware
    return [of, *([] if others is None else [f"{signed_per_cent(others)} against this hardware's other workers"])]


def metering(worker: Worker) -> dict[str, str]:
    """The provenance of a worker's device in each scope; empty if it reported none."""
    devices = {device["device"]: device for device in worker.diagnosis.get("devices", ())}
    scopes = devices.get(worker.device, {}).get("scopes", {})
    # In the order of Scope: PostgreSQL sorts an object's keys.
    return {scope: scopes[scope]["provenance"] for scope in Scope.values if scope in scopes}
