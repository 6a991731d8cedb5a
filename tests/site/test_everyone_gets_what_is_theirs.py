"""Every address and method, as four people, against permissions.txt: one without a row there fails.

Alice owns the submissions, Bob is another user, and an administrator's writes leave a line in the log. Whatever a
request changes is rolled back before the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import site
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client

from leaderboard import services
from leaderboard.models import Entry, LogLine, Measurement, Run
from leaderboard.presentation.notices import unsubscribe_address
from measurement.vocabulary import Flag
from tests.api.builders import recipe_document
from tests.artifacts.making import weights
from tests.power_traces import trace
from tests.records import make_recipe
from tests.services.verifying import verify
from tests.site.walking import ROLES, Address, Row, every_address, table

pytestmark = pytest.mark.django_db

OF_MODELS = tuple(f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in site._registry)
ADDRESSES = [address for address in every_address() if not address.route.startswith(OF_MODELS)]
JSON = "application/json"
# What an address does not answer without.
QUERIES = {
    "runs-compare": "?run={first}&run={second}",
    "api-leaderboard-range": "?n_from=1e4&n_to=1e8",
    "api-submissions": "?mine=true",
}
# Of GET alone.
QUERIES_OF_GET = {"api-submissions"}


@pytest.fixture
def values(hardware: Any, alice: Any, settings: Any, tmp_path: Any) -> Any:
    """What stands for the parts of an address, by the address's name; Alice's are all of it."""
    settings.MEDIA_ROOT = tmp_path
    counted, _ = verify(make_recipe(seed=1), hardware, submitter=alice)
    counted.attempts.get().trace.save("run.parquet", ContentFile(trace([0.0, 1.0], [5.0, 6.0]).read()))
    held, _ = verify(make_recipe(seed=2), hardware, submitter=alice, flags=(Flag.THROTTLED,))
    waiting, _ = services.submit(make_recipe(epochs=2), hardware=hardware, submitter=alice)
    numbers = {"entry": Entry.objects.get(board__scope="accelerator", board__scenario="offline").pk}
    numbers |= {"run": counted.pk, "submission": counted.submission_id}
    numbers |= {"webhook": services.add_webhook(alice, "https://example.org/hook", ["failed"]).pk}
    settings.DATA_ROOT = tmp_path
    place = {"location": str(tmp_path / "artifacts")}
    local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": place}
    settings.STORAGES = settings.STORAGES | {"artifacts": local}
    content = weights(1.0)
    file, _ = services.declare(alice, kind="safetensors", size=len(content))
    numbers |= {"artifact": services.append(file, 0, content).pk}
    others = {"api-run-cancel": waiting.runs.get().pk, "api-run-release": held.pk}
    withdrawn, _ = services.submit(make_recipe(epochs=5), hardware=hardware, submitter=alice)
    services.withdraw(withdrawn, by=alice)
    others |= dict.fromkeys(("submission-restore", "api-submission-restore"), withdrawn.pk)
    rest = {"name": "api", "key": "x", "uidb36": "1", "app_label": "auth", "content_type_id": 1, "object_id": 1}
    measured = Measurement(sha256="a" * 64, submitter=alice, hardware="Their CPU", record={}, figures={})
    measured.trace.save("measured.parquet", ContentFile(b"PAR1"))
    rest |= {"sha256": measured.sha256}
    rest |= {"signed": unsubscribe_address(alice, "failed").rstrip("/").rpartition("/")[2]}

    def of(address: Address) -> dict[str, Any]:
        kind = next((kind for kind in numbers if kind in address.name), "entry")
        name = "board-in-a-notebook" if address.name == "documentation-notebook" else "api"
        runs = {"first": counted.pk, "second": held.pk}
        return rest | runs | {"pk": others.get(address.name, numbers[kind]), "name": name, "url": "nothing/"}

    return of


@pytest.fixture
def people(alice: Any, bob: Any, administrator: Any) -> Iterator[dict[str, str]]:
    """The key of each one's session."""
    sessions = {"anonymous": ""}
    for role, user in (("stranger", bob), ("owner", alice), ("administrator", administrator)):
        client = Client()
        client.force_login(user)
        sessions[role] = client.cookies["sessionid"].value
    yield sessions
    cache.clear()


def body_of(address: Address) -> dict[str, Any]:
    """What a POST needs to be taken."""
    reason = {"reason": "its fan stood still"}
    recipe = recipe_document(phases=[{"technique": "supervised", "phase": "train", "epochs": 4}])
    bodies = {
        "submit": {
            "document": make_recipe("By form", epochs=3).model_dump_json(),
            "hardware": Run.objects.first().hardware_id,
        },
        "submission-names": {"title": "Corrected", "family": "compact"},
        "api-submission-names": {"title": "Corrected"},
        "tokens": {"name": "CI", "scope": "submit", "days": "90"},
        "api-submissions": recipe,
        "api-submission-check": recipe,
        "api-artifacts": {"kind": "onnx", "size": 9},
    }
    if address.name in ("api-run-hold", "api-entry-take-down"):
        return reason
    return bodies.get(address.name, {})


def ask(address: Address, path: str, method: str, session: str) -> tuple[str, list[str]]:
    """Status, or `login`; and the acts in the log that this has added."""
    client = Client()
    client.cookies["sessionid"] = session
    before = LogLine.objects.count()
    with transaction.atomic():
        if method == "GET":
            answer: HttpResponseBase = client.get(path)
        else:
            kind = {"content_type": JSON} if address.route.startswith("/api/") else {}
            answer = getattr(client, method.lower())(path, body_of(address), **kind)
        added = [line.action for line in LogLine.objects.order_by("pk")[before:]]
        transaction.set_rollback(True)
    is_login = answer.status_code == 302 and "login" in answer["Location"]
    return ("login" if is_login else str(answer.status_code)), added


def test_each_address_and_method(values: Any, people: Any) -> None:
    found: dict[tuple[str, str], Row] = {}
    for address in ADDRESSES:
        bare = address.path(values(address))
        query = QUERIES.get(address.name, "").format(**values(address))
        for method in address.methods:
            path = bare if address.name in QUERIES_OF_GET and method != "GET" else bare + query
            by_administrator, acts = ask(address, path, method, people["administrator"])
            if method == "GET" or by_administrator != "405":
                others = {role: ask(address, path, method, people[role])[0] for role in ROLES[:-1]}
                found[address.name, method] = Row(others | {"administrator": by_administrator}, ",".join(acts) or "-")
    rows = table()
    assert set(found) == set(rows)
    assert {key: row.answers for key, row in found.items()} == {key: row.answers for key, row in rows.items()}
    logged = {key: row.logged for key, row in rows.items()}
    assert {key: logged[key] if row.logged == "-" else row.logged for key, row in found.items()} == logged
    is_write = {key for key, row in rows.items() if key[1] != "GET" and row.answers["administrator"][0] in "23"}
    assert [key for key in is_write if logged[key] == "-"] == [], "say which line of the log this leaves"
