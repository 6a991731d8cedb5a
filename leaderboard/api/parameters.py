"""Reads query strings: every parameter is used, or named in a 400."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from leaderboard.api.badge import METRICS
from leaderboard.api.documentation import DOCUMENTED
from leaderboard.api.errors import Error, Faults
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.constraints import BY_PARAMETER
from leaderboard.domain.running import RUN_AS
from leaderboard.domain.usage_range import ALLOWED_RANGE_END
from leaderboard.forms.board import LeaderboardForm, one_of
from leaderboard.forms.log import LogForm
from leaderboard.forms.numbers import AccuracyWeightField, UsageIntensityField
from leaderboard.forms.own_submissions import OwnSubmissionsForm
from leaderboard.forms.page_query import TYPED, read_query
from leaderboard.models import Hardware
from leaderboard.services import MOST_OF_REASON

BOARD = frozenset({"track", "hardware", "scenario", "scope"})
FILTER = frozenset(LeaderboardForm.base_fields)
RANGE = frozenset({"n_from", "n_to"})
LOG = frozenset(LogForm.base_fields)
OWN = frozenset({"mine", *OwnSubmissionsForm.base_fields})
PAGE = frozenset({"page", "page_size"})
REPEATABLE = frozenset({"family", "provenance", "quality_by", *RUN_AS})


class PageForm(forms.Form):
    """Which part of a long list."""

    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)
    page_size = forms.IntegerField(required=False, min_value=1, max_value=500)


class UsageForm(forms.Form):
    """The usage intensity at which one entry is shown."""

    usage_intensity = UsageIntensityField()


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
    errors += [(name, fault) for name, values in given.lists() for value in values if (fault := _loose(name, value))]
    if errors:
        raise Faults(errors)


# As the page takes them too, whose address can be handed on. Python, and so a form, also reads "1_000", "٣", " 5 ".
_NUMBER = {
    "number": (
        re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"),
        "a number such as 0.5, 1000 or 1e6",
    ),
    "integer": (re.compile(r"-?(0|[1-9][0-9]*)"), "a whole number such as 50"),
}


# In an address, the plus sign of 1e+06 is read as a space.
_LOST_PLUS = re.compile(r"(?<=[0-9.])([eE]) (?=[0-9])")
_FREE_TEXT = {"search": 100, "reason": MOST_OF_REASON}


def _loose(name: str, value: str) -> str:
    """What keeps a value from being what the OpenAPI document says, though a form would take it; empty if nothing.

    Values that no form takes are left to it: it says what is allowed.
    """
    if not value:
        return "is empty; give a value, or leave the parameter out"
    if name in _FREE_TEXT:
        most = _FREE_TEXT[name]
        return f"has {len(value):,} characters; give at most {most:,}" if len(value) > most else ""
    if any(part != part.strip() or not part for part in value.split(",")):
        return f"is {value[:40]!r}; give it without spaces and empty parts"
    value = _LOST_PLUS.sub(r"\1+", value)
    documented = DOCUMENTED[name].type if name in DOCUMENTED else None
    schema = documented if isinstance(documented, dict) else {}
    either = schema.get("anyOf", [schema])
    pattern, what = _NUMBER.get(either[0].get("type", ""), (None, ""))
    patterns = [pattern, *(re.compile(other["pattern"]) for other in either[1:])] if pattern else []
    is_read = _is_read(name, value) or name in BY_PARAMETER  # a page takes units too
    if patterns and is_read and not any(allowed.fullmatch(value) for allowed in patterns):
        return f"is {value[:40]!r}; write {what}"
    if "enum" in schema and name == "include_incomplete" and value not in schema["enum"]:
        return f"is {value[:40]!r}, but must be true or false"
    return ""


def _is_read(name: str, value: str) -> bool:
    """Whether Python or a page's field takes the value for a number."""
    try:
        if field := TYPED.get(name):
            field.clean(value)
            return True
    except forms.ValidationError:
        pass
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def board_query(given: QueryDict) -> LeaderboardQuery:
    """The reader's query. Raises Faults, also for unknown hardware."""
    asked = read_query(given)
    if asked.faults:
        raise Faults(asked.faults)
    if asked.query.hardware:
        check_hardware(asked.query.hardware)
    return asked.query


def range_query(given: QueryDict) -> tuple[LeaderboardQuery, tuple[float, float]]:
    """The reader's query, and the least and greatest usage intensity, images. Raises Faults if either is left out."""
    missing = [name for name in sorted(RANGE) if name not in given]
    if missing:
        raise Faults([(name, f"is missing; give {ALLOWED_RANGE_END}") for name in missing])
    query, ends = board_query(given), read_query(given).view.usage_range
    assert ends is not None, "both ends are given and valid"  # noqa: S101
    return query, ends


def read_page(given: QueryDict) -> tuple[int, int]:
    """Page number (from 1) and page size."""
    form = PageForm(given)
    _check(form)
    return form.cleaned_data["page"] or 1, form.cleaned_data["page_size"] or 50


def read_log_filter(given: QueryDict) -> dict[str, Any]:
    """Conditions for `queries.log_lines`."""
    form = LogForm(given)
    _check(form)
    return form.cleaned_data


def read_own_filter(given: QueryDict) -> dict[str, str]:
    """Conditions for `queries.own_submissions`. Raises Faults, also without mine=true: others' are not listed."""
    if given.get("mine") != "true":
        is_given = f"is {given['mine'][:40]!r}, but must be true" if "mine" in given else "is required"
        raise Faults([("mine", f"{is_given}; give mine=true, since only your own submissions are listed")])
    form = OwnSubmissionsForm(given)
    _check(form)
    if form.cleaned_data["hardware"]:
        check_hardware(form.cleaned_data["hardware"])
    return form.conditions()


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


# Hardware that this process has found once: what has a board or a run can't be removed.
_seen: set[str] = set()


def check_hardware(slug: str) -> None:
    """Raise Faults, with the known hardware, unless `slug` is known."""
    if slug in _seen:
        return
    known = list(Hardware.objects.values_list("slug", flat=True))
    if slug not in known:
        raise Faults([("hardware", unknown_hardware(slug, known))])
    _seen.add(slug)


def unknown_hardware(slug: str, known: Iterable[str]) -> str:
    """The error message for unknown hardware."""
    names = ", ".join(known)
    return f"{slug[:100]!r} is unknown; {f'use one of {names}' if names else 'no worker has registered any yet'}"


def _check(form: forms.Form) -> None:
    errors = [(field, str(message)) for field, messages in form.errors.items() for message in messages]
    if errors:
        raise Faults(errors)
