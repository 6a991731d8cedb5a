"""The folders of measurements, one for each attempt at a run, and the checkpoint that outlives an attempt.

An attempt that dies leaves its checkpoint in its folder. The next attempt on this disk moves it to its own folder and
resumes from it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings
from django.db import Error

from leaderboard.domain.runstate import RunState
from leaderboard.models import Run
from leaderboard.services import Claim

CHECKPOINT = "checkpoint"


def of(claim: Claim) -> Path:
    """The attempt's own folder."""
    return root() / f"run-{claim.run_id}-{claim.token}"


def make(claim: Claim) -> Path:
    """An empty folder for the attempt, with the checkpoint of the run's latest earlier one, if there is any."""
    _remove_stale()
    out = of(claim)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    earlier = sorted(root().glob(f"run-{claim.run_id}-*/{CHECKPOINT}"), key=lambda path: _token(path.parent))
    if earlier:
        # Moved, not copied: a worker that was wrongly thought dead can't go on writing there.
        earlier[-1].rename(out / CHECKPOINT)
    for folder in root().glob(f"run-{claim.run_id}-*"):
        if folder != out and _token(folder) < claim.token:
            shutil.rmtree(folder, ignore_errors=True)
    return out


def leave(claim: Claim) -> None:
    """Remove the attempt's folder, unless its run is queued for another attempt that could resume from it."""
    try:
        waits = Run.objects.filter(pk=claim.run_id, state=RunState.QUEUED).exists()
    except Error:
        return  # a later attempt removes it
    if not (waits and (of(claim) / CHECKPOINT).exists()):
        shutil.rmtree(of(claim), ignore_errors=True)


def remove_checkpoints() -> None:
    """Make room on a full disk: remove what ended attempts of queued runs left. These runs then start again."""
    try:
        ended = dict(Run.objects.filter(state=RunState.QUEUED).values_list("pk", "attempt"))
    except Error:
        return
    for run_id, last in ended.items():
        for folder in root().glob(f"run-{run_id}-*"):
            if _token(folder) <= last:
                shutil.rmtree(folder, ignore_errors=True)


def _remove_stale() -> None:
    """Remove the folders of ended runs. Other workers of this machine may be using theirs."""
    unfinished = Run.objects.filter(state__in=(RunState.QUEUED, RunState.RUNNING)).values_list("pk", flat=True)
    kept = tuple(f"run-{pk}-" for pk in unfinished)
    for folder in root().glob("run-*"):
        if not folder.name.startswith(kept):
            shutil.rmtree(folder, ignore_errors=True)


def root() -> Path:
    """The folder of all of them."""
    return settings.DATA_ROOT / "work"


def _token(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
