"""What the OpenAPI document allows is taken, what it forbids is refused, and every answer is one that it describes.

Schemathesis makes the requests and checks the answers, with all its checks. CASES=5000 makes so many for each kind of
reader; what `test_openapi_document` compares makes the document of this test the one in docs/.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from pydantic import ValidationError
from schemathesis.core.failures import AcceptedNegativeData, FailureGroup
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.checks import ignored_auth

from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import Recipe as StoredRecipe
from leaderboard.wsgi import application
from measurement.recipe import Recipe
from tests.api import builders

pytestmark = pytest.mark.slow

schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)
OPERATIONS = len(list(schema.get_all_operations()))
# Its cases follow every branch of a schema, and a recipe has more than can be counted before a test begins.
schema.config.phases.coverage.enabled = False
SUBMITTING = ("/api/v1/submissions", "/api/v1/submissions/check")
CASES = int(os.environ.get("CASES", "0"))
EXAMPLES = max(3, -(-CASES // OPERATIONS))


@pytest.fixture
def _kept_connection() -> Iterator[None]:
    """As Django's own test client does: the end of a request leaves the test's connection open."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def site(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[Any]]]:
    """A site with entries and runs, whose limits no test reaches; the numbers of what there is, by part of path."""
    settings.MAX_ACTIVE_RUNS = 10**9
    monkeypatch.setattr(SubmissionThrottle, "rate", "1000000/hour", raising=False)
    entries = builders.three_entries()
    entries.append(builders.entry(complete=False, provenance="missing", quality=0.0, own_energy_j=0.0))
    runs = [entry.run for entry in entries] + [builders.run(state="queued"), builders.run(state="failed")]
    StoredRecipe.objects.update(document=builders.recipe_document())
    yield {
        "entries": [entry.pk for entry in entries],
        "runs": [run.pk for run in runs],
        "submissions": [str(run.submission_id) for run in runs],
    }
    cache.clear()


@pytest.fixture
def headers(request: pytest.FixtureRequest, site: Any) -> dict[str, str]:
    """Of a reader without an account, or of an administrator, who may do everything."""
    if request.param == "anonymous":
        return {}
    return builders.token(builders.user("root", is_staff=True, is_superuser=True))


@pytest.mark.usefixtures("_kept_connection")
@pytest.mark.parametrize("headers", ["anonymous", "administrator"], indirect=True)
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not CASES,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_requests_and_answers_are_as_documented(
    case: Any, headers: dict[str, str], site: dict[str, list[Any]]
) -> None:
    if "id" in case.path_parameters and case.meta.generation.mode.is_positive:
        # Every other number becomes one that is there; the same at every try, as Hypothesis wants it.
        chance, there = crc32(str(case.path_parameters["id"]).encode()), site.get(case.path.split("/")[3])
        if there and chance % 2:
            case.path_parameters["id"] = there[chance // 2 % len(there)]
    response = case.call(headers={"Accept-Encoding": "identity"} | headers)
    try:
        # Where a token is sent in place of the one that Schemathesis made up, it would believe that one to be taken.
        case.validate_response(response, excluded_checks=[ignored_auth] if headers else [])
    except FailureGroup as failures:
        kept = [failure for failure in failures.exceptions if not is_excepted(failure, case, response)]
        named = "\n".join(str(failure) for failure in kept)
        assert not kept, f"{named}\n{case.as_curl_command()[:2000]}\n{response.status_code} {response.text[:1000]}"


def is_excepted(failure: Exception, case: Any, response: Any) -> bool:
    """Whether a request that the document allows was refused by rules that no OpenAPI document can state.

    Or whether one that it forbids was refused as too large, which Schemathesis takes for no refusal.
    """
    if isinstance(failure, AcceptedNegativeData):
        return bool(response.status_code == 413)
    if not isinstance(failure, RejectedPositiveData):
        return False
    if response.status_code == 413 and case.path.startswith("/api/v1/artifacts"):
        return True  # how large a file may be is a setting of the site
    if response.status_code != 400:
        return False
    document = case.body if isinstance(case.body, dict) else {}
    recipe = document.get("recipe", document)
    return all(reason(error, case, recipe) for error in response.json()["errors"])


def reason(error: dict[str, str], case: Any, recipe: Any) -> str:
    """Why a document can't say what the error says; empty if it could."""
    field, message = error["field"], error["message"]
    is_of_hardware = field == "hardware" and ("is unknown" in message or "is required" in message)
    if is_of_hardware or (field == "page" and "must be from 1 to" in message):
        return "which hardware there is depends on the workers, and how many pages on the entries"
    is_of_order = field == "accuracy_weight" and case.query.get("order_by") == "energy_per_correct"
    is_of_range = field in ("n_to", "max_batch_size") and "must be at least" in message
    if is_of_order or is_of_range:
        return "one parameter or field depends on another"
    if field in ("hardware", "mode") and "differs between body and query string" in message:
        return "a parameter depends on the body"
    if case.path == "/api/v1/measurements" and field in ("record", "trace"):
        return "what a file holds is not its document's"
    if case.method == "POST" and case.path in SUBMITTING and isinstance(recipe, dict):
        return why_recipe_is_refused(recipe, message)
    return ""


def why_recipe_is_refused(recipe: dict[str, Any], message: str) -> str:
    """The rules of a recipe's parts with one another, and of characters that can't be seen, are code."""
    if "but the phases make this" in message:
        return "the family follows from the phases"
    try:
        Recipe.model_validate_json(json.dumps(json.loads(json.dumps(recipe), parse_float=_number)))
    except ValidationError as errors:
        found = {error["loc"]: error["type"] == "value_error" for error in errors.errors()}
        # A list counts as too short without those of its items that a rule refuses.
        by_code = all(
            is_rule or any(found[inner] and inner[: len(place)] == place for inner in found)
            for place, is_rule in found.items()
        )
        return "a rule about several fields, or about invisible characters" if by_code else ""
    return "what a sampled run needs depends on the whole recipe" if "is required in sampled mode" in message else ""


def _number(text: str) -> float | int:
    """1.0 is an integer, to JSON Schema and to the site."""
    return int(float(text)) if float(text).is_integer() else float(text)
