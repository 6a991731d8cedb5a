"""Registers the formatter's functions as template filters."""

from __future__ import annotations

from django import template

from leaderboard.presentation import documentation
from leaderboard.presentation import format as written
from measurement.tracks.opened import name_for

register = template.Library()

for function in (
    written.si,
    written.joules,
    written.watt_hours,
    written.count,
    written.images,
    written.percent,
    written.share,
    written.seconds,
    written.words,
):
    register.filter(function.__name__, function)
register.filter("with_links", documentation.with_links)
register.filter("data_set_name", name_for)


@register.filter
def field(mapping: object, name: str) -> object:
    """`mapping[name]`, which the template language can't express; None if there is none."""
    return mapping.get(name) if isinstance(mapping, dict) else None
