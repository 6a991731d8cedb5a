"""Notices of an account: by mail, and by webhooks of its own programs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from leaderboard import queries, services
from leaderboard.forms.person import signed_in
from leaderboard.models import DeliveryState, NoticeKind, Webhook
from leaderboard.presentation.notices import MEANINGS, read_unsubscribe


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    """What is mailed to the reader, and the reader's webhooks. A new one's secret is shown once, in this response."""
    reader = signed_in(request.user)
    context: dict[str, Any] = {}
    if request.method == "POST" and "mail" in request.POST:
        services.choose_mail(reader, request.POST.getlist("wanted"))
        messages.success(request, "Your choice of mail was saved.")
        return redirect("notices")
    status = 200
    if request.method == "POST":
        url, events = request.POST.get("url", ""), request.POST.getlist("events")
        try:
            context["added"] = services.add_webhook(reader, url, events)
        except services.Refused as refusal:
            context |= {"refusal": refusal, "url": url, "events": events}
            status = 400
    return render(request, "account/notices.html", context | _of(reader), status=status)


def _of(reader: User) -> dict[str, Any]:
    offered = services.offered_kinds(reader)
    return {
        "kinds": [(kind, MEANINGS[kind]) for kind in offered],
        "unwanted": queries.unwanted_mail(reader),
        "webhooks": list(queries.webhooks_of(reader)),
        "why_no_mail": queries.why_no_mail(reader),
        "most_webhooks": services.MOST_WEBHOOKS,
    }


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """One of the reader's webhooks, with what it was sent last."""
    reader = signed_in(request.user)
    mine = get_object_or_404(queries.webhooks_of(reader), pk=pk)
    if request.method != "POST":
        deliveries = list(queries.last_deliveries(mine))
        context = {
            "webhook": mine,
            "kinds": [(kind, MEANINGS[kind]) for kind in services.offered_kinds(reader)],
            "deliveries": deliveries,
            "waiting": DeliveryState.WAITING,
        }
        return render(request, "account/webhook.html", context)
    try:
        done = _do(request, mine)
    except services.Refused as refusal:
        messages.error(request, f"{refusal.sentence[:1].upper()}{refusal.sentence[1:]}.")
    else:
        messages.success(request, done)
    return redirect("notices" if "delete" in request.POST else mine.get_absolute_url())


def _do(request: HttpRequest, mine: Webhook) -> str:
    if "delete" in request.POST:
        mine.delete()
        return "The webhook was deleted."
    if "test" in request.POST:
        services.test_webhook(mine)
        return "A test is on its way; its answer is below when you load this page again."
    if "again" in request.POST:
        delivery = queries.deliveries_of(mine).filter(pk=_uuid(request.POST["again"])).first()
        if delivery is None:
            raise Http404
        services.check_by_hand(signed_in(request.user))
        services.send_again(delivery, by=signed_in(request.user))
        return "It is sent again."
    services.change_webhook(mine, request.POST.getlist("events"))
    return "The webhook was saved, and is on."


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


@never_cache
@csrf_exempt  # a mail program posts here on its reader's behalf (RFC 8058); the address itself is signed
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, signed: str) -> HttpResponse:
    """End mail of one kind, or all mail, without signing in. Looking at the page, as filters do, changes nothing."""
    named = read_unsubscribe(signed)
    user = User.objects.filter(pk=named[0]).first() if named else None
    if named is None or user is None:
        raise Http404
    kind = NoticeKind(named[1])
    done = ""
    if request.method == "POST":
        every = "all" in request.POST
        services.end_mail(user, list(MEANINGS) if every else [kind])
        done = "all" if every else "kind"
    context = {"kind": kind, "meaning": MEANINGS[kind], "done": done}
    return render(request, "account/unsubscribe.html", context)
