"""API tokens: listed, created (shown once) and deleted by their owner."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from knox.models import get_token_model

MOST_TOKENS = 20


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The reader's tokens. A new one is shown once, in the response that creates it."""
    mine = get_token_model().objects.filter(user=request.user).order_by("-created")
    new_token = ""
    if request.method == "POST" and "delete" in request.POST:
        deleted, _ = mine.filter(token_key=request.POST["delete"]).delete()
        done = "The token was deleted." if deleted else "Token not found; it may have been deleted already."
        messages.success(request, done)
        return redirect("tokens")
    if request.method == "POST":
        if mine.count() >= MOST_TOKENS:
            messages.error(request, f"You have {MOST_TOKENS} tokens, which is the limit; delete one first.")
            return redirect("tokens")
        _, new_token = get_token_model().objects.create(user=request.user)
    context = {"tokens": list(mine), "new_token": new_token, "site": request.build_absolute_uri("/").rstrip("/")}
    return render(request, "account/tokens.html", context)
