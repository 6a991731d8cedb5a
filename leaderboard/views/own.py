"""What a person does with their own submissions: list them, withdraw and put back, correct the names."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leaderboard import queries, services
from leaderboard.forms.own_submissions import NamesForm, OwnSubmissionsForm
from leaderboard.forms.person import signed_in
from leaderboard.models import Submission
from leaderboard.presentation.format import joules, percent
from leaderboard.presentation.own_submissions import own_rows
from leaderboard.views.private import with_own
from measurement.documents import DocumentError

PER_PAGE = 50


@with_own
@never_cache
@login_required
@require_safe
def own_submissions(request: HttpRequest) -> HttpResponse:
    """The reader's submissions, the newest first."""
    person, form = signed_in(request.user), OwnSubmissionsForm(request.GET)
    conditions = form.conditions()
    page = Paginator(queries.own_submissions(person, **conditions), PER_PAGE).get_page(request.GET.get("page"))
    tracks, hardware = queries.own_choices(person)
    context = {
        "page": page,
        "rows": own_rows(queries.own_lines(list(page))),
        "form": form,
        "asked": conditions,
        "kept": urlencode(conditions),
        "states": queries.OWN_STATES,
        "tracks": tracks,
        "hardware": hardware,
    }
    return render(request, "leaderboard/own_submissions.html", context)


def may_steer(request: HttpRequest, submission: Submission) -> bool:
    """Whether a submission is the reader's own, or the reader an administrator."""
    user = request.user
    return user.is_authenticated and (user.is_staff or submission.submitter_id == user.pk)


def _own(request: HttpRequest, pk: UUID) -> Submission:
    submission = get_object_or_404(queries.submissions(), pk=pk)
    if not may_steer(request, submission):
        raise PermissionDenied
    return submission


@with_own
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask once, saying what leaves the board; then withdraw. For its submitter or an administrator."""
    submission = _own(request, pk)
    if request.method != "POST":
        if submission.withdrawn_at is not None:
            return redirect(submission)
        return render(request, "leaderboard/withdraw.html", _effect(submission))
    try:
        services.withdraw(submission, by=signed_in(request.user), reason=request.POST.get("reason", ""))
    except services.Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, "The submission was withdrawn.")
    return redirect(submission)


def _effect(submission: Submission) -> dict[str, Any]:
    """What withdrawing does: which entries leave, which come back, which run stops, until when it can be undone."""
    leaving = queries.leaving_with(submission)
    return {
        "submission": submission,
        "leaving": [
            (entry, percent(entry.quality), joules(entry.inference_energy_j))
            for entry in leaving
            if entry.superseded_by_id is None
        ],
        "hidden": [entry for entry in leaving if entry.superseded_by_id is not None],
        "coming_back": queries.coming_back_for(leaving),
        "staying": not leaving and list(queries.entries_of_submission(submission)),
        "run": queries.runs().active().filter(submission=submission).first(),
        "undo_days": services.undo_days(),
    }


@with_own
@login_required
@require_POST
def restore(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Undo a withdrawal; for its submitter or an administrator."""
    submission = _own(request, pk)
    try:
        queued = services.restore(submission, by=signed_in(request.user))
    except services.Refused as refusal:
        messages.error(request, f"Nothing was changed: {refusal.sentence}.")
    else:
        again = " Its run is queued again." if queued else ""
        messages.success(request, f"The withdrawal was undone.{again}")
    return redirect(submission)


@with_own
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def names(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Correct title, family, paper, authors and summary of one's own work."""
    submission = get_object_or_404(queries.submissions(), pk=pk)
    person = signed_in(request.user)
    method = services.own_method(submission, person)
    if method is None:
        raise PermissionDenied
    form = NamesForm(request.POST) if request.method == "POST" else NamesForm.of(method)
    if request.method == "POST" and form.is_valid():
        try:
            changes = services.correct(submission, form.given(), by=person, reason=form.cleaned_data["reason"])
        except services.Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        except DocumentError as error:
            for fault in error.faults:
                name = fault.field.partition(".")[0]
                form.add_error(name if name in form.fields else None, fault.message)
        else:
            said = f"Corrected: {', '.join(changes)}." if changes else "Nothing was changed."
            messages.success(request, said)
            return redirect(submission)
    status = 200 if request.method != "POST" else 422
    return render(request, "leaderboard/names.html", {"submission": submission, "form": form}, status=status)
