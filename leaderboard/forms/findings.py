"""What a reader may ask of the findings: a board, and a quality floor."""

from __future__ import annotations

from django.http import QueryDict

from leaderboard.forms.page_query import PageQuery, read_query, shown

PARAMETERS = frozenset({"track", "hardware", "scenario", "scope", "min_quality"})


def read_findings_query(given: QueryDict) -> PageQuery:
    """Read the parameters. Those that findings don't take are ignored, with a notice, as are bad ones."""
    known, ignored = given.copy(), []
    for name in sorted(set(given) - PARAMETERS):
        del known[name]
        if not name.startswith("utm_"):
            ignored.append(f"“{shown(name)}” is not a parameter of this page and was ignored.")
    asked = read_query(known)
    asked.notices[:0] = ignored
    return asked
