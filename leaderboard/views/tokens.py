"""API tokens: listed, created (shown once) and deleted by their owner."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from knox.models import get_token_model

from leaderboard import services
from leaderboard.forms.person import signed_in

MOST_TOKENS = 20


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The reader's tokens. A new one is shown once, in the response that creates it."""
    mine = get_token_model().objects.filter(user=request.user).order_by("-created")
    new_token = ""
    if request.method == "POST" and "delete" in request.POST:
        reader = signed_in(request.user)
        deleted = services.delete_token(reader, request.POST["delete"], by=reader)
        done = "The token was deleted." if deleted else "Token not found; it may have been deleted already."
        messages.success(request, done)
        return redirect("tokens")
    if request.method == "POST":
        if mine.count() >= MOST_TOKENS:
            messages.error(request, f"You have {MOST_TOKENS} tokens, which is the limit; delete one first.")
            return redirect("tokens")
        reader = signed_in(request.user)
        new_token = services.create_token(reader, by=reader)
    context = {"tokens": list(mine), "new_token": new_token, "site": request.build_absolute_uri("/").rstrip("/")}
    return render(request, "account/tokens.html", context)
