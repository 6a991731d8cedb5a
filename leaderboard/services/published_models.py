"""Verified results of published models: whether a recipe repeats one's training, and which of both is on a board."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.models import Entry, PublishedResult
from leaderboard.services.refusal import Refused
from measurement.documents import DocumentError, Fault
from measurement.recipe import DeclaredPhase, Model, PhaseSpec, PretrainedPhase, SupervisedPhase, parse_recipe
from measurement.recipe import Recipe as RecipeDocument
from measurement.recipe.parts import did_you_mean

FIELD = "method.published_model"
MOST_QUALITY_APART = 0.01
"""How far the quality of a result may be from that of the published one, 0 to 1. More is taken for other training."""


def check_published_model(recipe: RecipeDocument) -> None:
    """Raise unless the recipe repeats the training of the published model that it names, if it names one.

    Refused if no such model is published on its track, DocumentError with each field that differs.
    """
    model = recipe.method.published_model
    if model is None:
        return
    on_track = PublishedResult.objects.filter(board__track=recipe.track_key, left_at=None)
    documents = list(on_track.filter(model=model).values_list("document", flat=True))
    if not documents:
        close = did_you_mean(model, set(on_track.values_list("model", flat=True)))
        raise Refused(
            FIELD,
            f"no published result of track {recipe.track_key} is called {model!r}{close}; correct it or leave it out",
        )
    at_size = [document for document in documents if document["resolution"] == recipe.model.resolution]
    if not at_size:
        sizes = ", ".join(f"{px}" for px in sorted({document["resolution"] for document in documents}))
        what = f"is {recipe.model.resolution}, but {model} is published at {sizes} pixels"
        raise DocumentError([_with_remedy(Fault("model.resolution", what))])
    faults = [_with_remedy(fault) for fault in differences(recipe, at_size[0])]
    if faults:
        raise DocumentError(faults)


def _with_remedy(fault: Fault) -> Fault:
    return Fault(fault.field, f"{fault.message}; correct it, or leave out {FIELD}")


def differences(recipe: RecipeDocument, published: Mapping[str, Any]) -> Iterator[Fault]:
    """Each field in which a recipe differs from a published result's document: network, schedule, quality."""
    model, network = published["model"], recipe.model
    if "schedule" not in published:
        yield Fault(
            FIELD, f"{model} was imported by an older version, which kept no schedule (import_catalogue adds it)"
        )
        return
    if not isinstance(network, Model):
        yield Fault("model.format", f"is {network.format}, and {model} is a network of timm; leave it out")
        return
    for name, given in (("architecture", network.architecture), ("resolution", network.resolution)):
        if given != published[name]:
            yield Fault(f"model.{name}", f"is {given}, but {model} has {published[name]}")
    for name, factor in (("width", network.width), ("depth", network.depth)):
        if factor != 1:
            yield Fault(f"model.{name}", f"is {factor:g}, but {model} has the network as timm builds it")
    yield from _phases_differ(recipe, published)
    if recipe.reported is not None and abs(recipe.reported.quality - published["quality"]) > MOST_QUALITY_APART:
        yield Fault(
            "reported.quality",
            f"is {recipe.reported.quality:g}, but {model} is published with {published['quality']:g}",
        )


def _phases_differ(recipe: RecipeDocument, published: Mapping[str, Any]) -> Iterator[Fault]:
    model, schedule = published["model"], published["schedule"]
    # A recipe may declare search and pre-training anywhere.
    given = sorted(enumerate(recipe.phases), key=lambda numbered: ONE_TIME_PHASES.index(numbered[1].phase))
    names, there = [spec.phase for _, spec in given], [part["phase"] for part in schedule]
    if names != there:
        yield Fault("phases", f"are {', '.join(names)}, but those of {model} are {', '.join(there)}")
        return
    for (position, spec), part in zip(given, schedule, strict=True):
        for name, what in _phase_differs(spec, part, model, recipe.model.resolution):
            yield Fault(f"phases.{position}{name and '.'}{name}", what)


def _phase_differs(
    spec: PhaseSpec, part: Mapping[str, Any], model: str, resolution: int
) -> Iterator[tuple[str, str]]:
    """Fields of a phase that differ, empty for the whole phase, each with what is wrong."""
    if part["not_sayable"]:
        if part["phase"] not in ("search", "pretrain"):
            yield "", f"can't be compared with that of {model}: {part['not_sayable']}"
        elif not isinstance(spec, DeclaredPhase | PretrainedPhase):
            yield "technique", f"is {spec.technique}, but a recipe can only declare that of {model}"
        return
    if not isinstance(spec, SupervisedPhase):
        yield "technique", f"is {spec.technique}, but that of {model} is supervised training"
        return
    least, most = round(part["epochs"]), round(part["epochs_max"] or part["epochs"])
    if not least <= spec.epochs <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        yield "epochs", f"is {spec.epochs}, but {model} trained for {wanted}"
    size = mean_resolution(spec, resolution)
    if abs(size - part["resolution"]) > 1:
        yield (
            "progressive_resizing",
            f"gives images of {size:.0f} pixels (by their mean area), but {model} trained at {part['resolution']}",
        )
    for name in ("freeze", "early_stopping"):
        if getattr(spec, name) is not None:
            yield name, f"is set, but {model} trained all its layers for all its epochs"


def mean_resolution(spec: SupervisedPhase, resolution: int) -> float:
    """Height and width of an image of the mean area over all epochs, in pixels. resolution: that of the model."""
    stages = zip(spec.resizing_epochs(), spec.progressive_resizing, strict=True)
    area, begun = 0, 0
    for ended, stage in stages:
        area += (ended - begun) * stage.resolution**2
        begun = ended
    return math.sqrt((area + (spec.epochs - begun) * resolution**2) / spec.epochs)


def why_not_in_place_of(verified: Entry, published: Entry) -> str:
    """Why a verified entry does not take a published one's place on their board, as a clause; empty if it does.

    verified: with its recipe's document. published: with its result's document.
    """
    assert verified.recipe is not None, "a verified entry has a recipe"  # noqa: S101
    assert published.published is not None, "a published entry has a result"  # noqa: S101
    fault = next(differences(parse_recipe(verified.recipe.document), published.published.document), None)
    if fault is not None:
        return f"the recipe differs: {fault.field} {fault.message}"
    apart = verified.quality - published.quality
    if abs(apart) > MOST_QUALITY_APART:
        more = "higher" if apart > 0 else "lower"
        return (
            f"the verified quality is {100 * abs(apart):.1f} percentage points {more}, and more than "
            f"{100 * MOST_QUALITY_APART:g} apart is taken for another training"
        )
    if published.complete and not verified.complete:
        return "a phase of the verified result is missing, so that it would not be ranked"
    return ""


def replace_published(board_ids: Collection[int]) -> None:
    """Give the places of published entries to the verified ones that repeat them, and give back the others'.

    Of several verified ones a full result comes before a sampled one, then the newest. The boards are locked.
    """
    verified: dict[tuple[int, str], list[Entry]] = {}
    verified_ones = Entry.objects.filter(board__in=board_ids, source="verified", superseded_by=None)
    repeats = verified_ones.exclude(recipe__method__published_model="")
    for entry in repeats.select_related("recipe__method").order_by("mode", "-run_id"):
        verified.setdefault((entry.board_id, entry.method.published_model), []).append(entry)
    named = {model for _, model in verified}
    published = Entry.objects.filter(board__in=board_ids, source="published").select_related("published")
    for entry in [*published.filter(published__model__in=named), *published.exclude(replaced_by=None)]:
        assert entry.published is not None, "a published entry has a result"  # noqa: S101
        candidates = verified.get((entry.board_id, entry.published.model), ())
        best = next((found for found in candidates if not why_not_in_place_of(found, entry)), None)
        if entry.replaced_by_id != (best.pk if best else None):
            Entry.objects.filter(pk=entry.pk).update(replaced_by=best)
