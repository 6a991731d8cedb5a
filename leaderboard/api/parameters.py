"""Reads query strings: every parameter is used, or named in a 400."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.http import QueryDict

from leaderboard.api.badge import METRICS
from leaderboard.api.errors import Error, Faults
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.board import AccuracyWeightField, LeaderboardForm, UsageIntensityField, one_of
from leaderboard.forms.page_query import read_query
from leaderboard.models import Hardware

BOARD = frozenset({"track", "hardware", "scenario", "scope"})
FILTER = frozenset(LeaderboardForm.base_fields)
PAGE = frozenset({"page", "page_size"})
REPEATABLE = frozenset({"family", "provenance", "quality_by"})


class PageForm(forms.Form):
    """Which part of a long list."""

    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)
    page_size = forms.IntegerField(required=False, min_value=1, max_value=500)


class UsageForm(forms.Form):
    """The usage intensity at which one entry is shown."""

    usage_intensity = UsageIntensityField(required=False)


class BadgeForm(UsageForm):
    """What a badge says of its entry."""

    metric = forms.ChoiceField(
        required=False, choices=[(metric, metric) for metric in METRICS], error_messages=one_of(METRICS)
    )
    accuracy_weight = AccuracyWeightField()


def check_names(given: QueryDict, known: frozenset[str]) -> None:
    """Raise Faults for unknown parameters, and for several values of a parameter that takes one."""
    errors: list[Error] = []
    for name, values in given.lists():
        if name not in known:
            allowed = f"use one of {', '.join(sorted(known))}" if known else "this address takes no parameters"
            errors.append((name, f"is not a parameter; {allowed}"))
        elif len(values) > 1 and name not in REPEATABLE:
            errors.append((name, f"is given {len(values)} times; give it once"))
    if errors:
        raise Faults(errors)


def board_query(given: QueryDict) -> LeaderboardQuery:
    """The reader's query. Raises Faults, also for unknown hardware."""
    asked = read_query(given)
    if asked.faults:
        raise Faults(asked.faults)
    if asked.query.hardware:
        check_hardware(asked.query.hardware)
    return asked.query


def read_page(given: QueryDict) -> tuple[int, int]:
    """Page number (from 1) and page size."""
    form = PageForm(given)
    _check(form)
    return form.cleaned_data["page"] or 1, form.cleaned_data["page_size"] or 50


def read_usage_intensity(given: QueryDict) -> float:
    """Images over the model's life."""
    form = UsageForm(given)
    _check(form)
    return form.cleaned_data["usage_intensity"] or LeaderboardQuery().usage_intensity


def read_badge(given: QueryDict) -> tuple[str, float, float]:
    """Metric, images over the model's life, and the τ of greenness."""
    form = BadgeForm(given)
    _check(form)
    data, default = form.cleaned_data, LeaderboardQuery()
    weight = data["accuracy_weight"]
    return (
        data["metric"] or METRICS[0],
        data["usage_intensity"] or default.usage_intensity,
        default.accuracy_weight if weight is None else weight,
    )


def check_hardware(slug: str) -> None:
    """Raise Faults, with the known hardware, unless `slug` is known."""
    known = list(Hardware.objects.values_list("slug", flat=True))
    if slug not in known:
        raise Faults([("hardware", unknown_hardware(slug, known))])


def unknown_hardware(slug: str, known: Iterable[str]) -> str:
    """The error message for unknown hardware."""
    names = ", ".join(known)
    return f"{slug[:100]!r} is unknown; {f'use one of {names}' if names else 'no worker has registered any yet'}"


def _check(form: forms.Form) -> None:
    errors = [(field, str(message)) for field, messages in form.errors.items() for message in messages]
    if errors:
        raise Faults(errors)
