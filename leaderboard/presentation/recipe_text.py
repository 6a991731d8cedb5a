"""Changes to a recipe's text that leave the rest of it as it was written, comments and order included."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import yaml

from measurement.documents import DocumentError, node_of, read_document

Path = tuple[str | int, ...]
INDENT = "  "


def set_value(text: str, path: Path, value: Any) -> str:
    """The text with a field set; None takes it out. Raises DocumentError if the text can't be read."""
    return _edited(text, lambda document: _put(document, path, value), lambda: _set(text, path, value))


def add_member(text: str, path: Path, position: int, value: dict[str, Any]) -> str:
    """The text with a member inserted into a list of mappings. Raises DocumentError if the text can't be read."""

    def add(document: dict[str, Any]) -> None:
        _list(document, path).insert(position, value)

    return _edited(text, add, lambda: _insert(text, path, position, value))


def remove_member(text: str, path: Path, position: int) -> str:
    """The text without a member of a list. Raises DocumentError if the text can't be read."""

    def remove(document: dict[str, Any]) -> None:
        del _list(document, path)[position]

    return _edited(text, remove, lambda: _cut(text, path, position))


def swap_members(text: str, path: Path, position: int) -> str:
    """The text with a member of a list and the next one exchanged. Raises DocumentError if it can't be read."""

    def swap(document: dict[str, Any]) -> None:
        members = _list(document, path)
        members[position], members[position + 1] = members[position + 1], members[position]

    return _edited(text, swap, lambda: _swapped(text, path, position))


def keeps_comments(before: str, after: str) -> bool:
    """Whether an edited text still has the comments that it had before."""
    return _comments(before) <= _comments(after)


def written(document: Any) -> str:
    """A document as YAML."""
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return text


def _edited(text: str, change: Callable[[dict[str, Any]], None], edit: Callable[[], str | None]) -> str:
    """The text as `edit` gives it if that reads as it should; else the changed document, written out in full."""
    document = read_document(text) if text.strip() else {}
    change(document)
    try:
        edited = edit()
        if edited is not None and read_document(edited) == document:
            return edited
    except (DocumentError, IndexError):
        pass
    return written(document)


def _put(document: dict[str, Any], path: Path, value: Any) -> None:
    *parents, last = path
    at: Any = document
    for name in parents:
        if isinstance(at, dict) and not isinstance(at.get(name), dict | list):
            at[name] = {}
        at = at[name]
    if value is None:
        at.pop(last, None)
    else:
        at[last] = copy.deepcopy(value)


def _list(document: dict[str, Any], path: Path) -> list[Any]:
    at: Any = document
    for name in path[:-1]:
        at = at[name]
    if not isinstance(at.get(path[-1]), list):
        at[path[-1]] = []
    found: list[Any] = at[path[-1]]
    return found


def _set(text: str, path: Path, value: Any) -> str | None:
    parent = _node(text, path[:-1])
    if not isinstance(parent, yaml.MappingNode):
        if value is not None and path[:-1]:
            return _set(text, path[:-1], {path[-1]: value})
        return None if value is None else f"{text}{_flow(path[-1])}: {_flow(value)}\n"
    found = next(((key, node) for key, node in parent.value if key.value == path[-1]), None)
    if found is None:
        return text if value is None else _with_field(text, parent, path[-1], value)
    key, node = found
    if value is None:
        return _without_lines(text, parent, key, node)
    if node.start_mark.index == node.end_mark.index:  # `title:` with nothing after it
        return f"{text[: key.end_mark.index + 1]} {_flow(value)}{text[key.end_mark.index + 1 :]}"
    return text[: node.start_mark.index] + _flow(value) + text[_end(text, node) :]


def _with_field(text: str, parent: yaml.MappingNode, name: str | int, value: Any) -> str:
    if parent.flow_style:
        comma = ", " if parent.value else ""
        at = parent.end_mark.index - 1
        return f"{text[:at].rstrip()}{comma}{_flow(name)}: {_flow(value)}{text[at:]}"
    at = _line_end(text, _end(text, parent.value[-1][1]))
    line = f"{' ' * parent.start_mark.column}{_flow(name)}: {_flow(value)}\n"
    before = text[:at] if text[:at].endswith("\n") else text[:at] + "\n"
    return before + line + text[at:]


def _without_lines(text: str, parent: yaml.MappingNode, key: yaml.Node, node: yaml.Node) -> str | None:
    if parent.flow_style or key is parent.value[0][0]:
        return None
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    return text[:start] + text[_line_end(text, max(_end(text, node), key.end_mark.index)) :]


def _insert(text: str, path: Path, position: int, value: dict[str, Any]) -> str | None:
    found = _node(text, path)
    if found is None and len(path) == 1:
        before = text if not text or text.endswith("\n") else text + "\n"
        return f"{before}\n{path[0]}:\n{_member(value, 2)}"
    spans = _spans(text, found)
    if spans is None or found is None:
        return None
    at = spans[position][0] if position < len(spans) else spans[-1][1]
    before = text[:at] if text[:at].endswith("\n") else text[:at] + "\n"
    return before + _member(value, found.start_mark.column) + text[at:]


def _cut(text: str, path: Path, position: int) -> str | None:
    spans = _spans(text, _node(text, path))
    if spans is None or len(spans) < 2:
        return None
    start, end = spans[position]
    return text[:start] + text[end:]


def _swapped(text: str, path: Path, position: int) -> str | None:
    spans = _spans(text, _node(text, path))
    if spans is None:
        return None
    (start, middle), (_, end) = spans[position], spans[position + 1]
    first, second = text[start:middle], text[middle:end]
    if not second.endswith("\n"):
        second += "\n"
    return text[:start] + second + first + text[end:]


def _spans(text: str, found: yaml.Node | None) -> list[tuple[int, int]] | None:
    """Where each member of a list is, whole lines with the comments before it; None if it is not in block style."""
    if not isinstance(found, yaml.SequenceNode) or found.flow_style or not found.value:
        return None
    starts = [text.rfind("\n", 0, member.start_mark.index) + 1 for member in found.value]
    starts = [starts[0], *(_with_comments(text, start) for start in starts[1:])]
    ends = [*starts[1:], _line_end(text, _end(text, found.value[-1]))]
    return list(zip(starts, ends, strict=True))


def _with_comments(text: str, start: int) -> int:
    """Where the comments begin that are directly before a line."""
    while start:
        before = text.rfind("\n", 0, start - 1) + 1
        if not text[before:start].lstrip().startswith("#"):
            break
        start = before
    return start


def _node(text: str, path: Path) -> yaml.Node | None:
    node = node_of(text)
    for name in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == name), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
            node = node.value[name]
        else:
            return None
    return node


def _end(text: str, node: yaml.Node) -> int:
    """Where a node's own text ends: of a block, before the blank lines and comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start = int(node.start_mark.index)
    return start + len(text[start : node.end_mark.index].rstrip())


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _member(value: dict[str, Any], column: int) -> str:
    lines = written(value).splitlines()
    return "".join(f"{' ' * column}{'- ' if number == 0 else INDENT}{line}\n" for number, line in enumerate(lines))


def _flow(value: Any) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return re.sub(r"\n(\.\.\.\n)?$", "", dumped)


def _comments(text: str) -> set[str]:
    return {found.strip() for found in re.findall(r"(?m)(?:^|\s)(#.*)$", text)}
