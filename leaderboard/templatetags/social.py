"""What a link to a page looks like elsewhere (Open Graph), with a picture of exactly that view."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.urls import reverse

register = template.Library()


@register.inclusion_tag("leaderboard/_social.html", takes_context=True)
def social(
    context: dict[str, Any], card: str, *arguments: int, title: str, words: str = "", parameters: str = ""
) -> dict[str, Any]:
    """Meta elements. card: the name of the picture's address, `arguments` its parts, `parameters` its query."""
    request: HttpRequest | None = context.get("request")
    if request is None:
        return {"title": title}
    address = request.build_absolute_uri(reverse(card, args=arguments))
    return {"title": title, "words": words or title, "image": f"{address}?{parameters}" if parameters else address}


@register.filter
def address_parameters(query: Any) -> str:
    """A LeaderboardQuery as the parameters of an address."""
    return urlencode(query.parameters(), doseq=True)


@register.filter
def group_parameters(board: Any) -> str:
    """A board's group, which is its track, hardware, scenario and scope, as the parameters of an address."""
    group = {"track": board.track, "hardware": board.hardware.slug, "scenario": board.scenario, "scope": board.scope}
    return urlencode(group)
