"""Technique `architecture_search`: candidates of a declared space are trained for a while, and the best is chosen.

Random search, aging evolution or successive halving (`strategies.py`), scored on images that are held back from
training. The best goes on as an architecture, with new random weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from torch import nn

from measurement.errors import MeasurementError
from measurement.methods.search.choice import check_found, is_sample, score_of
from measurement.methods.search.members import Members, Size
from measurement.methods.search.progress import Progress
from measurement.methods.search.strategies import Evolution, NothingLeft, Point, next_point, rounds
from measurement.recipe import ArchitectureSearchPhase, Model
from measurement.tracks import held_back
from measurement.tracks.evaluation import evaluate
from measurement.training import fit
from measurement.training.context import PhaseContext, PhaseOutcome


def search_architectures(context: PhaseContext) -> PhaseOutcome:
    """The best member of the space, untrained.

    In a sample the scores mean nothing: there the choice is the submitter's. Raises MeasurementError naming the
    candidate whose loss is not a number, and BadInput for one that can't be built.
    """
    spec = context.spec_as(ArchitectureSearchPhase)
    check_found(context, spec.found)
    search = _Search(context, spec)
    finalists = search.halving() if spec.strategy == "successive_halving" else search.one_by_one()
    best = max(finalists, key=lambda trial: (trial.score, -(trial.size.macs or 0)))
    chosen = spec.found if spec.found is not None and is_sample(context) else best.member
    return PhaseOutcome(
        search.members.build(chosen),
        _details(spec, search, chosen, best, is_sample(context)),
        architecture=chosen.architecture,
        resolution=chosen.resolution,
    )


def rehearse_search(context: PhaseContext) -> PhaseOutcome:
    """Build members of the space and train each for a step; continue with one that the search may choose.

    Raises BadInput if a member can't be built or trained, or if too few meet the constraints.
    """
    spec = context.spec_as(ArchitectureSearchPhase)
    check_found(context, spec.found)
    members = Members(context, spec)
    members.rehearse()
    chance = Random(context.seed)  # noqa: S311 - reproducible, not secret
    try:
        likely = spec.found or members.member(next_point(members.axes, {}, chance, None, members.is_allowed))
    except NothingLeft:
        raise members.nothing_left(0) from None
    return PhaseOutcome(members.build(likely), {}, likely.architecture, likely.resolution)


@dataclass(slots=True)
class _Trial:
    """A candidate; `network` is kept while it may be trained further."""

    member: Model
    size: Size
    network: nn.Module | None = None
    epochs: int = 0
    quality: float = 0.0
    score: float = 0.0

    def details(self, *, is_scored: bool) -> dict[str, Any]:
        sizes = {"parameters": self.size.parameters, "macs": self.size.macs, "epochs": self.epochs}
        scores = {"quality": round(self.quality, 6), "score": round(self.score, 6)} if is_scored else {}
        return self.member.model_dump(mode="json") | sizes | scores


class _Search:
    """Trains candidates and remembers them all, in the order of their first training."""

    def __init__(self, context: PhaseContext, spec: ArchitectureSearchPhase) -> None:
        self._context, self._spec = context, spec
        self._chance = Random(context.seed)  # noqa: S311 - reproducible, not secret
        # The recipe's seed alone draws them: every search of a recipe scores on the same images.
        self._train, self._validation = held_back(context.train, spec.validation_share, context.recipe.seed)
        self.members = Members(context, spec)
        self.trials: dict[Point, _Trial] = {}

    def one_by_one(self) -> list[_Trial]:
        """Every candidate for the declared epochs; with `evolution` the later ones descend from the best."""
        spec = self._spec
        evolution = Evolution(spec.population, spec.tournament) if spec.strategy == "evolution" else None
        waiting = self._drawn(evolution.population if evolution else spec.candidates)
        progress = self._progress(waiting, spec.candidates * spec.training.epochs)
        for number in range(spec.candidates):
            point = waiting[number] if number < len(waiting) else self._next(evolution)
            trial = self._begin(point)
            self._train_on(trial, spec.training.epochs, progress)
            trial.network = None
        return list(self.trials.values())

    def halving(self) -> list[_Trial]:
        """All candidates for the declared epochs, the best of them for longer, until one is left."""
        spec = self._spec
        plan = rounds(spec.candidates, spec.training.epochs, spec.halving_factor)
        drawn = self._drawn(spec.candidates)
        further = [after - before for (_, after), before in zip(plan, (0, *(had for _, had in plan)), strict=False)]
        progress = self._progress(drawn, sum(count * more for (count, _), more in zip(plan, further, strict=True)))
        left = [self._begin(point) for point in drawn]
        for (count, _), more in zip(plan, further, strict=True):
            left.sort(key=lambda trial: trial.score, reverse=True)
            for trial in left[count:]:
                trial.network = None
            left = left[:count]
            for trial in left:
                self._train_on(trial, more, progress)
        return left

    def _drawn(self, count: int) -> list[Point]:
        """Candidates that depend on no score."""
        drawn: dict[Point, float] = {}
        for _ in range(count):
            drawn[self._next(None, drawn)] = 0.0
        return list(drawn)

    def _next(self, evolution: Evolution | None, tried: dict[Point, float] | None = None) -> Point:
        tried = {point: trial.score for point, trial in self.trials.items()} if tried is None else tried
        try:
            return next_point(self.members.axes, tried, self._chance, evolution, self.members.is_allowed)
        except NothingLeft:
            raise self.members.nothing_left(len(tried)) from None

    def _progress(self, drawn: list[Point], epochs: int) -> Progress:
        """epochs: of all candidates together; those not drawn yet are assumed to be as large as those that are."""
        works = [self.members.size(self.members.member(point)).macs or 1 for point in drawn]
        return Progress(self._context.advance, epochs * sum(works) / len(works))

    def _begin(self, point: Point) -> _Trial:
        member = self.members.member(point)
        self.trials[point] = trial = _Trial(member, self.members.size(member))
        return trial

    def _train_on(self, trial: _Trial, epochs: int, progress: Progress) -> None:
        """Train a candidate for so many epochs more, or until it stops early, from its present weights, and score
        it."""
        number = 1 + list(self.trials.values()).index(trial)
        name = f"candidate {number}, {trial.member}"
        network = (trial.network or self.members.build(trial.member)).to(self._context.device)
        train, validation = (split.at(trial.member.resolution) for split in (self._train, self._validation))
        advance = progress.of((trial.size.macs or 1) * epochs, name)
        context = replace(self._context, model=network, train=train, advance=advance)
        options = self._spec.training.model_copy(update={"epochs": epochs})
        try:
            trained = fit(context, options, stage=name, within="training")
        except MeasurementError as error:
            if not error.field.startswith("phases."):
                raise
            raise type(error)(f"{trial.member}: {error}", field=error.field) from error
        trial.quality = evaluate(
            self._context.track, network, validation, lambda *_, **__: advance(1.0, "validation")
        )
        trial.score = score_of(trial.quality, trial.size.macs, self._spec)
        trial.epochs += trained["epochs"]
        trial.network = network.cpu()


def _details(
    spec: ArchitectureSearchPhase, search: _Search, chosen: Model, best: _Trial, sampled: bool
) -> dict[str, Any]:
    """For the record: every candidate, and which was chosen and why."""
    trained = len(search.trials)
    why = (
        "the submitter found it; a sample trains too little to rank candidates"
        if sampled
        else f"the highest score ({best.score:.4f}) of {trained} candidates"
    )
    details: dict[str, Any] = {
        "strategy": spec.strategy,
        "space_size": spec.space.size,
        "trained": trained,
        "epochs": sum(trial.epochs for trial in search.trials.values()),
        "candidates": [trial.details(is_scored=not sampled) for trial in search.trials.values()],
        "chosen": chosen.model_dump(mode="json"),
        "chosen_because": why,
    }
    return details | ({"found": spec.found.model_dump(mode="json")} if spec.found else {})
