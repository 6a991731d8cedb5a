"""Pages about the site, and the addresses for monitoring."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from leaderboard.presentation.citation import PAPER, bibtex_of_site
from leaderboard.presentation.docs_page import read_page
from leaderboard.presentation.glossary import GLOSSARY
from leaderboard.presentation.link_card import site_icon
from measurement.tracks import TRACKS

log = structlog.get_logger()


@require_safe
def methodology(request: HttpRequest) -> HttpResponse:
    """How energy is measured: docs/methodology.md, the tracks and the glossary."""
    context = {"page": read_page(), "tracks": TRACKS.values(), "glossary": GLOSSARY}
    return render(request, "leaderboard/methodology.html", context)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """Why this site exists, who had the idea, how to cite it, how to take part, and contact."""
    site = request.build_absolute_uri("/").rstrip("/")
    context = {
        "contact": contact_of(settings.CONTACT),
        "paper": PAPER,
        "bibtex": bibtex_of_site(site, timezone.now().year),
    }
    return render(request, "leaderboard/about.html", context)


def contact_of(given: str) -> dict[str, str] | None:
    """The setting CONTACT as a link: an address of the web, or of mail; None if it is neither."""
    if given.startswith(("https://", "http://")):
        return {"address": given, "words": given.partition("://")[2].rstrip("/")}
    return {"address": f"mailto:{given}", "words": given} if "@" in given else None


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """The site's mark for browsers and programs that ask for this address and take no SVG."""
    return HttpResponse(site_icon(), "image/x-icon", headers={"Cache-Control": "public, max-age=86400"})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers may read: everything but forms and fragments; link previews need the pictures."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in ("/accounts/", "/activity/", "/admin/"))]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for a request that can't be read, 413 for one that is too large."""
    if isinstance(exception, DisallowedHost):  # every template needs the host
        return HttpResponse("This site does not serve this host name.\n", "text/plain", status=400)
    too_large = isinstance(exception, RequestDataTooBig)
    return render(request, "400.html", {"too_large": too_large}, status=413 if too_large else 400)
