"""429 for what one address asks for too often, in the form of the page or of the API."""

from __future__ import annotations

import math

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

PROGRAMS = ("/api/", "/entries/", "/runs/")


def too_often(request: HttpRequest, wait_s: float) -> HttpResponse:
    """429 with Retry-After."""
    seconds = max(1, math.ceil(wait_s))
    headers = {"Retry-After": str(seconds), "Cache-Control": "no-store"}
    if request.path_info.startswith(PROGRAMS):
        words = f"too many requests from your address; try again in {seconds} s"
        return JsonResponse({"errors": [{"field": None, "message": words}]}, status=429, headers=headers)
    response = render(request, "429.html", {"minutes": math.ceil(seconds / 60)}, status=429)
    for name, value in headers.items():
        response[name] = value
    return response
