"""Write a recipe and submit it: where it starts from, the short form, checks while it is written, and before."""

from __future__ import annotations

import math
import re
from typing import Any
from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_replace
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from leaderboard import queries, services
from leaderboard.forms.person import signed_in
from leaderboard.forms.submission import SubmissionForm
from leaderboard.forms.throttles import CheckThrottle, SubmissionThrottle
from leaderboard.models import Hardware
from leaderboard.presentation import forecast as forecasts
from leaderboard.presentation import forecast_words, recipe_text, short_form, starts
from leaderboard.presentation.glossary import OF_SUBMITTING
from leaderboard.views.private import with_own
from measurement.documents import MAX_DOCUMENT_BYTES, DocumentError, with_lines

STRICT = {"style-src": [SELF], "worker-src": ["'none'"]}
"""No chart is on this page, so that it needs no styles in attributes."""
COMMENTS_LOST = (
    "The recipe was written out again, since this change could not be made within your text; comments are left out."
)


@with_own
@login_required
@never_cache
@csp_replace(STRICT)
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest) -> HttpResponse:
    """The form. A recipe with errors is shown again with all of them; `action` changes or checks it instead."""
    if request.method != "POST":
        start = starts.start_of(request.GET, signed_in(request.user))
        chosen = queries.hardware_choices().filter(slug=request.GET.get("hardware", "")).first()
        initial = {"document": start.text, "hardware": chosen, "version_of": _version(request)}
        return _submit_page(request, SubmissionForm(initial=initial), start=start)
    given, note = _with_form(request.POST)
    form = SubmissionForm(given, request.FILES)
    action = given.get("action", "")
    if action:
        return _worked_on(request, form, action, note)
    return _submitted(request, form)


def _submitted(request: HttpRequest, form: SubmissionForm) -> HttpResponse:
    """Its submission's page, or the form again with what is wrong."""
    if not form.is_valid() or form.recipe is None:
        return _submit_page(request, form)
    throttle = SubmissionThrottle()
    if not throttle.allow_request(request, None):
        form.refuse("", _too_many(throttle))
        return _submit_page(request, form, status=429)
    try:
        submission, created = services.submit(
            form.recipe,
            hardware=form.cleaned_data["hardware"],
            submitter=signed_in(request.user),
            mode=form.cleaned_data["mode"],
            version_of=form.cleaned_data["version_of"],
        )
    except services.Refused as refusal:
        form.refuse(refusal.field, refusal.message)
        return _refused_page(request, form, refusal)
    except DocumentError as error:
        for fault in error.faults:
            form.refuse(fault.field, fault.message)
        return _submit_page(request, form)
    if not created:
        messages.info(request, "This work was already submitted for this hardware. This is its submission.")
    elif waits_for := queries.waits_for(queries.current_run(submission)):
        messages.warning(request, f"It is queued and can't begin yet: {waits_for}.")
    return redirect(submission)


@with_own
@login_required
@never_cache
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The part of the page that says what submitting this would come to."""
    given, _ = _with_form(request.POST)
    form = SubmissionForm(given, request.FILES)
    return render(request, "leaderboard/_forecast.html", {"checked": _checked(request, form)})


@with_own
@login_required
@never_cache
@require_POST
def draft(request: HttpRequest) -> HttpResponse:
    """What the page needs after a change: the text with the form's changes, the form of the text, and the errors."""
    throttle = CheckThrottle()
    if not throttle.allow_request(request, None):
        return JsonResponse({"wait_s": throttle.wait() or 1}, status=429)
    given, note = _with_form(request.POST)
    text = given.get("document", "")
    mode = given.get("mode") or "full"
    recipe, faults = forecasts.check_text(text, mode, signed_in(request.user))
    hardware = _hardware(given.get("hardware", ""))
    wait = queries.wait_of(hardware, recipe.track_key, mode) if recipe and hardware else None
    form = render_to_string("leaderboard/_short_form.html", {"short": short_form.short_form(text)}, request)
    errors = render_to_string("leaderboard/_recipe_errors.html", {"faults": faults}, request)
    lines = [{"line": fault.line, "message": _with_field(fault.field, fault.text)} for fault in faults]
    waiting = render_to_string("leaderboard/_wait.html", {"wait": wait, "hardware": hardware}, request)
    return JsonResponse(
        {"document": text, "form": form, "errors": errors, "faults": lines, "wait": waiting, "note": note}
    )


def _with_form(posted: QueryDict) -> tuple[QueryDict, str]:
    """What was sent, with the changes of the short form in its recipe; and what is to be said of them."""
    given = posted.copy()
    # A browser sends line breaks as two characters.
    text = re.sub(r"\r\n?", "\n", given.get("document", ""))
    action = given.get("action", "")
    if action == "add":
        action = f"add:{given.get('technique', '')}"
    note = ""
    try:
        edited = short_form.apply(text, given, action)
        note = "" if recipe_text.keeps_comments(text, edited) else COMMENTS_LOST
    except DocumentError:
        edited = text  # which the page says of the form
    given["document"] = edited
    return given, note


def _worked_on(request: HttpRequest, form: SubmissionForm, action: str, note: str) -> HttpResponse:
    """The page again without JavaScript, after a change by the short form or a check."""
    if note:
        messages.warning(request, note)
    if action == "check":
        return _submit_page(request, form, checked=_checked(request, form))
    form.is_valid()
    return _submit_page(request, form)


def _checked(request: HttpRequest, form: SubmissionForm) -> dict[str, Any]:
    """What a check says: `faults`, or a `forecast`."""
    form.is_valid()
    of_fields = form.field_faults
    hardware = form.cleaned_data.get("hardware")
    mode = form.cleaned_data.get("mode") or "full"
    person = signed_in(request.user)
    recipe, faults = forecasts.check_text(form.shown_document(), mode, person)
    form.faults = [*of_fields, *faults]
    if recipe is not None and hardware is not None and not of_fields:
        version_of = form.cleaned_data.get("version_of")
        refused = services.why_not_submitted(
            recipe, hardware=hardware, submitter=person, mode=mode, version_of=version_of
        )
        form.faults = with_lines(form.shown_document(), refused)
    if form.faults or recipe is None or hardware is None:
        choices = form.hardware_field.queryset
        return {
            "faults": form.faults,
            "needs_hardware": hardware is None,
            "has_hardware": choices is not None and choices.exists(),
        }
    found = forecasts.forecast(recipe, hardware, mode, person)
    return {
        "forecast": found,
        "beginning": forecast_words.beginning(found),
        "duration": forecast_words.duration(found),
        "energy": forecast_words.energy(found),
        "phases": forecast_words.phase_lines(found),
    }


def _version(request: HttpRequest) -> UUID | None:
    """The submission that the address says this is to be a new version of; None if that is none."""
    try:
        named = UUID(request.GET["version_of"])
    except (KeyError, ValueError):
        return None
    if queries.own_submissions(signed_in(request.user)).filter(pk=named).exists():
        return named
    messages.warning(request, f"{named} is no submission of yours, so that this will be no new version of it.")
    return None


def _hardware(given: str) -> Hardware | None:
    number = starts.number_in(given)
    return queries.hardware_choices().filter(pk=number).first() if number is not None else None


def _with_field(field: str, message: str) -> str:
    return f"{field}: {message}" if field else message


def _refused_page(request: HttpRequest, form: SubmissionForm, refusal: services.Refused) -> HttpResponse:
    if not isinstance(refusal, services.LimitReached):
        return _submit_page(request, form)
    page = _submit_page(request, form, status=429)
    if refusal.retry_after_s is not None:
        page["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    return page


def _too_many(throttle: SubmissionThrottle) -> str:
    minutes = math.ceil((throttle.wait() or 0) / 60)
    wait = "in a minute" if minutes <= 1 else f"in {minutes} minutes"
    return f"the limit is {throttle.num_requests} submissions an hour; try again {wait}"


def _submit_page(
    request: HttpRequest,
    form: SubmissionForm,
    status: int = 200,
    start: starts.Start | None = None,
    checked: dict[str, Any] | None = None,
) -> HttpResponse:
    choices = list(form.hardware_field.queryset or [])
    hardware = next((one for one in choices if str(one.pk) == str(form["hardware"].value())), None)
    hardware = hardware or (choices[0] if choices else None)
    text = form.shown_document()
    recipe, _ = forecasts.check_text(text, "full", signed_in(request.user)) if hardware else (None, [])
    wait = queries.wait_of(hardware, recipe.track_key, "full") if recipe and hardware else None
    context = {
        "form": form,
        "short": short_form.short_form(text),
        "most_kib": MAX_DOCUMENT_BYTES // 1024,
        "has_hardware": bool(choices),
        "definitions": OF_SUBMITTING,
        "start": start,
        "examples": starts.examples(),
        "ban": queries.ban_of(request.user),
        "quota": services.quota_of(signed_in(request.user)),
        "checked": checked,
        "wait": wait,
        "hardware": hardware,
    }
    return render(request, "leaderboard/submit.html", context, status=status)
