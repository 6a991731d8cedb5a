"""Reads a small YAML or JSON document without trusting it, and says what is wrong field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import yaml
from pydantic import ValidationError

MAX_DOCUMENT_BYTES = 64 * 1024
MAX_DEPTH = 20
MAX_FAULTS = 50


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a document: the field's path (empty for the whole document) and what to do about it.

    line: where in the text, from 1; None if it is not known. A message that names its line begins with it.
    """

    field: str
    message: str
    line: int | None = None

    @property
    def text(self) -> str:
        """The message without its line, for those who show the line apart."""
        return self.message.removeprefix(f"line {self.line}: ")

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class DocumentError(ValueError):
    """A document that can't be accepted, with every fault found in it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases (they can grow without bound) and without a key given twice."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # yaml's, of no types
            line = mark.line + 1
            raise DocumentError(
                [Fault("", f"line {line}: YAML aliases (*name) are not allowed; write the value out", line)]
            )
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise DocumentError([Fault("", f"nested deeper than {MAX_DEPTH} levels; a recipe needs only 5")])
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key_node.tag != "tag:yaml.org,2002:str":
                raise DocumentError([Fault("", f"line {line}: a field's name must be text (got {key[:40]!r})", line)])
            if key in seen:
                raise DocumentError([Fault(_shown(key), f"line {line}: given twice; keep one", line)])
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


# YAML 1.1 reads 1e-3 as text; as a learning rate it is meant as a number.
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read_document(text: str | bytes) -> dict[str, Any]:
    """The mapping in `text` (YAML, which includes JSON).

    Raises DocumentError for text that is too large, not UTF-8, not YAML, not a mapping, or that uses aliases.
    """
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise DocumentError(
            [
                Fault(
                    "",
                    f"{len(raw):,} bytes; a recipe may have at most {MAX_DOCUMENT_BYTES:,}. "
                    "A recipe names weights and data; it cannot include them",
                )
            ]
        )
    try:
        loaded = yaml.load(raw.decode("utf-8"), Loader=_PlainLoader)  # noqa: S506 - derives from SafeLoader
    except UnicodeDecodeError as error:
        raise DocumentError([Fault("", f"not UTF-8 text (byte {error.start})")]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        where = f"line {line}: " if line else ""
        raise DocumentError([Fault("", f"{where}not valid YAML: {error.problem or error.context}", line)]) from None
    except DocumentError:
        raise
    except Exception as error:  # PyYAML passes on any exception of its constructors
        reason = str(error)[:200] or type(error).__name__
        raise DocumentError([Fault("", f"not valid YAML: {reason}")]) from None
    if not isinstance(loaded, dict):
        raise DocumentError(
            [Fault("", "must be a mapping of fields such as `track:` and `model:`; see docs/recipes.md")]
        )
    return loaded


def node_of(text: str) -> yaml.Node | None:
    """The tree of nodes of a document, each with its place in the text; None if it can't be read."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_PlainLoader)
    except Exception:  # as in read_document
        return None
    return root


def with_lines(text: str, faults: Iterable[Fault], within: str = "") -> list[Fault]:
    """The faults, each with the line of its field in `text`; of a field that is not there, that of the nearest part.

    within: the field of `text` that has the document, if it is a part of it.
    """
    root = node_of(text)
    found = list(faults)
    if root is None:
        return found
    prefix = [within] if within else []
    return [
        fault if fault.line else replace(fault, line=_line_of(root, [*prefix, *filter(None, fault.field.split("."))]))
        for fault in found
    ]


def _line_of(root: yaml.Node, path: list[str]) -> int:
    node, line = root, int(root.start_mark.line) + 1
    while path:
        for length in range(len(path), 0, -1):  # a field's name may have dots of its own
            below = _child(node, ".".join(path[:length]))
            if below is not None:
                line, node = below
                path = path[length:]
                break
        else:
            break
    return line


def _child(node: yaml.Node, name: str) -> tuple[int, yaml.Node] | None:
    """A field or member of a node, with its line."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == name:
                return int(key.start_mark.line) + 1, value
    if isinstance(node, yaml.SequenceNode) and name.isascii() and name.isdecimal() and int(name) < len(node.value):
        member = node.value[int(name)]
        return int(member.start_mark.line) + 1, member
    return None


def as_json(document: object) -> str:
    """`document` as JSON for strict validation; dates and other YAML-only values become text.

    Raises DocumentError for what JSON can't hold, such as a number of 10,000 digits.
    """
    try:
        return json.dumps(document, default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError([Fault("", f"has a value that JSON can't hold: {error}")]) from None


def faults_of(error: ValidationError, tags: frozenset[str] = frozenset()) -> list[Fault]:
    """pydantic's errors as faults: one per field, its path in the document's own terms, with the value given.

    tags: names that pydantic adds to a path to say which member of a union it tried.
    """
    items = error.errors(include_url=False)
    locations = [item["loc"] for item in items]
    return [
        Fault(
            _path(item["loc"], tags),
            _message(item["type"], item["msg"], item.get("input"), item.get("ctx") or {}),
        )
        for item in items[:MAX_FAULTS]
        if not (item["type"] == "too_short" and _holds_another(item["loc"], locations))
    ]


def _holds_another(location: tuple[int | str, ...], locations: list[tuple[int | str, ...]]) -> bool:
    """pydantic calls a list too short when its only member is at fault; then only that member's own fault is kept."""
    return any(len(other) > len(location) and other[: len(location)] == location for other in locations)


def _shown(name: str) -> str:
    """Escape lone surrogates, which can't be written as UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def _path(location: tuple[int | str, ...], tags: frozenset[str]) -> str:
    parts = [
        str(part)
        for position, part in enumerate(location)
        if not (part in tags and position and (isinstance(location[position - 1], int) or position == 1))
    ]
    return ".".join(_shown(part) for part in parts)


def _message(kind: str, message: str, given: object, context: dict[str, Any]) -> str:
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return "is not a field of this schema; remove it or correct its spelling"
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", message))
    if kind == "union_tag_invalid":
        return f"technique {context.get('tag')!r} is not known; use one of {context.get('expected_tags')}"
    if kind == "union_tag_not_found":
        return "needs a `technique`, e.g. `technique: supervised`"
    shown = repr(given)
    message = message.removeprefix("Input ")
    return f"{message[0].lower()}{message[1:]} (got {shown if len(shown) <= 60 else shown[:57] + '…'})"
