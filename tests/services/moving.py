"""A site full of results, its export, and an emptied site that imports it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

import catalogue
from leaderboard import models
from leaderboard.transfer.folder import sha256_of

CARD = "NVIDIA GeForce RTX 3090"
PUBLISHED = [result for result in catalogue.published_results() if result.hardware == CARD][:8]
EMPTIED = ("Entry", "PublishedResult", "PhaseEnergy", "Attempt", "Run", "Submission", "Recipe", "Method", "Board")
TRACE = b"PAR1 the power of a run"


def export(folder: Path, *options: str) -> Path:
    call_command("export_results", str(folder), *options, stdout=io.StringIO())
    return folder


def enter(folder: Path) -> str:
    told = io.StringIO()
    call_command("import_results", str(folder), stdout=told)
    return told.getvalue()


def refused(command: str, folder: Path) -> str:
    with pytest.raises(CommandError) as error:
        call_command(command, str(folder), stdout=io.StringIO())
    assert error.value.returncode == 2
    return str(error.value)


def empty() -> None:
    """Another site: no results, no files, other users."""
    for name in EMPTIED:
        getattr(models, name).objects.all().delete()
    models.Hardware.objects.all().delete()


def stored() -> dict[str, list[dict]]:
    """Everything that a site has stored."""
    order = {"PhaseEnergy": ("attempt__run", "position", "scope"), "Submission": ("created_at",)}
    return {
        name: list(getattr(models, name).objects.order_by(*order.get(name, ()), "pk").values())
        for name in (*EMPTIED, "Hardware")
    }


def rewrite(folder: Path, kind: str, change) -> None:
    """Change lines of a file, as the exporting site would have written them."""
    path = folder / f"{kind}.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        change(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    list_again(folder, path)


def list_again(folder: Path, path: Path) -> None:
    """Put the file's present checksum into the manifest."""
    manifest = folder / "manifest.json"
    told = json.loads(manifest.read_text("utf-8"))
    told["files"][path.relative_to(folder).as_posix()] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    manifest.write_text(json.dumps(told), "utf-8")
