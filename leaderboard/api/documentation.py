"""The parts of the OpenAPI document that several addresses share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from leaderboard.api.serializers import ErrorsSerializer
from leaderboard.domain.board_query import ENERGY_PER_CORRECT, ORDERINGS
from leaderboard.domain.greenness import ALLOWED_ACCURACY_WEIGHT, MAX_ACCURACY_WEIGHT
from leaderboard.domain.usage import ALLOWED_USAGE_INTENSITY, MAX_USAGE_INTENSITY
from leaderboard.models import FAMILIES, Provenance, Scenario, Scope
from measurement.tracks import KEY_PATTERN, KEYS_IN_WORDS

_MEANINGS = {
    400: "Bad input; each field at fault is named, with what is allowed.",
    401: "No token, or one that is not valid.",
    403: "Not yours to do.",
    404: "Not there.",
    409: "Its state does not allow it.",
    411: "A body without Content-Length.",
    413: "The body is above the limit.",
    415: "A type of body that this address does not take.",
    429: "Too many requests; see Retry-After.",
}


def errors(*codes: int) -> dict[int, OpenApiResponse]:
    """The responses for these status codes, all of one form."""
    return {code: OpenApiResponse(ErrorsSerializer, _MEANINGS[code]) for code in codes}


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
BOARD_PARAMETERS = [
    OpenApiParameter(
        "track",
        {"type": "string", "pattern": KEY_PATTERN},
        description=f"One of {', '.join(KEYS_IN_WORDS)}. Default: the track of the fullest board.",
    ),
    OpenApiParameter("hardware", description="A slug of /api/v1/hardware. Default: of the fullest board."),
    OpenApiParameter("scenario", enum=Scenario.values, description="Default offline, or what there are results of."),
    OpenApiParameter(
        "scope",
        enum=Scope.values,
        description="What the joules cover. Default accelerator, or what there are results of.",
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
    OpenApiParameter("min_quality", _number(0, 1), description="Quality floor."),
    OpenApiParameter("family", enum=list(FAMILIES), many=True, description="Only these families."),
    OpenApiParameter(
        "provenance", enum=Provenance.values, many=True, description="Only entries whose weakest figure is of these."
    ),
    OpenApiParameter("search", description="Words in title or architecture, or the head of a recipe's SHA-256."),
    OpenApiParameter(
        "order_by",
        enum=[*ORDERINGS, ENERGY_PER_CORRECT],
        description=f"Default energy. {ENERGY_PER_CORRECT} is another name of greenness with accuracy_weight=1.",
    ),
    ACCURACY_WEIGHT,
    OpenApiParameter(
        "include_incomplete",
        OpenApiTypes.BOOL,
        description="Rank entries with a missing phase at their lower bound. Default false.",
    ),
]
PAGE_PARAMETERS = [
    OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}),
    OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}),
]
