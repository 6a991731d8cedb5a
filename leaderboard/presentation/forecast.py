"""What is to be expected of a submission before it is made: faults, phases, workers, duration, energy, its turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from leaderboard import queries, services
from leaderboard.domain.energy import INFERENCE
from leaderboard.domain.waiting import expected_start_s
from leaderboard.models import Hardware, Provenance, Scope, Submission
from leaderboard.presentation.workers import metering
from measurement.documents import DocumentError, Fault, read_document, with_lines
from measurement.recipe import DeclaredPhase, PretrainedPhase, Recipe, parse_recipe


@dataclass(frozen=True, slots=True)
class ExpectedPhase:
    """A phase, and the provenance to expect of its joules in each scope: more than one if the workers differ."""

    phase: str
    technique: str
    scenario: str
    provenances: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a verification of a recipe on a hardware would be like. None and empty: not known.

    start_s: seconds until it begins, from and to. found: a submission that has what is asked for already.
    """

    recipe: Recipe
    hardware: Hardware
    mode: str
    phases: tuple[ExpectedPhase, ...]
    wait: queries.Wait
    place: queries.Place
    start_s: tuple[float, float] | None
    like: queries.LikeRuns | None
    found: Submission | None

    @property
    def weights(self) -> tuple[str, ...]:
        """Weights that have to be in a worker's store; workers don't say which they have."""
        reported = self.recipe.reported.weights_sha256 if self.recipe.reported else None
        return tuple(sorted({*self.recipe.brought_weights, *filter(None, [reported])}))

    @property
    def time_s(self) -> tuple[float, float] | None:
        """How long like runs took, shortest and longest."""
        return _range(self.like.durations_s) if self.like else None

    @property
    def energy_j(self) -> tuple[float, float] | None:
        """What like runs spent in accelerator scope, least and most."""
        return _range(self.like.energies_j) if self.like else None


def check_text(text: str, mode: str, user: User | None) -> tuple[Recipe | None, list[Fault]]:
    """The recipe in a text if this person can submit it, and all that is wrong with it, each with its line."""
    try:
        document = read_document(text)
    except DocumentError as error:
        return None, with_lines(text, error.faults)
    recipe, faults = check_document(document, mode, user)
    return recipe, with_lines(text, faults)


def check_document(document: Any, mode: str, user: User | None) -> tuple[Recipe | None, list[Fault]]:
    """The recipe in a document if this person can submit it, and all that is wrong with it."""
    if not isinstance(document, Mapping):
        return None, [Fault("recipe", "must be an object")]
    try:
        recipe = services.of_submitter(parse_recipe(dict(document)), user)
    except DocumentError as error:
        return None, error.faults
    except services.Refused as refusal:
        return None, [Fault(refusal.field, refusal.message)]
    faults = services.why_not(recipe, mode, user)
    return (None if faults else recipe), faults


def forecast(recipe: Recipe, hardware: Hardware, mode: str, user: User | None) -> Forecast:
    """For a recipe without faults. The number of queries does not depend on it."""
    wait = queries.wait_of(hardware, recipe.track_key, mode)
    able = wait.able
    place = queries.place_of_new(hardware, user, able)
    start_s = expected_start_s(place.ahead, place.running, len(able), queries.durations_s(hardware))
    return Forecast(
        recipe=recipe,
        hardware=hardware,
        mode=mode,
        phases=tuple(_phases(recipe, wait, mode)),
        wait=wait,
        place=place,
        start_s=start_s,
        like=queries.like_runs(recipe, hardware, mode),
        found=queries.standing_submission(recipe, hardware, mode),
    )


def _phases(recipe: Recipe, wait: queries.Wait, mode: str) -> Iterator[ExpectedPhase]:
    devices = [metering(found.worker) for found in wait.workers if not found.why_not]
    devices = devices or [metering(found.worker) for found in wait.workers]
    measured = {
        scope.value: tuple(sorted({device[scope] for device in devices if scope in device})) for scope in Scope
    }
    sampled = {
        scope: tuple(
            sorted({Provenance.EXTRAPOLATED.value if it == Provenance.METERED else it for it in provenances})
        )
        for scope, provenances in measured.items()
    }
    one_time = sampled if mode == "sampled" else measured
    for spec in recipe.phases:
        declared = _declared(spec) if isinstance(spec, DeclaredPhase | PretrainedPhase) else None
        yield ExpectedPhase(spec.phase, spec.technique, "", declared or one_time)
    for scenario in recipe.inference.scenarios:
        yield ExpectedPhase(INFERENCE, "", scenario, measured)


def _declared(spec: DeclaredPhase | PretrainedPhase) -> dict[str, tuple[str, ...]]:
    reported = {spec.scope} if spec.energy_j is not None else set()
    return {
        scope.value: (Provenance.REPORTED.value if scope.value in reported else Provenance.MISSING.value,)
        for scope in Scope
    }


def _range(values: tuple[float, ...]) -> tuple[float, float] | None:
    return (min(values), max(values)) if values else None
