"""Takes what submitters measured themselves, recomputes it from its trace, and holds reported figures to it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction

from leaderboard.models import Measurement
from leaderboard.services.limits import take_turn
from leaderboard.services.refusal import Invalid, LimitReached
from measurement.command_record import CommandRecord, parse_any_record
from measurement.documents import DocumentError, Fault
from measurement.fence import FenceLimits, Sandbox, make_fence
from measurement.recipe import DeclaredPhase, PretrainedPhase, Recipe
from measurement.vocabulary import Provenance

MOST_RECORD_BYTES, MOST_TRACE_BYTES = 2 * 2**20, 16 * 2**20
MOST_A_PERSON = 100
WITHIN_S = 60.0
MEMORY_MB = 2048
ADDRESS = re.compile(r"/api/v1/measurements/([0-9a-f]{64})/?")
TOLERANCE = 1e-6
# Of one web process, each of up to a minute and 2 GiB. Others are refused: who waited would hold the web's threads.
_children = threading.BoundedSemaphore(2)


def measured_address(evidence: str) -> str | None:
    """The SHA-256 of the measurement that an address is of; None if it is another kind of address."""
    found = ADDRESS.fullmatch(urlsplit(evidence).path)
    return found[1] if found else None


def take_measurement(record: bytes, trace: bytes, submitter: User) -> tuple[Measurement, bool]:
    """Store a record of `measurement run` or `measurement meter` with its trace. Returns whether it is new.

    Raises Invalid, naming `record` or `trace`, for a file that is too large or can't be read, and for a figure that
    does not follow from the trace; DocumentError for each field of a record that is wrong; LimitReached.
    """
    for name, content, most in (("record", record, MOST_RECORD_BYTES), ("trace", trace, MOST_TRACE_BYTES)):
        if not content or len(content) > most:
            raise Invalid(name, f"has {len(content):,} bytes, but must have 1 to {most:,}")
    sha256 = hashlib.sha256(record).hexdigest()
    if (known := Measurement.objects.filter(sha256=sha256).first()) is not None:
        return known, False
    parsed = parse_any_record(record)
    if hashlib.sha256(trace).hexdigest() != parsed.trace_sha256:
        raise Invalid("trace", "is not this record's: its trace_sha256 is of another file; send that one")
    if not _children.acquire(blocking=False):
        raise LimitReached(
            "record",
            "can't be read now, since others are being read; nothing is wrong with it: send it again in a minute",
            retry_after_s=WITHIN_S,
        )
    try:
        answer = _recomputed(record, trace)
    finally:
        _children.release()
    if answer["faults"]:
        raise Invalid("record", "does not follow from its trace: " + "; ".join(map(str, answer["faults"][:5])))
    figures = _figures(json.loads(record), answer["figures"], is_command=isinstance(parsed, CommandRecord))
    with transaction.atomic():
        take_turn(submitter)
        if Measurement.objects.filter(submitter=submitter).count() >= MOST_A_PERSON:
            raise LimitReached(
                "record", f"you have {MOST_A_PERSON} measurements here, which is the limit; delete one first"
            )
        stored, is_new = Measurement.objects.get_or_create(
            sha256=sha256,
            defaults={
                "submitter": submitter,
                "hardware": parsed.hardware.name,
                "record": json.loads(record),
                "figures": figures,
                "trace": ContentFile(trace, f"{sha256}.parquet"),
            },
        )
    return stored, is_new


def why_not_measured(recipe: Recipe, submitter: User | None) -> list[Fault]:
    """A fault for each declared phase whose evidence is a measurement of this site that does not bear it out."""
    named = _named(recipe)
    if not named:
        return []
    known = {found.sha256: found for found in Measurement.objects.filter(sha256__in=[name for *_, name in named])}
    faults = [_why_not_borne_out(field, spec, sha256, known.get(sha256), submitter) for field, spec, sha256 in named]
    return [fault for fault in faults if fault is not None]


def measured_hashes(recipe: Recipe) -> set[str]:
    """Those of the measurements that its phases name as evidence."""
    return {sha256 for *_, sha256 in _named(recipe)}


def _named(recipe: Recipe) -> list[tuple[str, DeclaredPhase | PretrainedPhase, str]]:
    return [
        (f"phases.{position}", spec, sha256)
        for position, spec in enumerate(recipe.phases)
        if isinstance(spec, DeclaredPhase | PretrainedPhase)
        and spec.evidence
        and (sha256 := measured_address(spec.evidence))
    ]


def _why_not_borne_out(
    field: str, spec: DeclaredPhase | PretrainedPhase, sha256: str, found: Measurement | None, submitter: User | None
) -> Fault | None:
    evidence = f"{field}.evidence"
    if found is None:
        return Fault(
            evidence,
            f"names measurement {sha256[:12]}…, which is not here; send it to /api/v1/measurements first",
        )
    if submitter is not None and not submitter.is_staff and found.submitter_id != submitter.pk:
        return Fault(evidence, "names somebody else's measurement; only their own may be reported so")
    figure = found.figures.get(str(spec.phase), {}).get(spec.scope)
    if figure is None:
        known = ", ".join(found.figures) or "none"
        return Fault(evidence, f"has no phase {spec.phase} in scope {spec.scope}; it has {known}")
    if figure["provenance"] != Provenance.METERED:
        return Fault(
            evidence,
            f"was {figure['provenance']} there, and only metered joules can be reported; leave energy_j and "
            "evidence out",
        )
    if not math.isclose(figure["energy_j"], spec.energy_j or 0.0, rel_tol=TOLERANCE):
        return Fault(
            f"{field}.energy_j",
            f"is {spec.energy_j:.7g} J, but the trace of its measurement gives {figure['energy_j']:.7g} J; give that",
        )
    return None


def _figures(record: dict[str, Any], recomputed: list[dict[str, Any]], *, is_command: bool) -> dict[str, Any]:
    """The joules of each phase, summed over its times, with the weakest provenance of these."""
    found: dict[str, dict[str, Any]] = {}
    by_position = {phase["position"]: phase for phase in record["phases"]}
    for figure in recomputed:
        phase = by_position[figure["position"]]
        if figure["name"] != "energy_j" or figure["recomputed_j"] is None or phase["phase"] in (None, "inference"):
            continue
        provenance = next(part["provenance"] for part in phase["energies"] if part["scope"] == figure["scope"])
        sums = found.setdefault(phase["phase"], {}).setdefault(
            figure["scope"], {"energy_j": 0.0, "provenance": provenance}
        )
        sums["energy_j"] += figure["recomputed_j"]
        if provenance != Provenance.METERED:
            sums["provenance"] = provenance
    if is_command and record["interrupted"]:
        for scopes in found.values():
            for sums in scopes.values():
                sums["provenance"] = "interrupted"
    return found


def _recomputed(record: bytes, trace: bytes) -> dict[str, Any]:
    """What `python -m measurement recompute` says, in a fenced child: neither file is to be trusted."""
    with tempfile.TemporaryDirectory(prefix="measurement-") as name:
        folder = Path(name)
        (folder / "record.json").write_bytes(record)
        (folder / "trace.parquet").write_bytes(trace)
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": name, "TMPDIR": name, "OMP_NUM_THREADS": "1"}
        fence = make_fence(folder, [], FenceLimits(MEMORY_MB), environment, enabled=settings.SANDBOX != Sandbox.OFF)
        # pyarrow reserves more addresses than it uses.
        limits = ["prlimit", f"--as={4 * MEMORY_MB * 2**20}", f"--cpu={WITHIN_S:.0f}"]
        command = [sys.executable, "-I", "-m", "measurement", "recompute", name, "--json"]
        try:
            ended = subprocess.run(
                fence.around([*limits, *command]),
                capture_output=True,
                timeout=WITHIN_S,
                check=False,
                env=environment,
                cwd=name,
            )
            answer: dict[str, Any] = json.loads(ended.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            raise Invalid("trace", "can't be read in 2 GiB and a minute; send what the meter wrote") from None
        finally:
            fence.close()
        return answer


__all__ = ["DocumentError", "measured_address", "measured_hashes", "take_measurement", "why_not_measured"]
