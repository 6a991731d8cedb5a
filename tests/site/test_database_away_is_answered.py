"""While no connection to the database can be made, pages and API say so in their own form, and when to try again."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.db import OperationalError, ProgrammingError, connection
from django.test import Client
from django.urls import get_resolver, reverse

from leaderboard.configuration import BASE_DIR
from leaderboard.database.away import is_away
from leaderboard.models import ApiToken, Board

pytestmark = pytest.mark.django_db(transaction=True)
SUBMISSION = UUID(int=1)


@contextmanager
def away() -> Iterator[None]:
    """A server's port where nobody listens, a file in a folder that is not there: connecting fails."""
    there = {name: connection.settings_dict[name] for name in ("NAME", "HOST", "PORT")}
    where = {"NAME": "/nowhere/db.sqlite3"} if connection.vendor == "sqlite" else {"HOST": "127.0.0.1", "PORT": "1"}
    connection.close()
    connection.settings_dict |= where
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict |= there


@pytest.fixture
def visitor() -> Client:
    """Signed in: even a page that needs no database would look for the account."""
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_superuser("alice"))
    return client


def pages() -> list[str]:
    acts = ("", "-status", "-withdraw", "-restore", "-names")
    values = {
        "pk": {f"submission{act}": SUBMISSION for act in acts},
        "signed": {},
        "name": {"documentation-page": "recipes", "documentation-notebook": "board-in-a-notebook"},
    }
    names = [pattern.name for pattern in get_resolver().url_patterns if getattr(pattern, "name", None)]
    found = []
    for name in names:
        needs = get_resolver().reverse_dict.getlist(name)[0][0][0][1]
        found.append(reverse(name, kwargs={key: values[key].get(name, 1) for key in needs}))
    return [*found, "/accounts/login/", "/accounts/email/", "/admin/", "/admin/leaderboard/run/"]


def addresses() -> list[tuple[str, str]]:
    """Method and address of every operation of the API, with the parameters that are required."""
    required = {"/api/v1/leaderboard/range": "?n_from=1&n_to=2"}
    document = yaml.load((BASE_DIR / "docs" / "openapi.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    return [
        (method, _of_something(path) + required.get(path, ""))
        for path, operations in document["paths"].items()
        for method in operations
    ]


def _of_something(path: str) -> str:
    has_uuid = any(f"/{collection}/" in path for collection in ("submissions", "artifacts"))
    return path.replace("{id}", str(SUBMISSION) if has_uuid else "1").replace("{sha256}", "0" * 64)


def test_every_page(visitor):
    with away():
        answers = {address: visitor.get(address) for address in pages()}
    assert {answer.status_code for answer in answers.values()} == {200, 503}
    for address, answer in answers.items():
        if answer.status_code == 503 and address != "/readyz":
            assert int(answer["Retry-After"]) > 0, address
            assert answer["Content-Type"].startswith("text/html"), address
            assert "The database can't be reached" in answer.content.decode()
            assert "Content-Security-Policy" in answer or address.startswith("/admin/")
    well = {address for address, answer in answers.items() if answer.status_code == 200}
    assert "/healthz" in well
    documentation = {"/docs/", "/docs/recipes/", "/docs/board-in-a-notebook.ipynb"}
    assert (
        well
        <= {"/healthz", "/robots.txt", "/favicon.ico", "/methodology/", "/about/", "/compare/card.png"}
        | documentation
    )
    assert visitor.get(reverse("queue")).status_code == 200, "the database is back"


def test_every_address_of_the_api(visitor):
    token = {"Authorization": f"Token {ApiToken.objects.create(get_user_model().objects.get())[1]}"}
    for headers in ({}, token):
        with away():
            answers = {
                (method, address): visitor.generic(
                    method.upper(), address, "{}", content_type="application/json", headers=headers
                )
                for method, address in addresses()
            }
        for called, answer in answers.items():
            assert answer.status_code in (200, 401, 403, 503), (called, answer.content)
            if answer.status_code == 503:
                assert int(answer["Retry-After"]) > 0
                assert answer["Content-Type"] == "application/json"
                assert [error["field"] for error in answer.json()["errors"]] == [None]
        assert sum(answer.status_code == 503 for answer in answers.values()) > len(answers) / 2


def test_what_another_layer_than_a_view_raises(client, settings):
    settings.MIDDLEWARE = ["tests.site.test_database_away_is_answered.AsksTooEarly", *settings.MIDDLEWARE]
    client = Client(raise_request_exception=False)
    with away():
        assert client.get("/healthz").status_code == 503
        assert client.get("/api/v1/tracks").json()["errors"]
    assert client.get("/healthz").status_code == 200


def AsksTooEarly(get_response):  # noqa: N802 - middleware
    def answer(request):
        Board.objects.exists()
        return get_response(request)

    return answer


def test_a_wrong_statement_is_our_fault():
    with pytest.raises((OperationalError, ProgrammingError)) as wrong, connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    assert not is_away(wrong.value)
