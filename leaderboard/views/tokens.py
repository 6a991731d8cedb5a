"""API tokens: listed, created (shown once), renamed and revoked by their owner."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from leaderboard import queries, services
from leaderboard.forms.person import signed_in
from leaderboard.forms.tokens import TokenForm

NOT_FOUND = "Token not found; it may have been revoked already."


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The reader's tokens. A new one is shown once, in the response that creates it."""
    if "revoke" in request.POST or "rename" in request.POST:
        _change(request)
        return redirect("tokens")
    form, new_token = TokenForm(owner=signed_in(request.user)), ""
    if request.method == "POST":
        form = TokenForm(request.POST, owner=signed_in(request.user))
        new_token = _create(request, form)
        if new_token:
            form = TokenForm(owner=signed_in(request.user))
    live, ended = queries.tokens_of(signed_in(request.user))
    site = request.build_absolute_uri("/").rstrip("/")
    context = {"form": form, "tokens": live, "ended": ended, "new_token": new_token, "site": site}
    return render(request, "account/tokens.html", context)


def _create(request: HttpRequest, form: TokenForm) -> str:
    """The text of the new token; empty if it was refused, with the reason in the form."""
    reader = signed_in(request.user)
    if not form.is_valid():
        return ""
    try:
        return services.create_token(reader, by=reader, **form.cleaned_data)
    except services.Refused as refusal:
        form.add_error(refusal.field or None, refusal.sentence[:1].upper() + refusal.sentence[1:] + ".")
        return ""


def _change(request: HttpRequest) -> None:
    reader = signed_in(request.user)
    try:
        if "revoke" in request.POST:
            done = services.revoke_token(reader, request.POST["revoke"], by=reader)
            said = "The token was revoked; requests with it are refused from now on."
        else:
            done = services.rename_token(reader, request.POST["rename"], request.POST.get("name", ""), by=reader)
            said = "The token was renamed."
    except services.Refused as refusal:
        messages.error(request, f"The token was not renamed: {refusal.sentence}.")
        return
    if done:
        messages.success(request, said)
    else:
        messages.error(request, NOT_FOUND)
