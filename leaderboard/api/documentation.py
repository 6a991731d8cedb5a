"""The parts of the OpenAPI document that several addresses share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, get_args

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from leaderboard.api.idempotency import KEY_PATTERN as IDEMPOTENCY_PATTERN
from leaderboard.api.schemas.common import ErrorsSerializer
from leaderboard.domain.board_query import ENERGY_PER_CORRECT, ORDERINGS
from leaderboard.domain.constraints import CONSTRAINTS, MOST_AMOUNT
from leaderboard.domain.greenness import ALLOWED_ACCURACY_WEIGHT, MAX_ACCURACY_WEIGHT
from leaderboard.domain.quality import ALLOWED_QUALITY, QUALITY_BY
from leaderboard.domain.running import RUN_AS
from leaderboard.domain.usage import ALLOWED_USAGE_INTENSITY, MAX_USAGE_INTENSITY
from leaderboard.domain.usage_range import ALLOWED_RANGE_END, LEAST_USAGE_INTENSITY
from leaderboard.models import FAMILIES, SOURCES, Provenance, Scenario, Scope
from leaderboard.queries import OWN_STATES
from measurement.recipe import recipe_json_schema
from measurement.tracks import KEY_PATTERN, KEYS_IN_WORDS
from measurement.vocabulary import Mode

_MEANINGS = {
    400: "Invalid input. Each error names its field and what is allowed.",
    401: "The token is missing or invalid.",
    403: "You are not allowed to do this.",
    404: "Not found.",
    409: "The current state does not allow this; or the first request with this Idempotency-Key is still at work.",
    410: "The time for this is over.",
    411: "The request has a body but no Content-Length.",
    413: "The body is larger than the limit.",
    414: "The address is longer than 8 KiB.",
    415: "This address does not take this content type.",
    422: "The Idempotency-Key was sent before, with another address or body.",
    429: "Too many requests or submissions, with Retry-After; or as many active runs as one person may have.",
    431: "The headers are larger than 32 KiB.",
    507: "The site's disk is full; go on later.",
    503: "The database can't be reached; see Retry-After.",
}
# What any address may answer.
_ANYWHERE = (400, 413, 414, 431, 503)
# What a POST may answer to an Idempotency-Key.
_SENT_AGAIN = (409, 422)
# Sent again, these change nothing: their views say `has_key = False`.
_WITHOUT_KEY = ("submission_check", "send_measurement")
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "pattern": IDEMPOTENCY_PATTERN},
    "description": "A name for this request, such as a UUID: sent again with it, it is answered again and done once.",
}
RATE_LIMIT = [
    OpenApiParameter(
        name,
        str,
        location=OpenApiParameter.HEADER,
        response=[200, 201, 400, 429],
        description=f"{meaning}; not for administrators.",
    )
    for name, meaning in (
        ("RateLimit-Policy", "The quota of a day: `q`, in `w` seconds"),
        ("RateLimit", "What is left of it: `r`, until it starts again in `t` seconds"),
    )
]


def errors(*codes: int) -> dict[int, OpenApiResponse]:
    """The error responses for these status codes."""
    return {code: OpenApiResponse(ErrorsSerializer, _MEANINGS[code]) for code in codes}


def describe_all(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """For drf-spectacular: adds the recipe's schema, and to each operation the errors that any address may answer."""
    schemas = result["components"]["schemas"]
    for name in ("Rerun", "Reason", "OptionalReason", "PatchedNames"):
        schemas[name]["additionalProperties"] = False
    schemas |= {_component(name): _moved(part) for name, part in _RECIPE_PARTS.items()}
    for operations in result["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            if operation["operationId"] in ("submit", "submission_check", "run_hold", "entry_take_down"):
                operation["requestBody"]["required"] = True
            takes_key = operation is operations.get("post") and operation["operationId"] not in _WITHOUT_KEY
            if takes_key:
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
            for code in (*_ANYWHERE, *(_SENT_AGAIN if takes_key else ())):
                content = {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}}
                responses.setdefault(str(code), {"content": content, "description": _MEANINGS[code]})
            operation["responses"] = dict(sorted(responses.items()))
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


_RECIPE_PARTS = recipe_json_schema()
_RECIPE_PARTS = _RECIPE_PARTS.pop("$defs") | {"Recipe": _RECIPE_PARTS}


def _component(name: str) -> str:
    return name if name.startswith("Recipe") else f"Recipe{name}"


def _moved(part: Any) -> Any:
    """A part of the recipe's JSON Schema with its references led to the components of the OpenAPI document."""
    if isinstance(part, dict):
        return {key: _moved(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_moved(value) for value in part]
    if isinstance(part, str) and (found := re.fullmatch(r"#/\$defs/(\w+)", part)):
        return f"#/components/schemas/{_component(found[1])}"
    return part


HARDWARE: dict[str, Any] = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "maxLength": 100}
SUBMITTED: dict[str, Any] = {
    "anyOf": [
        {"$ref": "#/components/schemas/Recipe"},
        {
            "type": "object",
            "properties": {
                "recipe": {"$ref": "#/components/schemas/Recipe"},
                "hardware": {"anyOf": [HARDWARE, {"type": "null"}]},
                "mode": {"enum": [*get_args(Mode), None]},
                "version_of": {"type": ["string", "null"], "format": "uuid"},
            },
            "required": ["recipe"],
            "additionalProperties": False,
        },
    ]
}
"""The body of a submission: a recipe, or a recipe with its options."""


def _number(minimum: float, maximum: float, **more: Any) -> dict[str, Any]:
    return {"type": "number", "format": "double", "minimum": minimum, "maximum": maximum, **more}


def _several(choices: Iterable[str]) -> dict[str, Any]:
    """Choices, each in a parameter of its own or with commas between them."""
    either = f"({'|'.join(choices)})"
    items = {"anyOf": [{"enum": list(choices)}, {"type": "string", "pattern": f"^{either}(,{either})+$"}]}
    return {"type": "array", "minItems": 1, "items": items}


# Of the numbers that a page's fields take, those that can't be above 10^15 and whose marks can't be mistaken.
_UP_TO_3_DIGITS = r"([1-9][0-9]{0,2}([.][0-9]{1,6}|,[0-9]{1,2})?|0[.,][0-9]{0,2}[1-9])"
_SIZES = "[kKmMbBtT]|Tsd[.]?|Mio[.]?|Mrd[.]?|bn|thousand|million|billion|trillion|lakh|crore"
_MARKED = "|".join(
    f"[1-9][0-9]{{0,2}}({mark}[0-9]{{3}}){{{least},4}}"
    for mark, least in ((",", 1), ("[.]", 2), (" ", 1), ("'", 1), ("’", 1))
)
_USAGE_IN_WORDS = {"type": "string", "pattern": f"^({_MARKED}|{_UP_TO_3_DIGITS} ?({_SIZES}))$"}
USAGE_INTENSITY = OpenApiParameter(
    "usage_intensity",
    {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_USAGE_INTENSITY},
            _USAGE_IN_WORDS,
        ],
        "default": 1e6,
    },
    description=f"Images over the model's life: {ALLOWED_USAGE_INTENSITY}. A billion is 10^9; one comma before three "
    "digits divides thousands, one point is decimal.",
)
ACCURACY_WEIGHT = OpenApiParameter(
    "accuracy_weight",
    _number(0, MAX_ACCURACY_WEIGHT, default=1),
    description=f"The τ of greenness, how much accuracy counts: {ALLOWED_ACCURACY_WEIGHT}.",
)
MIN_QUALITY = OpenApiParameter(
    "min_quality",
    {
        "anyOf": [
            _number(0, 100),
            {"type": "string", "pattern": r"^([0-9]{1,2}([.,][0-9]+)?|100)[ \u00a0\u202f]?(%|per ?cent)$"},
            {"type": "string", "pattern": r"^[0-9]{1,2},[0-9]+$"},
        ]
    },
    description=f"Quality floor: {ALLOWED_QUALITY}; a comma is decimal. Default: the track's quality_floor (see "
    "/api/v1/tracks); 0 turns it off.",
)
BOARD_PARAMETERS = [
    OpenApiParameter(
        "track",
        {"type": "string", "pattern": KEY_PATTERN},
        description=f"One of {', '.join(KEYS_IN_WORDS)}. Default: that of the largest board.",
    ),
    OpenApiParameter(
        "hardware", HARDWARE, description="A slug of /api/v1/hardware. Default: that of the largest board."
    ),
    OpenApiParameter("scenario", enum=Scenario.values, description="Default: offline, unless it has no results."),
    OpenApiParameter(
        "scope",
        enum=Scope.values,
        description="What the joules cover. Default: accelerator, unless it has no results.",
    ),
]
RUN_AS_MEANINGS = {
    "precision": "Only entries whose network is run in one of these; no published results.",
    "runtime": "Only entries whose network one of these programs runs; no published results.",
    "compiled": "Only entries whose network is compiled (yes), or is not; no published results.",
}
FILTER_PARAMETERS = [
    *BOARD_PARAMETERS,
    USAGE_INTENSITY,
    OpenApiParameter(
        "shared_by",
        _number(1, 1e9, default=1),
        description="Deployments that share search and pre-training.",
    ),
    MIN_QUALITY,
    OpenApiParameter("family", _several(FAMILIES), description="Only these families."),
    OpenApiParameter(
        "provenance",
        _several(Provenance.values),
        description="Only entries whose weakest provenance is one of these.",
    ),
    OpenApiParameter(
        "quality_by",
        _several(QUALITY_BY),
        description="Only entries whose quality is "
        + "; ".join(f"{name}: {meaning}" for name, meaning in QUALITY_BY.items())
        + ".",
    ),
    *(OpenApiParameter(name, _several(values), description=RUN_AS_MEANINGS[name]) for name, values in RUN_AS.items()),
    OpenApiParameter(
        "search",
        {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[^\x00]+$"},
        description="Words in title or architecture, or the start of a recipe's SHA-256.",
    ),
    OpenApiParameter(
        "order_by",
        enum=[*ORDERINGS, ENERGY_PER_CORRECT],
        description=f"Default: energy. {ENERGY_PER_CORRECT} is another name of greenness with accuracy_weight=1.",
    ),
    ACCURACY_WEIGHT,
    OpenApiParameter(
        "include_incomplete",
        {"type": "string", "enum": ["true", "false", "on", "off"]},
        description="Rank entries with a missing phase at their lower bound. Default: false.",
    ),
    OpenApiParameter(
        "source",
        enum=list(SOURCES),
        description="Only results verified by this site's workers, or only those published by others. Default: both.",
    ),
    *(
        OpenApiParameter(
            constraint.parameter,
            {"type": "number", "format": "double", "exclusiveMinimum": 0, "maximum": MOST_AMOUNT},
            description=f"Only entries whose {constraint.figure} is known and at "
            f"{'most' if constraint.kind == 'max' else 'least'} this.",
        )
        for constraint in CONSTRAINTS
    ),
]
RANGE_PARAMETERS = [
    OpenApiParameter(
        name,
        {"anyOf": [_number(LEAST_USAGE_INTENSITY, MAX_USAGE_INTENSITY), _USAGE_IN_WORDS]},
        required=True,
        description=f"{which} usage intensity that is possible, images: {ALLOWED_RANGE_END}{more}.",
    )
    for name, which, more in (("n_from", "Least", ""), ("n_to", "Greatest", ", at least n_from"))
]
PAGE_PARAMETERS = [
    OpenApiParameter("page", {"type": "integer", "minimum": 1, "maximum": 10**6, "default": 1}),
    OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}),
]
OWN_PARAMETERS = [
    OpenApiParameter(
        "mine", enum=["true"], required=True, description="Only your own submissions are listed, so it is true."
    ),
    OpenApiParameter(
        "state", enum=list(OWN_STATES), description="The state of the newest run; or withdrawn, or held for review."
    ),
    OpenApiParameter(
        "track", {"type": "string", "pattern": KEY_PATTERN}, description=f"One of {', '.join(KEYS_IN_WORDS)}."
    ),
    OpenApiParameter("hardware", HARDWARE, description="A slug of /api/v1/hardware."),
    OpenApiParameter(
        "search",
        {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[^\x00]+$"},
        description="Words of the title, or the beginning of the recipe's SHA-256.",
    ),
]
DOCUMENTED = {parameter.name: parameter for parameter in [*FILTER_PARAMETERS, *RANGE_PARAMETERS, *PAGE_PARAMETERS]}
"""By name."""
