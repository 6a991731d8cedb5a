"""A recipe as a short form: what the form shows of a text, and the changes of the form written into the text.

The text is the recipe; the form only shows a part of it. What it has no field for stays in the text and is named.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.models import FAMILIES
from leaderboard.presentation import recipe_text
from leaderboard.presentation.short_phases import NEW, NEW_NAMES, OF_TECHNIQUE
from measurement.documents import DocumentError, Fault, read_document
from measurement.recipe import PhaseSpec, Recipe
from measurement.tracks import TRACKS

SET, WAS = "set:", "was:"
Choices = tuple[tuple[str, str], ...]
_GENERAL: tuple[tuple[str, str, str], ...] = (
    ("method.title", "Title", "What the board calls your method."),
    ("method.family", "Family", "What kind of method it is; the phases have to bear it out."),
    ("method.paper", "Paper", "Its web address, if there is one."),
    ("track", "Track", "The data set, its metric and its protocol."),
    ("model.architecture", "Architecture", "A name of timm, e.g. resnet18."),
    ("model.resolution", "Resolution", "Height and width of the images, pixels."),
)
_LABELS = {
    "phase": "Phase of its life",
    "optimizer.name": "Optimizer",
    "teacher.architecture": "Teacher's architecture",
    "energy_j": "Energy, joules",
    "evidence": "Evidence of the energy",
}
_PHASE_CLASSES: dict[str, type[BaseModel]] = {
    get_args(phase.model_fields["technique"].annotation)[0]: phase for phase in get_args(get_args(PhaseSpec)[0])
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form: `name` is its path in the recipe, `choices` what it may be; empty if it is typed."""

    name: str
    label: str
    value: str
    help: str = ""
    choices: Choices = ()
    is_number: bool = False
    default: str = ""

    @property
    def id(self) -> str:
        """Of its element on the page."""
        return f"id_{self.name.replace('.', '_')}"

    @property
    def is_architecture(self) -> bool:
        """Whether it names a network of timm."""
        return self.name.endswith("architecture")


@dataclass(frozen=True, slots=True)
class Card:
    """A phase. rest: the fields that it has in the text and the form does not show."""

    position: int
    technique: str
    title: str
    phase: str
    fields: tuple[Field, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShortForm:
    """What a form shows of a text. unreadable: why it shows nothing; then nothing can be changed by it either."""

    fields: tuple[Field, ...] = ()
    cards: tuple[Card, ...] = ()
    rest: tuple[str, ...] = ()
    unreadable: Fault | None = None
    new: Choices = NEW_NAMES

    @property
    def last(self) -> int:
        """Position of the last phase."""
        return len(self.cards) - 1


def short_form(text: str) -> ShortForm:
    """The form for a text, which may be no valid recipe."""
    try:
        document = read_document(text) if text.strip() else {}
    except DocumentError as error:
        return ShortForm(unreadable=error.faults[0])
    fields = tuple(_general(document))
    phases = document.get("phases")
    cards = tuple(_cards(phases)) if isinstance(phases, list) else ()
    shown = {field.name for field in fields}
    rest = tuple(name for name in _names(document, but={"schema_version", "phases"}) if name not in shown)
    return ShortForm(fields, cards, rest)


def apply(text: str, given: Mapping[str, Any], action: str = "") -> str:
    """The text with what was changed in a form, and then one action: `add:TECHNIQUE`, `up:N`, `down:N`, `remove:N`.

    given: of each field its value (`set:`), and that which the form showed before (`was:`); only what differs is
    written. Raises DocumentError if the text can't be read.
    """
    if "schema_version" not in (read_document(text) if text.strip() else {}) and (action or _changed(given)):
        text = recipe_text.set_value(text, ("schema_version",), 1)
    for name, value in _changed(given):
        text = recipe_text.set_value(text, _path(name), _typed(name, value, text))
    verb, _, of = action.partition(":")
    if verb == "add" and of in NEW:
        return _add(text, of)
    phases = _phases(text)
    position = int(of) if of.isascii() and of.isdecimal() and len(of) < 4 else -1
    if verb == "remove" and 0 <= position < len(phases):
        return recipe_text.remove_member(text, ("phases",), position)
    first = position - 1 if verb == "up" else position
    if verb in ("up", "down") and 0 <= first < len(phases) - 1:
        return recipe_text.swap_members(text, ("phases",), first)
    return text


def _changed(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for key in given:
        name = key.removeprefix(SET)
        if key.startswith(SET) and str(given[key]).strip() != str(given.get(WAS + name, "")).strip():
            found.append((name, str(given[key]).strip()[:2000]))
    known = {name for name, _, _ in _GENERAL}
    return [(name, value) for name, value in found if name in known or _is_of_phase(name)]


def _is_of_phase(name: str) -> bool:
    phases, _, rest = name.partition(".")
    position, _, field = rest.partition(".")
    known = {"phase", *(field for fields in OF_TECHNIQUE.values() for field in fields)}
    return phases == "phases" and position.isascii() and position.isdecimal() and field in known


def _add(text: str, technique: str) -> str:
    """With a new phase of a technique, after the others of its kind and before those that come later in a life."""
    new = NEW[technique]
    phases = _phases(text)
    if technique == "supervised" and any(_of(phase, "phase") == "train" for phase in phases):
        new = new | {"phase": "finetune"}
    order = ONE_TIME_PHASES.index(new["phase"])
    if order < ONE_TIME_PHASES.index("train"):
        after = [number for number, phase in enumerate(phases) if _order(phase) <= order]
        return recipe_text.add_member(text, ("phases",), max(after, default=-1) + 1, new)
    return recipe_text.add_member(text, ("phases",), len(phases), new)


def _order(phase: Any) -> int:
    name = _of(phase, "phase")
    return ONE_TIME_PHASES.index(name) if name in ONE_TIME_PHASES else len(ONE_TIME_PHASES)


def _phases(text: str) -> list[Any]:
    found = (read_document(text) if text.strip() else {}).get("phases")
    return found if isinstance(found, list) else []


def _general(document: Mapping[str, Any]) -> Iterator[Field]:
    for name, label, help_ in _GENERAL:
        field = _field_info(Recipe, name)
        choices: Choices = _choices(field)
        if name == "method.family":
            choices = tuple(FAMILIES.items())
        elif name == "track":
            choices = tuple((track.slug, track.title) for track in TRACKS.values())
        value = _shown(_value(document, name))
        yield Field(name, label, value, help_, _with(choices, value), is_number=name == "model.resolution")


def _cards(phases: list[Any]) -> Iterator[Card]:
    for position, phase in enumerate(phases):
        technique = str(_of(phase, "technique") or "")
        kind = _PHASE_CLASSES.get(technique)
        prefix = f"phases.{position}."
        names = ["phase", *OF_TECHNIQUE.get(technique, ())] if kind and isinstance(phase, Mapping) else []
        fields = tuple(_phase_field(kind, phase, prefix, name) for name in names if kind)
        rest = _names(phase, but={"technique"}) if isinstance(phase, Mapping) else ()
        title = dict(NEW_NAMES).get(technique, technique or "no technique")
        yield Card(
            position,
            technique,
            title,
            str(_of(phase, "phase") or ""),
            fields,
            tuple(name for name in rest if name not in names),
        )


def _phase_field(kind: type[BaseModel], phase: Mapping[str, Any], prefix: str, name: str) -> Field:
    info = _field_info(kind, name)
    value = _shown(_value(phase, name))
    default = "" if info.is_required() or info.default in (None, PydanticUndefined) else _shown(info.default)
    label = _LABELS.get(name, name.rpartition(".")[2].replace("_", " ").capitalize())
    return Field(
        prefix + name,
        label,
        value,
        info.description or "",
        _with(_choices(info), value),
        is_number=bool(_types(info.annotation) & {int, float}),
        default=default,
    )


def _field_info(model: type[BaseModel], name: str) -> FieldInfo:
    *parents, last = name.split(".")
    for parent in parents:
        inner = model.model_fields[parent].annotation
        # Of several forms the first: a model of timm.
        bare = (get_args(part)[0] if get_origin(part) is Annotated else part for part in (inner, *get_args(inner)))
        model = next(part for part in bare if isinstance(part, type) and issubclass(part, BaseModel))
    return model.model_fields[last]


def _choices(info: FieldInfo) -> Choices:
    literal = next((part for part in _parts(info.annotation) if get_origin(part) is Literal), None)
    return tuple((str(value), str(value).replace("_", " ")) for value in get_args(literal)) if literal else ()


def _types(annotation: Any) -> set[Any]:
    return {part for part in _parts(annotation) if isinstance(part, type)}


def _parts(annotation: Any) -> Iterable[Any]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _with(choices: Choices, value: str) -> Choices:
    """The choices, and what the text says if it is none of them."""
    return ((value, f"{value} (not known)"), *choices) if choices and value not in dict(choices) else choices


def _typed(name: str, value: str, text: str) -> Any:
    """A form's value as the recipe has it: a number if the field takes one and it is one; None if it is empty."""
    if not value:
        return None
    technique = ""
    if name.startswith("phases."):
        position = int(name.split(".")[1])
        phases = _phases(text)
        technique = str(_of(phases[position], "technique")) if position < len(phases) else ""
        name = name.split(".", 2)[2]
    kind = _PHASE_CLASSES.get(technique, Recipe)
    try:
        wanted = _types(_field_info(kind, name).annotation)
    except (KeyError, StopIteration):
        return value
    if not wanted & {int, float}:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() and abs(number) < 2**53 and float not in wanted else number


def _path(name: str) -> tuple[str | int, ...]:
    parts = name.split(".")
    return tuple(int(part) if number == 1 and parts[0] == "phases" else part for number, part in enumerate(parts))


def _value(document: Mapping[str, Any], name: str) -> Any:
    at: Any = document
    for part in name.split("."):
        at = _of(at, part)
    return at


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _shown(value: Any) -> str:
    if value is None or isinstance(value, Mapping | list):
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _names(document: Mapping[str, Any], but: set[str], prefix: str = "") -> tuple[str, ...]:
    """The paths of all values of a document, lists as one."""
    found: list[str] = []
    for name, value in document.items():
        if not prefix and name in but:
            continue
        path = f"{prefix}{name}"
        found += _names(value, but, f"{path}.") if isinstance(value, Mapping) and value else (path,)
    return tuple(found)
