"""POST submissions: a recipe goes in once, by a known person, on known hardware."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from leaderboard.api.schemas.runs import SubmissionSerializer
from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import Run, Submission
from measurement.recipe import parse_recipe
from tests.api import builders

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/submissions"
YAML_TYPES = ("application/yaml", "text/yaml", "application/x-yaml", "text/yaml; charset=utf-8")


@pytest.fixture(autouse=True)
def _fresh_throttle() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def alice() -> User:
    return builders.user("alice")


@pytest.fixture
def by_alice(alice: User) -> dict[str, str]:
    builders.hardware()
    return builders.token(alice)


def post(client: Client, body: Any, headers: dict[str, str], kind: str = "application/json", query: str = "") -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(f"{ADDRESS}{query}", data, content_type=kind, headers=headers)


def faults(answer: Any, status: int = 400) -> dict[str | None, str]:
    assert answer.status_code == status, answer.content
    assert not Submission.objects.exists()
    assert not Run.objects.exists()
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_recipe_alone(client: Client, alice: User, by_alice: dict[str, str]) -> None:
    document = builders.recipe_document()
    answer = post(client, document, by_alice)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == set(SubmissionSerializer().fields)
    assert (body["state"], body["hardware"], body["track"]) == ("queued", "test-cpu", "digits")
    assert body["recipe"] == parse_recipe(document).sha256
    assert body["run"]["phases"] == body["run"]["entries"] == []
    assert "secret.example" not in answer.content.decode()
    assert client.get(answer["Location"]).json() == body
    assert Submission.objects.get().submitter == alice


def test_envelope(client: Client, by_alice: dict[str, str]) -> None:
    builders.hardware("test-gpu", "cuda")
    body = {"recipe": builders.recipe_document(), "hardware": "test-gpu", "mode": "full"}
    answer = post(client, body, by_alice)
    assert answer.status_code == 201
    run = answer.json()["run"]
    assert (run["hardware"], run["mode"]) == ("test-gpu", "full")


@pytest.mark.parametrize("kind", YAML_TYPES)
def test_yaml(client: Client, by_alice: dict[str, str], kind: str) -> None:
    builders.hardware("test-gpu", "cuda")
    document = builders.recipe_document()
    answer = post(client, yaml.safe_dump(document), by_alice, kind, "?hardware=test-gpu&mode=full")
    assert answer.status_code == 201, answer.content
    assert answer.json()["recipe"] == parse_recipe(document).sha256
    assert answer.json()["hardware"] == "test-gpu"


def test_same_recipe_is_found(client: Client, by_alice: dict[str, str]) -> None:
    first = post(client, builders.recipe_document(), by_alice)
    renamed = builders.recipe_document(method={"title": "Another name", "family": "compact"})
    second = post(client, renamed, builders.token(builders.user("bob")))
    assert (second.status_code, second["Location"]) == (200, first["Location"])
    assert second.json() == first.json()
    assert Run.objects.count() == 1


def test_session_needs_its_csrf_token(alice: User, by_alice: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert "CSRF" in str(faults(post(client, builders.recipe_document(), {}), 403))
    client.cookies["csrftoken"] = "a" * 32
    assert post(client, builders.recipe_document(), {"X-CSRFToken": "a" * 32}).status_code == 201


def test_token_with_a_known_head(client: Client, by_alice: dict[str, str]) -> None:
    head = by_alice["Authorization"][:30]
    for tail in ("", "zz", "é"):
        assert faults(post(client, builders.recipe_document(), {"Authorization": head + tail}), 401)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Token nonsense"}, {"Authorization": "Token"}, {"Authorization": "Token " + "é" * 9}],
)
def test_stranger_is_asked_for_a_token(client: Client, by_alice: dict[str, str], headers: dict[str, str]) -> None:
    answer = post(client, builders.recipe_document(), headers)
    assert list(faults(answer, 401)) == [None]
    assert answer["WWW-Authenticate"].startswith("Token")


def test_faults_are_those_of_the_recipe(client: Client, by_alice: dict[str, str]) -> None:
    document = builders.recipe_document(track="nowhere", colour="red")
    document["model"]["architecture"] = "mobilenet_v3_tiny"
    document["phases"][0] |= {"epochs": -3, "batch_size": 10**9}
    found = faults(post(client, document, by_alice))
    assert set(found) == {"track", "colour", "model.architecture", "phases.0.epochs", "phases.0.batch_size"}
    assert "greater than or equal to 1 (got -3)" in found["phases.0.epochs"]
    assert set(faults(post(client, yaml.safe_dump(document), by_alice, YAML_TYPES[0]))) == set(found)
    assert set(faults(post(client, {"recipe": document}, by_alice))) == set(found)


def test_hardware_is_named_or_the_only_one(client: Client, alice: User) -> None:
    headers = builders.token(alice)
    document = builders.recipe_document()
    assert "no worker has registered" in faults(post(client, document, headers))["hardware"]
    builders.hardware("test-cpu")
    builders.hardware("test-gpu", "cuda")
    assert "one of test-cpu, test-gpu" in faults(post(client, document, headers))["hardware"]
    for slug in ("h100", "\x00", "\ud800", "a" * 500):
        assert faults(post(client, {"recipe": document, "hardware": slug}, headers))
    unknown = faults(post(client, document, headers, query="?hardware=h100"))
    assert unknown["hardware"] == "'h100' is unknown; use one of test-cpu, test-gpu"
    assert "hardware" in faults(post(client, {"recipe": document, "hardware": ["test-cpu"]}, headers))


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ("{", "application/json", None),
        ("", "application/json", None),
        ("[]", "application/json", None),
        ("null", "application/json", None),
        ('{"seed": NaN}', "application/json", None),
        ('{"seed": 1, "seed": 2}', "application/json", "seed"),
        ('{"seed": ' + "9" * 5000 + "}", "application/json", None),
        ('{"seed": ' + "9" * 400 + "}", "application/json", "seed"),
        ('{"seed": 1e999}', "application/json", "seed"),
        ("[" * 60_000, "application/json", None),
        ('{"a":' * 100 + "1" + "}" * 100, "application/json", None),
        ('{"method": {"summary": "a\\u0000b"}}', "application/json", "method.summary"),
        ('{"method": {"title": "\\ud800 title"}}', "application/json", "method.title"),
        ('{"\\ud800": 1}', "application/json", ""),
        (b'{"a": "\xff"}', "application/json", None),
        ('{"recipe": []}', "application/json", "recipe"),
        ('{"recipe": {}, "priority": 1}', "application/json", "priority"),
        ('{"recipe": {}, "mode": "fast"}', "application/json", "mode"),
        ('{"recipe": {}, "mode": ["full"]}', "application/json", "mode"),
        ("a: &a [1]\nb: *a", "application/yaml", None),
        ("a: [", "application/yaml", None),
        ("just text", "application/yaml", None),
        ("2020-01-01: 1", "application/yaml", None),
        ("a: !!bool maybe", "application/yaml", None),
        ("a: !!int ''", "application/yaml", None),
        ("a: !!timestamp soon", "application/yaml", None),
        ("a: !!python/object/apply:os.system [id]", "application/yaml", None),
        ("seed: 0x" + "f" * 30_000, "application/yaml", "seed"),
        ("a: " + "9:" * 2000 + "1.0", "application/yaml", None),
    ],
)
def test_what_is_no_recipe(client: Client, by_alice: dict[str, str], body: Any, kind: str, field: str | None) -> None:
    found = faults(post(client, body, by_alice, kind))
    if field is not None:
        assert field in found or None in found
    assert all(found.values())


@pytest.mark.parametrize("query", ["?foo=1", "?hardware=a&hardware=b", "?mode=fast"])
def test_query_string(client: Client, by_alice: dict[str, str], query: str) -> None:
    (field,) = faults(post(client, builders.recipe_document(), by_alice, query=query))
    assert field in {"foo", "hardware", "mode"}


def test_body_and_query_string_agree(client: Client, by_alice: dict[str, str]) -> None:
    builders.hardware("test-gpu", "cuda")
    body = {"recipe": builders.recipe_document(), "hardware": "test-cpu"}
    assert "differs" in faults(post(client, body, by_alice, query="?hardware=test-gpu"))["hardware"]
    assert post(client, body, by_alice, query="?hardware=test-cpu").status_code == 201


class Unread:
    """A body that fails whoever reads it."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = __iter__ = read  # type: ignore[assignment]


@pytest.mark.parametrize("kind", ["application/json", "application/yaml", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("session", [True, False])
def test_large_body_is_not_read(
    client: Client, alice: User, by_alice: dict[str, str], kind: str, session: bool
) -> None:
    if session:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
    answer = client.generic(
        "POST",
        ADDRESS,
        content_type=kind,
        headers={} if session else by_alice,
        **{"CONTENT_LENGTH": str(10 * 1024**2), "wsgi.input": Unread()},  # type: ignore[arg-type]
    )
    assert "the limit is 65,536" in str(faults(answer, 413))


def test_length_is_asked_for(client: Client, by_alice: dict[str, str]) -> None:
    answer = client.generic("POST", ADDRESS, headers=by_alice | {"Transfer-Encoding": "chunked"}, CONTENT_LENGTH="")
    assert faults(answer, 411)


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"]
)
def test_other_content_types(client: Client, by_alice: dict[str, str], kind: str) -> None:
    assert "application/yaml" in str(faults(post(client, "a=1", by_alice, kind), 415))


def test_one_person_can_not_flood_the_queue(
    client: Client, alice: User, by_alice: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SubmissionThrottle, "THROTTLE_RATES", {"submissions": "2/hour"})
    for _ in range(2):
        assert post(client, {}, by_alice).status_code == 400
    answer = post(client, {}, builders.token(alice))
    assert faults(answer, 429)
    assert int(answer["Retry-After"]) > 3000
    assert post(client, {}, builders.token(builders.user("bob"))).status_code == 400


def test_limit_is_sixty_an_hour() -> None:
    assert SubmissionThrottle().rate == "60/hour"


def test_a_sample_needs_the_submitters_own_figure(client: Client, by_alice: dict[str, str]) -> None:
    builders.hardware("test-gpu", "cuda")
    body = {"recipe": builders.recipe_document(), "hardware": "test-gpu", "mode": "sampled"}
    answer = post(client, body, by_alice)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "reported"
    body["recipe"]["reported"] = {"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"}
    answer = post(client, body, by_alice)
    assert (answer.status_code, answer.json()["run"]["mode"]) == (201, "sampled")
    body["mode"] = "full"
    again = [post(client, body, by_alice) for _ in range(2)]
    assert [(follow.status_code, follow.json()["run"]["mode"]) for follow in again] == [(201, "full"), (200, "full")]
    assert {follow.json()["id"] for follow in again} == {answer.json()["id"]}
