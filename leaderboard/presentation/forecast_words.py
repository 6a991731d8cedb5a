"""A forecast in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.presentation.forecast import Forecast
from leaderboard.presentation.format import UNKNOWN, joules, seconds, watt_hours, words
from measurement.recipe import TrainingOptions

_BASES = {
    "same work": "of this very work",
    "same training": "with this network and these phases and epochs; other settings may differ",
    "same phases": "with this architecture and these phases",
}
AT_ONCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a run, and what that rests on."""

    what: str
    rests_on: str


def duration(forecast: Forecast) -> Expected:
    """About how long the run takes."""
    if forecast.time_s is None:
        return Expected("not known", "No run like it has ended with a result on this hardware yet.")
    return Expected(_from_to(forecast.time_s, seconds), _rests_on(forecast))


def energy(forecast: Forecast) -> Expected:
    """About what the run spends, in watt hours."""
    if forecast.energy_j is None or forecast.like is None:
        return Expected("not known", "No run like it has ended with a figure on this hardware yet.")
    kind = " or ".join(forecast.like.provenances)
    shown = f"{_from_to(forecast.energy_j, watt_hours)} ({_from_to(forecast.energy_j, joules)}), {kind}"
    return Expected(shown, "All that a run spends, its inference windows too, in accelerator scope.")


def beginning(forecast: Forecast) -> Expected:
    """When the run begins, and what comes before it."""
    place = forecast.place
    if forecast.wait.waits_for:
        return Expected("not known", f"It waits: {forecast.wait.waits_for}.")
    runs = f"{place.ahead} queued run{'' if place.ahead == 1 else 's'}"
    before = f"{runs} first, {place.running} running on the workers that can do it."
    if forecast.start_s is None:
        return Expected("not known", f"{before} No run has ended with a result on this hardware yet.")
    if forecast.start_s[1] < AT_ONCE_S:
        return Expected("at once", before)
    shown = f"in {_from_to(forecast.start_s, seconds)}"
    return Expected(shown, f"{before} By the middle half of the durations of this hardware's last results.")


def phase_lines(forecast: Forecast) -> list[dict[str, object]]:
    """A line for each phase: its name, its technique, and the provenance in each scope."""
    return [
        {
            "name": f"{phase.phase}{', ' + words(phase.scenario) if phase.scenario else ''}",
            "technique": words(phase.technique) if phase.technique != phase.phase else "",
            "scopes": phase.provenances,
        }
        for phase in forecast.phases
    ]


def _rests_on(forecast: Forecast) -> str:
    like = forecast.like
    if like is None:
        return ""
    number = len(like.durations_s)
    runs = f"From {number} successful run{'' if number == 1 else 's'} on this hardware {_BASES[like.basis]}"
    if like.basis != "same phases":
        return f"{runs}."
    least, most = like.epochs
    own = sum(spec.epochs for spec in forecast.recipe.phases if isinstance(spec, TrainingOptions))
    shown = f"{least}" if least == most else f"{least} to {most}"
    return f"{runs}; epochs {shown} there, {own} in yours, and sizes and settings may differ too."


def _from_to(values: tuple[float, float], write: object) -> str:
    assert callable(write)  # noqa: S101 - a function of format.py
    least, most = (str(write(value)) for value in values)
    return UNKNOWN if not least else least if least == most else f"{least} to {most}"
