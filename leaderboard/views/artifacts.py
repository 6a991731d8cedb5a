"""One's uploaded files: listed, sent, deleted."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from leaderboard import queries, services
from leaderboard.domain.uploads import MOST_FORM_BYTES, PART_BYTES
from leaderboard.forms.person import signed_in
from leaderboard.models import ArtifactKind, Upload
from leaderboard.services.uploads import MB

ENDINGS = {
    ".safetensors": ArtifactKind.SAFETENSORS,
    ".onnx": ArtifactKind.ONNX,
    ".zip": ArtifactKind.DATASET,
}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def artifacts(request: HttpRequest) -> HttpResponse:
    """The reader's files, and a form for another. A small one is sent whole, without JavaScript."""
    reader, fault, status = signed_in(request.user), "", 200
    if request.method == "POST":
        try:
            done = _delete(request, reader) if "delete" in request.POST else _take(request, reader)
        except services.Refused as refusal:
            fault, status = f"The file {refusal.message}.", 400
        else:
            messages.success(request, done)
            return redirect("artifacts")
    context: dict[str, Any] = {
        "uploads": list(queries.uploads_of(reader)),
        "fault": fault,
        "most_mb": settings.ARTIFACT_MAX_MB,
        "most_of_person_mb": settings.ARTIFACTS_MB_PER_USER,
        "days": settings.ARTIFACT_DAYS,
        "most_form_mib": MOST_FORM_BYTES // 2**20,
        "part_bytes": PART_BYTES,
        "endings": ", ".join(ENDINGS),
    }
    context["used_mb"] = sum(upload.size for upload in context["uploads"]) / MB
    return render(request, "leaderboard/artifacts.html", context, status=status)


def _delete(request: HttpRequest, reader: Any) -> str:
    try:
        number = UUID(request.POST["delete"])
        upload = Upload.objects.select_related("owner").get(pk=number, owner=reader)
    except (ValueError, Upload.DoesNotExist):
        return "File not found; it may have been deleted already."
    services.delete_upload(upload, by=reader)
    return "The file was deleted."


def _take(request: HttpRequest, reader: Any) -> str:
    """Store a file that was sent whole. Raises Refused."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or not file.size:
        raise services.Invalid("file", "is missing, or has no bytes; choose one")
    kind = ENDINGS.get(os.path.splitext(file.name or "")[1].lower())  # noqa: PTH122 - a name, not a path here
    if kind is None:
        raise services.Invalid("file", f"must end in {' or '.join(ENDINGS)}, which says what it is")
    if file.size > MOST_FORM_BYTES:
        raise services.TooBig("file", "is too large to be sent whole; use JavaScript or the API")
    name = "".join(letter for letter in file.name or "" if letter.isprintable())[:200]
    upload, _ = services.declare(reader, kind=kind, size=file.size, name=name)
    stored = services.append(upload, 0, file.read())
    if stored.pk != upload.pk:
        return f"This file was here already. Its SHA-256 is {stored.sha256}."
    return f"The file is stored. Its SHA-256 is {stored.sha256}."
