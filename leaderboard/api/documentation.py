"""The parts of the OpenAPI document that several addresses share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from leaderboard.api.serializers import ErrorsSerializer
from leaderboard.domain.board_query import ENERGY_PER_CORRECT, ORDERINGS
from leaderboard.domain.greenness import ALLOWED_ACCURACY_WEIGHT, MAX_ACCURACY_WEIGHT
from leaderboard.domain.quality import ALLOWED_QUALITY, QUALITY_BY
from leaderboard.domain.usage import ALLOWED_USAGE_INTENSITY, MAX_USAGE_INTENSITY
from leaderboard.models import FAMILIES, Provenance, Scenario, Scope
from measurement.tracks import KEY_PATTERN, KEYS_IN_WORDS

_MEANINGS = {
    400: "Invalid input. Each error names its field and what is allowed.",
    401: "The token is missing or invalid.",
    403: "You are not allowed to do this.",
    404: "Not found.",
    409: "The current state does not allow this.",
    411: "The request has a body but no Content-Length.",
    413: "The body is larger than the limit.",
    415: "This address does not take this content type.",
    429: "Too many requests; see Retry-After.",
    503: "The database can't be reached; see Retry-After.",
}


def errors(*codes: int) -> dict[int, OpenApiResponse]:
    """The error responses for these status codes."""
    return {code: OpenApiResponse(ErrorsSerializer, _MEANINGS[code]) for code in codes}


def add_unavailable(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: every address answers 503 while the database is away."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}}
    for address in result["paths"].values():
        for operation in address.values():
            operation["responses"].setdefault("503", {"content": content, "description": _MEANINGS[503]})
    return result


def _number(minimum: float, maximum: float, **more: Any) -> dict[str, Any]:
    return {"type": "number", "format": "double", "minimum": minimum, "maximum": maximum, **more}


USAGE_INTENSITY = OpenApiParameter(
    "usage_intensity",
    _number(0, MAX_USAGE_INTENSITY, default=1e6, exclusiveMinimum=True),
    description=f"Images over the model's life: {ALLOWED_USAGE_INTENSITY}.",
)
ACCURACY_WEIGHT = OpenApiParameter(
    "accuracy_weight",
    _number(0, MAX_ACCURACY_WEIGHT, default=1),
    description=f"The τ of greenness, how much accuracy counts: {ALLOWED_ACCURACY_WEIGHT}.",
)
MIN_QUALITY = OpenApiParameter(
    "min_quality",
    {"anyOf": [_number(0, 100), {"type": "string", "pattern": r"^(\d{1,2}(\.\d+)?|100) ?%$"}]},
    description=f"Quality floor: {ALLOWED_QUALITY}. Default: the track's quality_floor (see /api/v1/tracks); "
    "0 turns it off.",
)
BOARD_PARAMETERS = [
    OpenApiParameter(
        "track",
        {"type": "string", "pattern": KEY_PATTERN},
        description=f"One of {', '.join(KEYS_IN_WORDS)}. Default: that of the largest board.",
    ),
    OpenApiParameter("hardware", description="A slug of /api/v1/hardware. Default: that of the largest board."),
    OpenApiParameter("scenario", enum=Scenario.values, description="Default: offline, unless it has no results."),
    OpenApiParameter(
        "scope",
        enum=Scope.values,
        description="What the joules cover. Default: accelerator, unless it has no results.",
    ),
]
FILTER_PARAMETERS = [
    *BOARD_PARAMETERS,
    USAGE_INTENSITY,
    OpenApiParameter(
        "shared_by",
        _number(1, 1e9, default=1),
        description="Deployments that share search and pre-training.",
    ),
    MIN_QUALITY,
    OpenApiParameter("family", enum=list(FAMILIES), many=True, description="Only these families."),
    OpenApiParameter(
        "provenance",
        enum=Provenance.values,
        many=True,
        description="Only entries whose weakest provenance is one of these.",
    ),
    OpenApiParameter(
        "quality_by",
        enum=list(QUALITY_BY),
        many=True,
        description="Only entries whose quality is "
        + "; ".join(f"{name}: {meaning}" for name, meaning in QUALITY_BY.items())
        + ".",
    ),
    OpenApiParameter("search", description="Words in title or architecture, or the start of a recipe's SHA-256."),
    OpenApiParameter(
        "order_by",
        enum=[*ORDERINGS, ENERGY_PER_CORRECT],
        description=f"Default: energy. {ENERGY_PER_CORRECT} is another name of greenness with accuracy_weight=1.",
    ),
    ACCURACY_WEIGHT,
    OpenApiParameter(
        "include_incomplete",
        OpenApiTypes.BOOL,
        description="Rank entries with a missing phase at their lower bound. Default: false.",
    ),
]
PAGE_PARAMETERS = [
    OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}),
    OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}),
]
