"""Uploaded files: announced, sent in parts, read, deleted; for their owner, administrators and workers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries, services
from leaderboard.api.base import ApiView, is_by_worker
from leaderboard.api.documentation import errors
from leaderboard.api.errors import Error, Faults, LengthRequired, TooLarge, not_found
from leaderboard.api.parsers import JSONDocumentParser, check_length
from leaderboard.api.schemas.uploads import ANNOUNCED, UploadSerializer, UploadsSerializer
from leaderboard.domain.uploads import MOST_PART_BYTES
from leaderboard.forms.person import signed_in
from leaderboard.models import ArtifactKind, Upload
from leaderboard.services.artifact_files import storage
from measurement.artifacts import SHA256_PATTERN

PART, BYTES = "application/offset+octet-stream", "application/octet-stream"
MOST_NAME = 200
FIELDS = ("kind", "size", "sha256", "name")
EXAMPLE = {"kind": "safetensors", "size": 2_097_152, "name": "model.safetensors"}
_OFFSET = OpenApiParameter(
    "Upload-Offset",
    {"type": "integer", "minimum": 0},
    OpenApiParameter.HEADER,
    required=True,
    description="Where the part begins: the number of bytes that are here, `received`.",
)


class PartParser(BaseParser):
    """A part of a file, as it is."""

    media_type = PART

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The bytes; their number was checked by the headers."""
        return bytes(stream.read(MOST_PART_BYTES + 1))


class BytesParser(PartParser):
    """The same under the name that clients give to any file."""

    media_type = BYTES


class UploadsView(ApiView):
    """One's own files."""

    permission_classes = (IsAuthenticated,)
    parser_classes = (JSONDocumentParser,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_length(request)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="artifacts", tags=["artifacts"], responses={200: UploadsSerializer, **errors(400, 401)}
    )
    def get(self, request: Request) -> Response:
        """Your uploads, newest first. There are at most 200."""
        found = queries.uploads_of(signed_in(request.user))
        data = UploadSerializer(found, many=True).data  # type: ignore[arg-type]  # of many
        return Response({"results": data})

    @extend_schema(
        operation_id="artifact_announce",
        tags=["artifacts"],
        request={"application/json": ANNOUNCED},
        examples=[OpenApiExample("Weights", EXAMPLE, request_only=True)],
        responses={
            201: UploadSerializer,
            200: OpenApiResponse(UploadSerializer, "You have announced this SHA-256 before: go on from `received`."),
            **errors(400, 401, 403, 411, 413, 415, 429),
        },
    )
    def post(self, request: Request) -> Response:
        """Announce a file, before its parts are sent. Without `sha256` the site computes it when all is here."""
        upload, created = services.declare(signed_in(request.user), **_announced(dict(request.data)))
        return Response(
            UploadSerializer(upload).data,
            status=status.HTTP_201_CREATED if created else status.HTTP_200_OK,
            headers={"Location": reverse("api-artifact", args=[upload.pk])},
        )


class UploadView(ApiView):
    """One file."""

    permission_classes = (IsAuthenticated,)
    parser_classes = (PartParser, BytesParser)

    @extend_schema(
        operation_id="artifact", tags=["artifacts"], responses={200: UploadSerializer, **errors(400, 401, 404)}
    )
    def get(self, request: Request, pk: str) -> Response:
        """How much of it is here, and what was found in it. By its SHA-256, or by the id of its upload."""
        return _answer(_find(pk, request))

    @extend_schema(
        operation_id="artifact_part",
        tags=["artifacts"],
        parameters=[_OFFSET],
        request={PART: OpenApiTypes.BINARY, BYTES: OpenApiTypes.BINARY},
        responses={200: UploadSerializer, **errors(400, 401, 403, 404, 409, 411, 413, 415, 507)},
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Send the next part, of at most 4 MiB. With the last one the file is checked, and then stored or refused.

        409 if the part does not begin where the last one ended: ask for `received` and go on from there.
        """
        upload = _find(pk, request)
        if upload.owner_id != request.user.pk:
            raise not_found("artifact")
        offset = _offset(request)
        _check_part(request)
        part: Any = request.data
        if len(part) > MOST_PART_BYTES:
            raise _too_large(len(part))
        return _answer(services.append(upload, offset, part))

    @extend_schema(
        operation_id="artifact_delete",
        tags=["artifacts"],
        request=None,
        responses={204: None, **errors(400, 401, 403, 404, 409)},
    )
    def delete(self, request: Request, pk: str) -> Response:
        """Delete it, unless a submission of yours names it. For its owner and administrators."""
        services.delete_upload(_find(pk, request), by=signed_in(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ContentView(ApiView):
    """The bytes of a file."""

    for_workers = True
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="artifact_content",
        tags=["artifacts"],
        responses={(200, BYTES): OpenApiTypes.BINARY, **errors(400, 401, 404)},
    )
    def get(self, request: Request, pk: str) -> FileResponse:
        """The file, for its owner, administrators and workers."""
        upload = _find(pk, request)
        if upload.artifact is None:
            raise not_found("artifact", f"{upload.received:,} of its {upload.size:,} bytes are here")
        sha256 = upload.artifact.sha256
        try:
            file = storage().open(sha256)
        except FileNotFoundError:
            raise not_found("artifact", "its file was deleted") from None
        return FileResponse(file, as_attachment=True, filename=sha256, content_type=BYTES)


def _find(name: str, request: Request) -> Upload:
    found = queries.find_upload(name, signed_in(request.user), of_anybody=is_by_worker(request))
    if found is None:
        raise not_found("artifact")
    return found


def _answer(upload: Upload) -> Response:
    return Response(UploadSerializer(upload).data, headers={"Upload-Offset": str(upload.received)})


def _offset(request: Request) -> int:
    given = request.headers.get("Upload-Offset", "")
    if not re.fullmatch(r"[0-9]{1,15}", given):
        raise Faults([("Upload-Offset", f"is {given[:40]!r}; send the number of bytes that are here, from 0")])
    return int(given)


def _check_part(request: Request) -> None:
    try:
        length = int(request.headers["Content-Length"])
    except (KeyError, ValueError):
        raise LengthRequired from None
    if length > MOST_PART_BYTES:
        raise _too_large(length)


def _too_large(length: int) -> TooLarge:
    return TooLarge(f"the part has {length:,} bytes; send the file in parts of at most {MOST_PART_BYTES:,}")


def _announced(body: Mapping[str, Any]) -> dict[str, Any]:
    """What announces a file. Raises Faults with all that is wrong."""
    wrong: list[Error] = [
        (name, f"is not a field of an upload; use {', '.join(FIELDS)}") for name in body if name not in FIELDS
    ]
    kind, size, sha256, name = (body.get(field) for field in FIELDS)
    kinds = ", ".join(ArtifactKind.values)
    if kind is None:
        wrong.append(("kind", f"is required; use one of {kinds}"))
    elif kind not in ArtifactKind.values:
        wrong.append(("kind", f"is {str(kind)[:40]!r}; only these are taken: {kinds}"))
    if type(size) is not int or size < 1:
        wrong.append(("size", "must be the number of the file's bytes, from 1"))
    if sha256 is not None and (not isinstance(sha256, str) or not re.match(SHA256_PATTERN + r"\Z", sha256)):
        wrong.append(("sha256", "must be 64 hexadecimal digits in lower case; leave it out to have it computed"))
    if name is not None and (not isinstance(name, str) or len(name) > MOST_NAME or not _is_visible(name)):
        wrong.append(("name", f"must be a file's name of at most {MOST_NAME} characters"))
    if wrong:
        raise Faults(wrong)
    return {"kind": kind, "size": size, "sha256": sha256 or "", "name": name or ""}


def _is_visible(text: str) -> bool:
    return not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text)
