"""The documentation: contents with a search, and each page of docs/."""

from __future__ import annotations

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from leaderboard.presentation import documentation
from leaderboard.presentation.docs_page import METHODOLOGY


@require_safe
def contents(request: HttpRequest) -> HttpResponse:
    """Every page with what it is for, or what the words `q` are found in."""
    question = request.GET.get("q", "").strip()[: documentation.MOST_CHARACTERS]
    found = documentation.search(question)
    context = {
        "groups": documentation.grouped(),
        "question": question,
        "results": found[: documentation.MOST_RESULTS],
        "found": len(found),
        "source_code": settings.SOURCE_CODE,
    }
    return render(request, "leaderboard/documentation.html", context)


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """One page. The methodology has an address of its own."""
    listed = _listed(name)
    if listed.path == METHODOLOGY:
        return redirect("methodology", permanent=True)
    context = {"groups": documentation.grouped(), "listed": listed, "page": listed.page}
    return render(request, "leaderboard/documentation_page.html", context)


@require_safe
def notebook(request: HttpRequest, name: str) -> FileResponse:
    """A notebook as the file that Jupyter opens."""
    listed = _listed(name)
    if listed.path.suffix != ".ipynb":
        raise Http404
    return FileResponse(listed.path.open("rb"), as_attachment=True, content_type="application/x-ipynb+json")


def _listed(name: str) -> documentation.Listed:
    """A page by name; no path is made of what the address says."""
    try:
        return documentation.pages()[name]
    except KeyError:
        raise Http404 from None
