"""What verification has cost, for administrators."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from leaderboard import queries

MOST_ROWS = 100


@never_cache
@login_required
@require_safe
def spending(request: HttpRequest) -> HttpResponse:
    """Energy by month, hardware and user."""
    if not request.user.is_staff:
        raise PermissionDenied
    tables = [(by, list(queries.spending(by)[:MOST_ROWS])) for by in queries.SPENT_BY]
    return render(request, "leaderboard/spending.html", {"tables": tables, "most": MOST_ROWS})
