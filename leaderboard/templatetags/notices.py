"""The notice of maintenance, for the layout of all pages."""

from __future__ import annotations

from django import template

from leaderboard import queries

register = template.Library()


@register.simple_tag
def site_notice() -> str:
    """Its text; empty without one."""
    return queries.current_notice()
