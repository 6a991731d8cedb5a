"""The states of a run and the moves between them; the only table of allowed moves."""

from __future__ import annotations

from enum import StrEnum


class RunState(StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLED}),
    # Back to queued when the worker died or was stopped: another attempt, with a higher number.
    RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.QUEUED}),
    RunState.SUCCEEDED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
}
ACTIVE = frozenset(state for state, moves in MOVES.items() if moves)
FINAL = frozenset(RunState) - ACTIVE


def after_lost_worker(attempt: int, max_attempts: int) -> RunState:
    """The state of a run whose worker stopped responding in attempt number `attempt` (counted from 1)."""
    return RunState.QUEUED if attempt < max_attempts else RunState.FAILED
