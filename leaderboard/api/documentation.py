"""The parts of the OpenAPI document that several addresses share."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from leaderboard.api.serializers import ErrorsSerializer
from leaderboard.domain.usage import ALLOWED_USAGE_INTENSITY
from leaderboard.filters import ORDERINGS
from leaderboard.models import FAMILIES, Provenance, Scenario, Scope
from measurement.tracks import TRACKS

_MEANINGS = {
    400: "Bad input; each field at fault is named, with what is allowed.",
    401: "No token, or one that is not valid.",
    403: "Not yours to do.",
    404: "Not there.",
    409: "Its state does not allow it.",
    411: "A body without Content-Length.",
    413: "The body is above the limit.",
    415: "Neither JSON nor YAML.",
    429: "Too many requests; see Retry-After.",
}


def errors(*codes: int) -> dict[int, OpenApiResponse]:
    """The responses for these status codes, all of one form."""
    return {code: OpenApiResponse(ErrorsSerializer, _MEANINGS[code]) for code in codes}


USAGE_INTENSITY = OpenApiParameter(
    "usage_intensity",
    OpenApiTypes.DOUBLE,
    description=f"Images over the model's life: {ALLOWED_USAGE_INTENSITY}. Default 1e6.",
)
BOARD_PARAMETERS = [
    OpenApiParameter("track", enum=list(TRACKS), description="Default: the track of the fullest board."),
    OpenApiParameter("hardware", description="A slug of /api/v1/hardware. Default: of the fullest board."),
    OpenApiParameter("scenario", enum=Scenario.values, description="Default offline."),
    OpenApiParameter("scope", enum=Scope.values, description="What the joules cover. Default accelerator."),
]
FILTER_PARAMETERS = [
    *BOARD_PARAMETERS,
    USAGE_INTENSITY,
    OpenApiParameter(
        "shared_by",
        OpenApiTypes.DOUBLE,
        description="Deployments that share search and pre-training, 1 to 1e9. Default 1.",
    ),
    OpenApiParameter("min_quality", OpenApiTypes.DOUBLE, description="Quality floor, 0 to 1. Default none."),
    OpenApiParameter("family", enum=list(FAMILIES), many=True, description="Only these families."),
    OpenApiParameter(
        "provenance", enum=Provenance.values, many=True, description="Only entries whose weakest figure is of these."
    ),
    OpenApiParameter("search", description="Words in title or architecture, or the head of a recipe's SHA-256."),
    OpenApiParameter("order_by", enum=list(ORDERINGS), description="Default energy."),
    OpenApiParameter(
        "include_incomplete",
        OpenApiTypes.BOOL,
        description="Rank entries with a missing phase at their lower bound. Default false.",
    ),
]
PAGE_PARAMETERS = [
    OpenApiParameter("page", OpenApiTypes.INT, description="From 1."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 500. Default 50."),
]
