"""Whether a window's device was idle for lack of input: then its joules are partly those of the input pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from measurement.vocabulary import Flag

MAX_WAIT_SHARE = 0.1
"""Share of a window's time, pauses left out, that work on a GPU may wait for input without being flagged."""


@dataclass(frozen=True, slots=True)
class InputWait:
    """How long the data loop waited for its next batch (`waited_s`) out of the time that was measured (`active_s`).

    `waited_s` is None if no loop reported it. On a CPU, reading the input is work of the same device: nothing is
    flagged.
    """

    waited_s: float | None
    active_s: float
    device: str

    @property
    def share(self) -> float | None:
        """Share of the measured time, 0..1; None if unknown. Capped at 1, since several loops may wait at the same
        time."""
        return None if self.waited_s is None or self.active_s <= 0 else min(1.0, self.waited_s / self.active_s)

    @property
    def is_starved(self) -> bool:
        return self.device != "cpu" and (self.share or 0.0) > MAX_WAIT_SHARE

    @property
    def flags(self) -> frozenset[Flag]:
        """`input_starved`, if it was."""
        return frozenset({Flag.INPUT_STARVED}) if self.is_starved else frozenset()

    @property
    def notes(self) -> tuple[str, ...]:
        """The same as text, with what to do."""
        if not self.is_starved:
            return ()
        return (
            f"the GPU waited for its input {self.share:.0%} of the time; use more loader processes or faster storage",
        )

    @property
    def conditions(self) -> dict[str, float]:
        """The share for the record, if known."""
        return {} if self.share is None else {"input_wait_share": round(self.share, 4)}
