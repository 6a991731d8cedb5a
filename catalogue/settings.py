"""The two YAML files of a catalogue: `sources.yaml` (who said it) and `boards.yaml` (what is compared on what)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalogue.faults import Fault, Place
from catalogue.tables import read_text
from measurement.vocabulary import Scenario, Scope

Part = TypeVar("Part", bound=BaseModel)
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """Where figures come from."""

    citation: str = Field(min_length=1)
    address: str = Field(pattern=r"^https://\S+$")
    version: str = Field(min_length=1, description="commit, release or date")
    licence: str = Field(min_length=1)
    instrument: str | None = None
    update_period_s: float | None = Field(None, gt=0, description="seconds between two readings of the instrument")
    conditions: str | None = None


class Board(_Part):
    """Entries that are compared: inference of all of them ran on this hardware, in this scenario."""

    hardware: str
    scenario: Scenario
    scope: Scope
    precision: str
    inference: Literal["estimated", "reported"]
    evidence: str = Field(description="which comparison says how far an estimate may be off")


class Evidence(_Part):
    """Metered joules with the throughput that is to predict them."""

    what: Literal["inference_per_image", "training_per_epoch"]
    metered_on: str
    predicted_from: str


class OneTime(_Part):
    """Where search, pre-training, training, compression and fine-tuning are estimated."""

    hardware: str
    inference_evidence: str
    training_evidence: str


class Boards(_Part):
    """What a catalogue is of, and its boards."""

    track: str
    quality_metric: str
    one_time: OneTime
    boards: tuple[Board, ...] = Field(min_length=1)
    evidence: dict[str, Evidence]


def read_sources(path: Path, faults: list[Fault]) -> dict[str, tuple[Place, Source]]:
    """The sources by their ids, each with its line."""
    root = _mapping(path, faults)
    found: dict[str, tuple[Place, Source]] = {}
    for key, value in root.value if root else ():
        place = Place(str(path), key.start_mark.line + 1)
        if key.value in found:
            faults.append(Fault(place, str(key.value), "is listed twice; keep one"))
        elif (source := _part(Source, value, place, str(key.value), faults)) is not None:
            found[str(key.value)] = place, source
    return found


def read_boards(path: Path, faults: list[Fault]) -> Boards | None:
    """The boards, or None and what is wrong."""
    root = _mapping(path, faults)
    return None if root is None else _part(Boards, root, Place(str(path), 1), "", faults)


def _mapping(path: Path, faults: list[Fault]) -> yaml.MappingNode | None:
    before = len(faults)
    try:
        root = yaml.compose(read_text(path, faults), Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(str(path), mark.line + 1 if mark else 1)
        faults.append(Fault(place, "", f"not YAML ({getattr(error, 'problem', error)}); look at this line's indent"))
        return None
    if isinstance(root, yaml.MappingNode):
        return root
    if len(faults) == before:
        faults.append(Fault(Place(str(path), 1), "", "holds no `name: value` lines; see docs/catalogue.md"))
    return None


def _part(kind: type[Part], node: yaml.Node, place: Place, name: str, faults: list[Fault]) -> Part | None:
    try:
        return kind.model_validate(_plain(node))
    except RecursionError:
        faults.append(Fault(place, name, "refers to itself without end; write the values out"))
        return None
    except ValidationError as error:
        for wrong in error.errors():
            steps = list(wrong["loc"])
            field = ".".join(str(part) for part in ([name] if name else []) + steps)
            value = "" if wrong["type"] == "missing" else f" (got {str(wrong['input'])[:60]!r})"
            faults.append(
                Fault(_place_of(node, steps, place), field, f"{wrong['msg']}{value}; see docs/catalogue.md")
            )
        return None


def _place_of(node: yaml.Node, steps: list[Any], place: Place) -> Place:
    """The line of the innermost field of a path that the document has."""
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            inner = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if inner is None:
                break
            place, node = Place(place.file, inner[0].start_mark.line + 1), inner[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            place = Place(place.file, node.start_mark.line + 1)
    return place


def _plain(node: yaml.Node) -> Any:
    """What a node holds, without tags and aliases of YAML's own; text if it isn't a number."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value
