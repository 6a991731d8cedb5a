"""Every curl line of docs/api.md runs as it stands there, in that order, against one served site.

An id in a line, such as that of `runs/1/hold`, becomes that of an object that the line can act on: `there` has them.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from leaderboard import services
from leaderboard.models import Entry
from tests.docs.reading import DOCS, ROOT, blocks
from tests.power_traces import trace
from tests.records import make_recipe
from tests.services.verifying import verify
from tests.waiting import HANG_S

PAGE = DOCS / "api.md"
LINES = [
    line.strip()
    for block in blocks(PAGE, "sh")
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("curl ")
]
# Prints the status on standard error, whatever else the line prints.
CURL = f"curl() {{ command curl -sS --max-time {HANG_S:.0f} -w '%{{stderr}}%{{http_code}}' \"$@\"; }}\n"
NUMBERED = re.compile(r"(?<=/api/v1/)(\w[\w-]*)/1(?![\w.])((?:/[\w-]+)?)")


@pytest.fixture
def there(hardware: Any, alice: Any, administrator: Any, settings: Any, tmp_path: Path) -> dict[str, Any]:
    """By collection, or by collection and act where that needs another: the id that a line's `1` stands for."""
    settings.MEDIA_ROOT = tmp_path / "files"
    run, _ = verify(make_recipe(seed=1), hardware, submitter=alice)
    run.attempts.get().trace.save("run.parquet", ContentFile(trace([0.0, 1.0], [5.0, 6.0]).read()))
    waiting, _ = services.submit(make_recipe(epochs=2), hardware=hardware, submitter=alice)
    entry = Entry.objects.get(board__scope="accelerator", board__scenario="offline")
    # Its entry has another number afterwards.
    held, _ = verify(make_recipe("Held and released", epochs=3), hardware, submitter=alice)
    others = {"runs/cancel": waiting.runs.get().pk, "runs/hold": held.pk, "runs/release": held.pk}
    return {"runs": run.pk, "entries": entry.pk} | others


def measured(folder: Path) -> str:
    """Measure a command as docs/command-line.md says, into `measured/`; the SHA-256 of its record."""
    command = [sys.executable, "-m", "measurement", "meter", "--out", "measured", "--", "sleep", "0.2"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return hashlib.sha256((folder / "measured" / "record.json").read_bytes()).hexdigest()


def uploaded(owner: Any) -> str:
    """Weights of one number; the id of their upload."""
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    content = len(head).to_bytes(8, "little") + head + bytes(4)
    upload, _ = services.declare(owner, kind="safetensors", size=len(content))
    return str(services.append(upload, 0, content).pk)


@pytest.mark.django_db(transaction=True)
def test_lines_run_in_order(live_server: Any, there: dict[str, Any], administrator: Any, tmp_path: Path) -> None:
    token = services.create_token(administrator, by=administrator, name="docs", scope="administer")
    environment = {"SITE": live_server.url, "TOKEN": token, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    environment |= {"SHA256": measured(tmp_path), "UPLOAD": uploaded(administrator)}
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")

    def id_there(found: re.Match[str]) -> str:
        collection, act = found[1], found[2]
        number = there.get(collection + act, there.get(collection))
        assert number is not None, f"{found[0]}: say in the fixture `there` which {collection} this is to be"
        return f"{collection}/{number}{act}"

    failed = []
    for line in LINES:
        done = subprocess.run(
            ["bash", "-c", CURL + NUMBERED.sub(id_there, line)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
        )
        status = done.stderr.decode()[-3:]
        if done.returncode or status[:1] not in ("2", "3"):
            failed.append(f"{line}\n  {done.stderr.decode()} {done.stdout.decode(errors='replace')[:300]}")
        if line.endswith('/api/v1/submissions"') and "ID" not in environment and not failed:
            environment["ID"] = json.loads(done.stdout)["id"]
    assert failed == []


def test_there_are_lines() -> None:
    assert len(LINES) > 30
