"""docs/api.md holds every path and parameter of the OpenAPI document, and every example leads somewhere."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from django.urls import Resolver404, resolve

from leaderboard.api.schemas.board import RowSerializer
from tests.docs.reading import DOCS, all_commands, rows, sections, text_of

PAGE = DOCS / "api.md"
DOCUMENT = yaml.load((DOCS / "openapi.yaml").read_bytes(), Loader=yaml.CSafeLoader)  # a tenth of the time
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = sorted(
    (verb.upper(), path) for path, item in DOCUMENT["paths"].items() for verb in METHODS if verb in item
)
LISTED = [row[0].strip("`") for row in rows(sections(PAGE)["Every address"])]


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
def test_address_is_in_the_list(verb, path):
    assert f"{verb} {path}" in LISTED


def test_no_address_is_listed_that_is_gone():
    assert set(LISTED) == {f"{verb} {path}" for verb, path in OPERATIONS}


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
def test_address_has_an_example(verb, path):
    wanted = re.compile(re.escape(path).replace(r"\{id\}", r"[^/?]+").replace(r"\{sha256\}", r"[^/?]+") + r"(\?.*)?$")
    found = [method_of(command) for command in curls() if wanted.search(address_of(command))]
    assert verb in found, f"docs/api.md has no curl line for {verb} {path}"


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_parameter_is_there(path):
    given = [parameter for item in DOCUMENT["paths"][path].values() for parameter in item.get("parameters", [])]
    text = text_of(PAGE)
    assert [found["name"] for found in given if f"`{found['name']}`" not in text and found["in"] == "query"] == []


def test_every_field_of_a_result_is_there():
    under = sections(PAGE)["Read the leaderboard"]
    assert [name for name in RowSerializer().fields if f"`{name}`" not in under] == []


def method_of(command) -> str:
    """As curl chooses it."""
    words = command.words
    named = [words[at + 1] for at, word in enumerate(words) if word in ("-X", "--request")]
    sends = any(word in ("-d", "-F") or word.startswith(("--data", "--json", "--form")) for word in words)
    return named[0] if named else "POST" if sends else "GET"


def curls():
    return [command for command in all_commands() if command.words[0] == "curl"]


def address_of(command) -> str:
    return next(word for word in command.words if "/api/v1/" in word)


@pytest.mark.parametrize("command", curls(), ids=str)
def test_address_of_an_example_is_there(command):
    address = urlsplit(
        address_of(command)
        .replace("$ID", "00000000-0000-0000-0000-000000000000")
        .replace("$SHA256", "0" * 64)
        .replace("$UPLOAD", "0" * 64)
    )
    path = "/api/v1/" + address.path.partition("/api/v1/")[2]
    try:
        found = resolve(path)
    except Resolver404:
        pytest.fail(f"{path} leads nowhere")
    assert found.url_name != "api-unknown"
    assert {name for name, _ in parse_qsl(address.query)} <= found.func.view_class.parameters
