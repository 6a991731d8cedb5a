"""Entries across hardware: of one model, or of one track. They are of several groups, so none of this ranks."""

from __future__ import annotations

from django.db.models import F, FloatField, Q, QuerySet
from django.db.models.expressions import ExpressionWrapper

from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Entry
from leaderboard.queries.boards import entries
from leaderboard.queries.privacy import visible


def _lines() -> QuerySet[Entry]:
    """Entries without the documents that no line shows."""
    return entries().defer("recipe__document", "published__document")


def at_usage(found: QuerySet[Entry], query: LeaderboardQuery) -> QuerySet[Entry]:
    """Entries with `energy_j`, E(N, K) of the query, the least first; those with a missing phase come last."""
    one_time = F("shared_energy_j") / query.shared_by + F("own_energy_j")
    energy_j = ExpressionWrapper(one_time + query.usage_intensity * F("inference_energy_j"), FloatField())
    return found.annotate(energy_j=energy_j).order_by("-complete", "energy_j", "pk")


def of_same_model(entry: Entry) -> QuerySet[Entry]:
    """The entry's work on all hardware, and the published model that it repeats, or what repeats it."""
    if entry.published is not None:
        name, pixels = entry.published.model, entry.published.resolution
    else:
        assert entry.recipe is not None, "the database holds one of the two"  # noqa: S101
        name, pixels = entry.method.published_model, entry.recipe.document["model"]["resolution"]
    same = Q(work=entry.work_id) if entry.work_id is not None else Q()
    if name:
        same |= Q(published__model=name, published__resolution=pixels)
        same |= Q(recipe__method__published_model=name, recipe__document__model__resolution=pixels)
    return _lines().filter(same)


def of_model_named(name: str) -> QuerySet[Entry]:
    """Entries whose title, published model or architecture is exactly `name`, upper and lower case alike."""
    titles = ("recipe__method__title", "published__method__title")
    models = ("recipe__method__published_model", "published__model", "recipe__document__model__architecture")
    named = Q()
    for field in (*titles, *models):
        named |= Q(**{f"{field}__iexact": name})
    return _lines().filter(named)


def titles_like(text: str, most: int) -> list[str]:
    """Titles of entries that contain `text`, or of models whose name does, sorted, at most `most`."""
    found = Entry.objects.filter(visible("board__private_to")).order_by()
    published = Q(published__method__title__icontains=text) | Q(published__model__icontains=text)
    named_by = {
        "recipe__method__title": Q(recipe__method__title__icontains=text),
        "published__method__title": published,
    }
    titles: set[str] = set()
    for field, named in named_by.items():
        titles |= set(found.filter(named).values_list(field, flat=True).distinct().order_by(field)[:most])
    return sorted(titles)[:most]


def of_track(query: LeaderboardQuery) -> QuerySet[Entry]:
    """Entries of the query's track, scenario and scope on all hardware, at or above its floor and by its filters."""
    found = _lines().filter(
        Entry.ON_BOARD, board__track=query.track, board__scenario=query.scenario, board__scope=query.scope
    )
    if query.floor:
        found = found.filter(quality__gte=query.floor)
    if not query.include_incomplete:
        found = found.filter(complete=True)
    if query.families:
        family = Q(recipe__method__family__in=query.families) | Q(published__method__family__in=query.families)
        found = found.filter(family)
    if query.provenance:
        found = found.filter(provenance__in=query.provenance)
    if query.source:
        found = found.filter(source=query.source)
    if query.hardware:
        found = found.filter(board__hardware__slug=query.hardware)
    for word in query.search.split():
        found = found.filter(
            Q(recipe__method__title__icontains=word)
            | Q(published__method__title__icontains=word)
            | Q(published__model__icontains=word)
            | Q(recipe__document__model__architecture__icontains=word)
            | Q(recipe__sha256__startswith=word.lower())
        )
    return found
