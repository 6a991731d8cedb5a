"""A failed run in words: what ended it, and what to change before it is submitted again."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.models import Attempt, Ended


@dataclass(frozen=True, slots=True)
class Advice:
    """What ended a run, in a sentence; and what to do, a sentence each."""

    what: str
    to_do: tuple[str, ...]


_AGAIN = "Submit the recipe again as it is, or ask an administrator to run it again."
OF = {
    Ended.RECIPE: Advice(
        "The recipe can't be run: it fails on every machine.",
        (
            "Correct what the message names, and submit it as a new version.",
            "“python -m measurement validate RECIPE” on your own machine finds most such faults before you submit.",
        ),
    ),
    Ended.MACHINE: Advice(
        "The workers' machines failed: a disk, a device, a meter or a package. Your recipe is most likely right.",
        (_AGAIN, "If it fails in the same way again, the run may be what harms the machines: make it smaller."),
    ),
    Ended.DATA: Advice(
        "No worker that tried it has the data or the weights that the recipe names.",
        (
            "Check the data set's name and “manifest_sha256”, and the SHA-256 of weights, against docs/tracks.md.",
            "Or ask the operators to put them on a worker of this hardware.",
        ),
    ),
    Ended.BUDGET: Advice(
        "The budget of time or energy was spent before the end.",
        (
            "Raise “budget” in the recipe if it is the recipe's own; the site's own limit is in docs/settings.md.",
            "Or lower the cost: fewer epochs, a smaller resolution, or a sampled run with your own figure.",
        ),
    ),
    Ended.MEASUREMENT: Advice(
        "The measurement itself failed: training diverged, a figure could not be trusted, or an unexpected error.",
        (
            "If training diverged, lower the learning rate, or set another seed.",
            "If other work disturbed the machine, submit it again as it is.",
        ),
    ),
    Ended.MEMORY: Advice(
        "The run needed more memory than it may have.",
        ("Use a smaller “batch_size”, “inference.max_batch_size” or “resolution”.",),
    ),
    Ended.SILENCE: Advice(
        "The run reported nothing for too long, and was stopped.",
        (
            "An epoch of your recipe may take longer than the limit: use a smaller network, resolution or data set.",
            _AGAIN,
        ),
    ),
    Ended.CRASH: Advice(
        "The measurement crashed.",
        ("The last lines of its log may name the cause.", _AGAIN),
    ),
    Ended.WORKER: Advice(
        "Its worker stopped responding, or failed. Your recipe is most likely right.",
        (_AGAIN, "If this repeats, the run may need more memory than the machine has: make it smaller."),
    ),
}
UNKNOWN_FAULT = Advice("The run left no result.", ("Read the reason above.", _AGAIN))


def advice_for(attempt: Attempt | None) -> Advice:
    """What to say of a run that failed in this attempt; in general words if what ended it is not known."""
    if attempt is None or not attempt.fault:
        return UNKNOWN_FAULT
    found = OF[Ended(attempt.fault)]
    if attempt.fault_field:
        return Advice(found.what, (f"The part at fault is “{attempt.fault_field}”.", *found.to_do))
    return found
