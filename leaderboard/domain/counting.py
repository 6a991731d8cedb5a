"""Which of a work's results on one hardware its entries are the mean of."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from leaderboard.domain.runstate import RunState


class _Submission(Protocol):
    withdrawn_at: datetime | None


class Result(Protocol):
    """A run as far as this needs it."""

    pk: int
    mode: str
    state: str
    held_for: Any

    @property
    def submission(self) -> _Submission | None: ...


R = TypeVar("R", bound=Result)


def is_limited(document: dict[str, Any], batch_size: int) -> bool:
    """Whether a recipe's `max_batch_size` is below the batch that another result of the work was best with.

    Such a result does not count in `offline` and `end_to_end`: nobody spoils another's mean by a small batch.
    """
    limit: int | None = (document.get("inference") or {}).get("max_batch_size")
    return limit is not None and limit < batch_size


def counted(runs: Iterable[R]) -> list[R]:
    """The runs that count, the newest first: every full result that is not held; if nobody has one, every sampled.

    A re-run sharpens a figure instead of replacing it. Results of withdrawn submissions count until all submissions
    are withdrawn: nobody improves a mean by withdrawing.
    """
    valid = [run for run in runs if run.state == RunState.SUCCEEDED and not run.held_for]
    if not any(run.submission is None or run.submission.withdrawn_at is None for run in valid):
        return []
    full = [run for run in valid if run.mode == "full"]
    return sorted(full or valid, key=lambda run: -run.pk)
