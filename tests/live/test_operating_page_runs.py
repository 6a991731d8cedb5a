"""An operator types docs/operating.md, line by line, and has three workers on two machines and a verified result.

Each machine is a network namespace with a folder of its own. There is no Docker where the tests run: the services of
the Compose files are processes (tests/live/processes_of_compose.py), and the CPU stands for each GPU.
"""

from __future__ import annotations

import json

import pytest

from tests.docs.reading import DOCS, blocks
from tests.live.network import has_program, why_not
from tests.live.operators import SITE, machines, wait_for

PRIVATE = "10.0.0.1"
STEPS = [block.splitlines() for block in blocks(DOCS / "operating.md", "sh")]
PASSWORD = "an-operators-password"  # pragma: allowlist secret
# Three workers of one machine disturb each other, which says nothing of three machines.
OF_TESTS = """\
REFERENCE_S=0
HOLD_BUSY_RESULTS=false
RUN_MEMORY_LIMIT_MB=3000
WEB_CONCURRENCY=1
LEASE_SECONDS=600
"""
WORKERS_THERE = {"cpu@gpu-a-gpu0", "cpu@gpu-b-gpu0", "cpu@gpu-b-gpu1"}
ASK_FOR_WORKERS = f"curl --fail https://{SITE}/api/v1/workers"


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    assert has_program("curl", "curl"), "install curl"
    with machines(tmp_path_factory.mktemp("machines"), "web-host", "gpu-a", "gpu-b", private=PRIVATE) as made:
        for machine in made:
            (machine.folder / ".env").write_text(OF_TESTS)
        yield made


def named_workers(text):
    return {worker["name"] for worker in json.loads(text) if worker["live"]}


def test_every_line_in_order(hosts):
    web, gpu_a, gpu_b = hosts
    web_host, token, gpu_machine, doctors, first_run, watching, draining, updating = STEPS

    *lines, create_operator = web_host
    for line in lines:
        web.type(line)
    questions = {"Email": "operator@example.org", "Password:": PASSWORD, "Password (again)": PASSWORD}
    ready = json.loads(wait_for(web, f"curl --fail https://{SITE}/readyz", "the site to be ready"))
    web.type_and_answer(create_operator, questions)
    assert set(ready.values()) == {"ok"}, ready
    assert "<h1" in web.type(f"curl --fail --silent https://{SITE}/")
    for line in token:
        web.type(line)
    assert (web.folder / "secrets/for-workers/worker_token").read_text().strip()

    for line in gpu_machine:
        gpu_b.type(line)
        if not line.startswith("echo COMPOSE_PROFILES"):
            gpu_a.type(line.replace("gpu-b", "gpu-a"))
    for name in WORKERS_THERE:
        wait_for(gpu_b, ASK_FOR_WORKERS, f"{name} to register", expected=name)

    text = (DOCS / "operating.md").read_text("utf-8")
    assert all(f"`{name.replace('cpu', 'cuda-0')}`" in text for name in WORKERS_THERE)
    for line in doctors:
        said = gpu_a.type(line)
    assert named_workers(said) == WORKERS_THERE

    for line in first_run:
        said = web.type(line)
    row, *_ = json.loads(said)["results"]
    assert row["source"] == "verified"

    waits, logs = watching
    assert web.type(waits)
    assert "worker registered" in gpu_a.type(logs)

    for line in draining:
        said = gpu_b.type(line)
    assert sorted(said.splitlines()) == ["gpu0 stopped", "gpu1 stopped"]

    pull, up = updating  # there is no newer version to pull
    assert pull == "git pull"
    gpu_b.type(up)
    for name in ("gpu-b-gpu0", "gpu-b-gpu1"):
        log = gpu_b.folder / "logs" / f"{name.removeprefix('gpu-b-')}.log"
        wait_for(gpu_b, f"test $(grep -c 'worker registered' {log}) = 2", f"{name} to register again")
    assert named_workers(gpu_b.type(ASK_FOR_WORKERS)) == WORKERS_THERE
