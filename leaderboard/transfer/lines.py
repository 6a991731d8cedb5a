"""What a line of each file holds. Lines name each other by SHA-256, name, UUID or the `id` of the exporting site."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import models

from leaderboard.models import (
    Attempt,
    Board,
    Entry,
    Hardware,
    Method,
    PhaseEnergy,
    PublishedResult,
    Recipe,
    Run,
    Submission,
)

Line = dict[str, Any]

# Every kind with its model, in the order in which they are imported: a line names only what came before it.
KINDS: dict[str, type[models.Model]] = {
    "hardware": Hardware,
    "methods": Method,
    "recipes": Recipe,
    "submissions": Submission,
    "runs": Run,
    "attempts": Attempt,
    "boards": Board,
    "published_results": PublishedResult,
    "entries": Entry,
}

# The columns that travel as they are. tests/services/test_results_move_between_sites.py names those that do not.
FIELDS: dict[type[models.Model], tuple[str, ...]] = {
    Hardware: ("slug", "name", "kind", "created_at"),
    Method: ("title", "family", "paper", "authors", "summary", "published_model", "created_at"),
    Recipe: ("sha256", "track", "document", "created_at"),
    Submission: ("created_at", "withdrawn_at"),
    Run: (
        *("mode", "state", "attempt", "cancel_requested", "queued_at", "started_at", "finished_at"),
        *("progress", "reason", "held_for", "is_audit"),
    ),
    Attempt: (
        *("number", "worker", "started_at", "ended_at", "outcome", "reason"),
        *("fault", "fault_field", "log", "spent_energy_j", "spent_time_s", "spent_provenance", "record"),
    ),
    PhaseEnergy: (
        *("position", "phase", "technique", "scenario", "scope", "provenance", "sources", "contains_estimate"),
        *("energy_j", "repeatability_u95_j", "absolute_u95_j", "net_of_idle_j", "duration_s"),
        *("energy_per_image_j", "energy_per_image_u95_j", "energy_per_image_absolute_u95_j"),
        *("images", "flags", "evidence"),
    ),
    Board: ("track", "scenario", "scope", "revision", "pools"),
    PublishedResult: ("model", "resolution", "digest", "document", "imported_at", "left_at", "taken_down_at"),
    Entry: (
        *("source", "mode", "data", "shared_energy_j", "own_energy_j", "inference_energy_j"),
        *("shared_u95_j", "own_u95_j", "inference_u95_j", "metered_shared_j", "metered_own_j"),
        *("inference_provenance", "provenance", "complete", "quality", "quality_metric", "quality_provenance"),
        *(
            "submitters_weights",
            "busy_machine",
            "hidden_quality",
            "results",
            "phases",
            "repeats",
            "device",
            "gain_u95",
            "power_limits_w",
        ),
        *("parameters", "macs", "latency_p50_ms", "throughput_images_per_s", "batch_size", "peak_memory_bytes"),
        "published_at",
    ),
}

# What folders of an earlier version lack, and what stands for it.
LATER: dict[str, Line] = {
    "submissions": {"version_of": None, "withdrawn_by": None},
    "runs": {"is_audit": False},
    "attempts": {"fault": "", "fault_field": "", "log": ""},
    "entries": {"busy_machine": False, "peak_memory_bytes": None, "power_limits_w": []},
}

# What else a line of each kind holds: its own name, and the names of the lines that it refers to.
NAMES: dict[str, tuple[str, ...]] = {
    "hardware": (),
    "methods": ("id", "submitter"),
    "recipes": ("id", "method", "work"),
    "submissions": ("id", "submitter", "recipe", "hardware", "version_of", "withdrawn_by"),
    "runs": ("id", "submission", "recipe", "hardware", "requested_by"),
    "attempts": ("run", "trace", "phases"),
    "boards": ("id", "hardware"),
    "published_results": ("id", "method", "board"),
    "entries": ("id", "board", "recipe", "run", "published"),
}


def to_line(stored: models.Model) -> Line:
    """The columns of `stored` that travel, as JSON has them; times in ISO 8601."""
    return {name: _plain(getattr(stored, name)) for name in FIELDS[type(stored)]}


def from_line(model: type[models.Model], line: Line) -> Line:
    """The columns of a line as the database has them. KeyError if one is missing, ValueError if a time is none."""
    return {name: _stored(model, name, line[name]) for name in FIELDS[model]}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _stored(model: type[models.Model], name: str, value: Any) -> Any:
    is_time = isinstance(model._meta.get_field(name), models.DateTimeField)
    if not is_time or value is None:
        return value
    time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError(f"{name} is {value!r}, which lacks its offset from UTC")
    return time
