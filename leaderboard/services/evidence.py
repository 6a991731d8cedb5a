"""Which evidence a submitter's figure may have: an identifier of a publication, judged by its form alone."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.utils import timezone

from catalogue import source_addresses
from measurement.documents import Fault
from measurement.recipe import Recipe

WANTED = (
    "an arXiv identifier (https://arxiv.org/abs/2108.13465), a DOI (https://doi.org/10.1145/3360307) or the address "
    "of a source of the catalogue (docs/catalogue.md)"
)

_ARXIV_HOSTS = frozenset({"arxiv.org", "www.arxiv.org", "export.arxiv.org"})
_DOI_HOSTS = frozenset({"doi.org", "www.doi.org", "dx.doi.org"})
# https://info.arxiv.org/help/arxiv_identifier.html: yymm.number since April 2007, archive/yymmnumber before.
_ARXIV = re.compile(
    r"/(?:abs|pdf|html)/(?P<year>\d\d)(?P<month>\d\d)\.(?P<number>\d{4,5})(?:v[1-9]\d*)?(?:\.pdf)?", re.A
)
_OLD_ARXIV = re.compile(
    r"/(?:abs|pdf)/[a-z-]+(?:\.[A-Z]{2})?/(?P<year>\d\d)(?P<month>\d\d)(?P<number>\d{3})(?:v[1-9]\d*)?(?:\.pdf)?",
    re.A,
)
_DOI = re.compile(r"/10\.\d{4,9}(?:\.\d+)*/\S+", re.A)


def why_not_sampled(recipe: Recipe) -> Fault | None:
    """What a sampled run lacks; its quality is the submitter's word, so that its evidence must be a publication."""
    fault = recipe.why_not_sampled()
    if fault is None and recipe.reported is not None and not is_of_known_kind(recipe.reported.evidence):
        return Fault("reported.evidence", f"is of no known kind in a sampled run; give {WANTED}")
    return fault


def is_of_known_kind(address: str) -> bool:
    """Whether `address` is an arXiv identifier, a DOI or a source of the catalogue. Nothing is fetched."""
    parts = urlsplit(address)
    host, path = (parts.hostname or "").lower(), parts.path.rstrip("/")
    if host in _ARXIV_HOSTS:
        return _is_arxiv(path)
    if host in _DOI_HOSTS:
        return _DOI.fullmatch(path) is not None
    return _plain(address) in {_plain(source) for source in source_addresses()}


def _is_arxiv(path: str) -> bool:
    found, before = _ARXIV.fullmatch(path), _OLD_ARXIV.fullmatch(path)
    if before is not None:
        year = int(before["year"]) + (1900 if int(before["year"]) > 90 else 2000)
        return 1 <= int(before["month"]) <= 12 and (1991, 7) <= (year, int(before["month"])) <= (2007, 3)
    if found is None or not int(found["number"]):
        return False
    month = (2000 + int(found["year"]), int(found["month"]))
    digits = 4 if month < (2015, 1) else 5
    now = timezone.now()
    return 1 <= month[1] <= 12 and (2007, 4) <= month <= (now.year, now.month) and len(found["number"]) == digits


def _plain(address: str) -> str:
    """The address without what leads to the same page: scheme, case of the host, fragment, slash at the end."""
    parts = urlsplit(address)
    query = f"?{parts.query}" if parts.query else ""
    return f"{(parts.hostname or '').lower()}{parts.path.rstrip('/')}{query}"
