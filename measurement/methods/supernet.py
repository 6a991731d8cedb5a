"""Technique `supernet`: one elastic network is trained once, and sub-networks are picked without training.

In the manner of once-for-all (H. Cai et al., https://arxiv.org/abs/1908.09791). Every step follows the sandwich rule
with in-place distillation (J. Yu, T. Huang, Universally Slimmable Networks, https://arxiv.org/abs/1903.05134): the
largest sub-network learns from the labels; the smallest and some others, at resolutions of their own, learn from the
outputs of the largest. Then sub-networks are scored on images that are held back, and the best is cut out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from measurement.errors import BadInput
from measurement.methods.search.choice import check_found, check_resolutions, is_sample, score_of
from measurement.methods.search.members import Size
from measurement.methods.search.progress import Progress
from measurement.methods.search.strategies import Axes, Evolution, NothingLeft, Point, next_point
from measurement.networks.build import count_parameters
from measurement.networks.elastic import ElasticMobile, MobileNetwork
from measurement.progress import Advance, no_progress
from measurement.recipe import ELASTIC_MOBILE, SubNetwork, SupernetPhase
from measurement.tracks import Split, held_back
from measurement.tracks.evaluation import evaluate
from measurement.training import LossOf, fit, rehearse_step, share_validated_from
from measurement.training.context import PhaseContext, PhaseOutcome

CALIBRATION_IMAGES = 2048
"""Training images for the running statistics of a cut-out network: the shared statistics belong to no single
network."""

LISTED = 20
"""Number of sub-networks that the record lists, best first."""


def search_supernet(context: PhaseContext) -> PhaseOutcome:
    """The best sub-network with its share of the trained weights, as an ordinary network.

    In a sample the scores mean nothing: there the choice is the submitter's. Raises what `fit` raises.
    """
    spec = context.spec_as(SupernetPhase)
    check_found(context, spec.found)
    elastic = _elastic(context)
    train, validation = _split(context, spec)
    progress = Progress(context.advance, expected=1.0)
    training = fit(
        replace(context, train=train.at(max(spec.space.resolutions)), advance=progress.of(0.8, "elastic network")),
        spec.training,
        _sandwich(context, spec),
        stage="elastic network",
        within="training",
    )
    picker = _Picker(context, spec, elastic, train, validation)
    picker.score_candidates(progress.of(0.2, "scoring"))
    chosen = spec.found if spec.found is not None and is_sample(context) else picker.best
    details = {
        "space_size": spec.space.size,
        "training": training,
        **_details(spec, picker, chosen, is_sample(context)),
    }
    return PhaseOutcome(picker.calibrated(chosen), details, ELASTIC_MOBILE, chosen.resolution)


def rehearse_supernet(context: PhaseContext) -> PhaseOutcome:
    """A training step of the elastic network, and a sub-network that the search may choose, cut out and run.

    Raises BadInput for a network that is not elastic, resolutions that the track does not take and constraints that
    not even the smallest sub-network meets.
    """
    spec = context.spec_as(SupernetPhase)
    check_found(context, spec.found)
    check_resolutions(context, spec.space.resolutions)
    elastic = _elastic(context)
    _check_constraints(context, spec, elastic)
    train = context.train.at(max(spec.space.resolutions))
    rehearse_step(replace(context, train=train), spec.training, _sandwich(context, spec), within="training")
    likely = spec.found or spec.space.smallest
    return PhaseOutcome(elastic.cut_out(likely), {}, ELASTIC_MOBILE, likely.resolution)


@dataclass(frozen=True, slots=True)
class _Scored:
    part: SubNetwork
    size: Size
    quality: float
    score: float

    def details(self) -> dict[str, Any]:
        sizes = {"parameters": self.size.parameters, "macs": self.size.macs}
        return (
            self.part.model_dump(mode="json")
            | sizes
            | {
                "quality": round(self.quality, 6),
                "score": round(self.score, 6),
            }
        )


class _Picker:
    """Scores sub-networks of a trained elastic network, and remembers the scores."""

    def __init__(
        self, context: PhaseContext, spec: SupernetPhase, elastic: ElasticMobile, train: Split, validation: Split
    ) -> None:
        self._context, self._spec, self._elastic = context, spec, elastic
        self._train, self._validation = train, validation
        self.scored: list[_Scored] = []

    @property
    def best(self) -> SubNetwork:
        """The one with the highest score; the first of equals."""
        return max(self.scored, key=lambda scored: scored.score).part

    def score_candidates(self, advance: Advance) -> None:
        """Score as many as are declared, or in a sample as many as the pace takes.

        A sample draws them at random, whatever the strategy: their scores mean nothing, and their mean cost is used
        for those left out.
        """
        spec, axes = self._spec, Axes(self._spec.space.axes)
        chance = Random(self._context.seed)  # noqa: S311 - reproducible, not secret
        evolves = spec.strategy == "evolution" and not is_sample(self._context)
        evolution = Evolution(spec.population, spec.tournament) if evolves else None
        scores: dict[Point, float] = {}
        for number in self._context.pace.steps("scoring of sub-networks", spec.candidates):
            try:
                point = next_point(axes, scores, chance, evolution, _allowed(spec, self._elastic))
            except NothingLeft:
                raise _too_few(self._context, len(scores)) from None
            scored = self._score(spec.space.member(*point))
            self.scored.append(scored)
            scores[point] = scored.score
            advance((number + 1) / spec.candidates, f"{number + 1} of {spec.candidates} sub-networks")

    def calibrated(self, part: SubNetwork) -> MobileNetwork:
        """The sub-network as a network of its own, its running statistics computed again from training images."""
        network = self._elastic.cut_out(part)
        size = self._spec.training.batch_size
        with torch.no_grad():
            update_bn(islice(self._train.at(part.resolution).batches(size), ceil(CALIBRATION_IMAGES / size)), network)
        return network.eval()

    def _score(self, part: SubNetwork) -> _Scored:
        network, size = self.calibrated(part), _size(self._elastic, part)
        quality = evaluate(self._context.track, network, self._validation.at(part.resolution), no_progress)
        return _Scored(part, size, quality, score_of(quality, size.macs, self._spec))


def _sandwich(context: PhaseContext, spec: SupernetPhase) -> LossOf:
    """The mean loss of the largest sub-network on the labels, and of the others on the largest one's outputs."""
    axes, space = Axes(spec.space.axes), spec.space
    chance = Random(context.seed)  # noqa: S311 - reproducible, not secret

    def loss_of(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        outputs = model(images, space.largest)
        loss = cross_entropy(outputs, targets, label_smoothing=spec.training.label_smoothing)
        taught = outputs.detach().softmax(dim=1)
        others = [space.smallest, *(space.member(*axes.draw(chance)) for _ in range(spec.random_per_step))]
        for part in others:
            loss = loss + cross_entropy(model(images, part), taught)
        return loss / (1 + len(others))

    return loss_of


def _split(context: PhaseContext, spec: SupernetPhase) -> tuple[Split, Split]:
    """The images that train the elastic network, none of which a later phase validates on, and those for the
    scores."""
    largest = max(spec.validation_share, share_validated_from(context))
    shares = largest, spec.validation_share
    (train, _), (_, validation) = (held_back(context.train, share, context.recipe.seed) for share in shares)
    return train, validation


def _elastic(context: PhaseContext) -> ElasticMobile:
    if not isinstance(context.model, ElasticMobile):
        raise BadInput(f"a supernet needs an elastic network; use {ELASTIC_MOBILE}", field="model.architecture")
    return context.model


def _size(elastic: ElasticMobile, part: SubNetwork) -> Size:
    outline = elastic.outline(part)
    return Size(count_parameters(outline), outline.macs(part.resolution))


def _allowed(spec: SupernetPhase, elastic: ElasticMobile) -> Callable[[Point], bool]:
    if spec.max_macs is None and spec.max_parameters is None:
        return lambda point: True
    return lambda point: _size(elastic, spec.space.member(*point)).fits(spec)


def _check_constraints(context: PhaseContext, spec: SupernetPhase, elastic: ElasticMobile) -> None:
    smallest = _size(elastic, spec.space.smallest)
    for name, least in (("max_parameters", smallest.parameters), ("max_macs", smallest.macs)):
        most = getattr(spec, name)
        if most is not None and least is not None and least > most:
            raise BadInput(
                f"{most:,}, and the smallest sub-network has {least:,}; raise the limit or allow "
                "smaller sub-networks",
                field=context.field(name),
            )


def _too_few(context: PhaseContext, scored: int) -> BadInput:
    return BadInput(
        f"only {scored} sub-networks were found that meet the constraints; use fewer candidates or weaker "
        "constraints",
        field=context.field("candidates"),
    )


def _details(spec: SupernetPhase, picker: _Picker, chosen: SubNetwork, sampled: bool) -> dict[str, Any]:
    """For the record: how many were scored, the best of them, and which was chosen and why."""
    details: dict[str, Any] = {"strategy": spec.strategy, "trained": 1, "scored": len(picker.scored)}
    if spec.found is not None:
        details["found"] = spec.found.model_dump(mode="json")
    details["chosen"] = chosen.model_dump(mode="json")
    if sampled:
        return details | {"chosen_because": "the submitter found it; a sample trains too little to rank sub-networks"}
    best = sorted(picker.scored, key=lambda scored: scored.score, reverse=True)
    details["candidates"] = [scored.details() for scored in best[:LISTED]]
    return details | {"chosen_because": f"the highest score ({best[0].score:.4f}) of {len(best)} sub-networks"}
