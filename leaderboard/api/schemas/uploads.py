"""An uploaded file."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboard.domain.uploads import MOST_PART_BYTES
from leaderboard.models import ArtifactKind, Upload

SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


class UploadSerializer(serializers.Serializer[Upload]):
    id = serializers.UUIDField()
    sha256 = serializers.SerializerMethodField(help_text="null until it was announced, or all bytes are here")
    kind = serializers.ChoiceField(ArtifactKind.choices)
    name = serializers.CharField(help_text="the file's name on your machine; may be empty")
    size = serializers.IntegerField(help_text="bytes")
    received = serializers.IntegerField(help_text="bytes that are here; go on with `Upload-Offset` of this number")
    state = serializers.SerializerMethodField()
    found = serializers.SerializerMethodField(help_text="what the check of its form read in it; null until stored")
    part_bytes = serializers.SerializerMethodField(help_text="most bytes of one part")
    created_at = serializers.DateTimeField()

    @extend_schema_field({"anyOf": [SHA256, {"type": "null"}]})
    def get_sha256(self, upload: Upload) -> str | None:
        return upload.sha256 or None

    @extend_schema_field({"type": "string", "enum": ["receiving", "stored"]})
    def get_state(self, upload: Upload) -> str:
        return "receiving" if upload.artifact_id is None else "stored"

    @extend_schema_field({"anyOf": [{"type": "object", "additionalProperties": True}, {"type": "null"}]})
    def get_found(self, upload: Upload) -> Any:
        return upload.artifact.found if upload.artifact else None

    def get_part_bytes(self, upload: Upload) -> int:
        return MOST_PART_BYTES


class UploadsSerializer(serializers.Serializer[Any]):
    results = UploadSerializer(many=True)


ANNOUNCED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": list(ArtifactKind.values)},
        "size": {"type": "integer", "minimum": 1, "description": "bytes"},
        "sha256": {"anyOf": [SHA256, {"type": "null"}], "description": "checked when all is here"},
        "name": {"type": "string", "maxLength": 200, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"},
    },
    "required": ["kind", "size"],
    "additionalProperties": False,
}
"""The body that announces a file."""
