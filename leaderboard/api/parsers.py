"""Recipes as JSON or YAML, of bounded size, with every fault in the form that `measurement` gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from leaderboard.api.errors import LengthRequired, TooLarge
from measurement.documents import MAX_DEPTH, MAX_DOCUMENT_BYTES, DocumentError, Fault, read_document

# What a YAML reader raises on values that contradict their own tag, such as `!!bool maybe`.
_UNREADABLE = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)


def check_length(request: Request) -> None:
    """Raise TooLarge or LengthRequired by the headers alone, before any of the body is read."""
    if request.headers.get("Transfer-Encoding") and not request.headers.get("Content-Length"):
        raise LengthRequired
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        raise LengthRequired from None
    if length > MAX_DOCUMENT_BYTES:
        raise TooLarge(
            f"{length:,} bytes; a body may have at most {MAX_DOCUMENT_BYTES:,}. "
            "Weights and data are named in a recipe, not contained"
        )


class _DocumentParser(BaseParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """The document in the body. Raises DocumentError."""
        try:
            document = self.read(stream.read(MAX_DOCUMENT_BYTES))
        except DocumentError:
            raise
        except _UNREADABLE as error:
            raise DocumentError([Fault("", f"can't be read: {str(error)[:200]}")]) from None
        _check_values(document, "", 0)
        return document

    def read(self, body: bytes) -> dict[str, Any]:
        raise NotImplementedError


class JSONDocumentParser(_DocumentParser):
    """JSON that has no NaN and no key twice."""

    media_type = "application/json"

    def read(self, body: bytes) -> dict[str, Any]:
        """The object in `body`."""
        try:
            document = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
        except UnicodeDecodeError as error:
            raise DocumentError([Fault("", f"not UTF-8 text (byte {error.start})")]) from None
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise DocumentError([Fault("", f"not valid JSON: {error.msg} ({where})")]) from None
        if not isinstance(document, dict):
            raise DocumentError([Fault("", "must be an object")])
        return document


class YAMLDocumentParser(_DocumentParser):
    """YAML without aliases."""

    media_type = "application/yaml"

    def read(self, body: bytes) -> dict[str, Any]:
        """The mapping in `body`."""
        return read_document(body)


class XYAMLDocumentParser(YAMLDocumentParser):
    """YAML under its name of before RFC 9512."""

    media_type = "application/x-yaml"


class TextYAMLDocumentParser(YAMLDocumentParser):
    """YAML under its other name of before RFC 9512."""

    media_type = "text/yaml"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise DocumentError([Fault(key, "given twice; keep one")])
        document[key] = value
    return document


def _no_constant(name: str) -> None:
    raise DocumentError([Fault("", f"not valid JSON: {name} is not a number of JSON")])


def _check_values(value: object, path: str, depth: int) -> None:
    """Refuse what neither a schema's message nor a database could carry."""
    if depth > MAX_DEPTH:
        raise DocumentError([Fault("", f"nested deeper than {MAX_DEPTH} levels; a recipe needs 5")])
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise DocumentError([Fault(path, "must be Unicode text without NUL")])
    if isinstance(value, int) and value.bit_length() > 1024:
        raise DocumentError([Fault(path, "a number of more than 300 digits")])
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise DocumentError([Fault(path, f"a field's name must be text (got {str(key)[:40]!r})")])
            _check_values(key, path, depth)
            _check_values(inner, f"{path}.{key}" if path else key, depth + 1)
    if isinstance(value, list | tuple | set):
        for position, inner in enumerate(value):
            _check_values(inner, f"{path}.{position}" if path else str(position), depth + 1)
