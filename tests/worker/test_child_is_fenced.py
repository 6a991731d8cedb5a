"""Inside the fence, a program has no network, no file of the site's, and limited memory, processes and files."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from leaderboard.worker.child import Child, Limits, supervise
from leaderboard.worker.fitness import lacks_fence, lacks_fence_for
from measurement.dataroot import DATA_ROOT_VARIABLE, LOCK_FOLDER_VARIABLE
from measurement.fence import fence as fence_module
from measurement.fence import state_of_fence
from measurement.record import Record, parse_record
from measurement.vocabulary import Scope
from tests.records import make_recipe
from tests.waiting import HANG_S

pytestmark = pytest.mark.slow  # it starts programs

fenced = pytest.mark.skipif(
    not state_of_fence().is_whole, reason=f"this machine has no whole fence: {state_of_fence().in_words()}"
)
TMP, SHM = Path("/tmp"), Path("/dev/shm")  # noqa: S108 - the host's
OWN, ANOTHERS = "a1" * 32, "b2" * 32
LIMITS = Limits(time_s=HANG_S, energy_j=1e6, memory_mb=4096, silence_s=HANG_S, fenced=True)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A data root with what a site keeps there, and the folder of a run in it."""
    root = tmp_path / "data"
    for name, text in {
        "db.sqlite3": "the database",
        "secret-key": "the key",
        "files/trace.parquet": "a trace",
        "work/run-1-1/record.json": "another run",
        "datasets/own/image.png": "an image",
        "weights/abc.safetensors": "weights",
        f"artifacts/{OWN}": "the submitter's file",
        f"unpacked/{OWN}/dataset/image.png": "the submitter's image",
        f"artifacts/{ANOTHERS}": "another's file",
        f"unpacked/{ANOTHERS}/dataset/image.png": "another's image",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(root))
    locks = tmp_path / "locks"
    locks.mkdir()
    monkeypatch.setenv(LOCK_FOLDER_VARIABLE, str(locks))
    own = root / "work" / "run-2-1"
    own.mkdir()
    (own / "recipe.json").write_text(json.dumps({"model": {"sha256": OWN}}))
    return own


def run(own: Path, program: str, limits: Limits = LIMITS):
    """Run a program as the child; returns how it ended and what it wrote to `said` in its folder."""
    command = [sys.executable, "-I", "-c", textwrap.dedent(program)]
    ending = supervise(Child(own, mode="full", device="cpu", limits=limits, command=command), lambda event: "")
    said = own / "said"
    return ending, json.loads(said.read_text()) if said.exists() else None


TRY = """
import json, os, socket, sys
def tried(act):
    try:
        return act() or "done"
    except Exception as error:
        return type(error).__name__
def say(found):
    with open("said", "w") as file:
        json.dump(found, file)
"""


@fenced
def test_the_network_can_t_be_reached(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        ending, said = run(place, TRY + textwrap.dedent(f"""
            say([
                tried(lambda: socket.create_connection(("127.0.0.1", {port}), 5).close()),
                tried(lambda: socket.create_connection(("192.0.2.1", 80), 5).close()),
                tried(lambda: socket.getaddrinfo("example.org", 80)),
                sorted(name for _, name in socket.if_nameindex()),
            ])
        """))  # fmt: skip
    assert ending.succeeded, ending.reason
    assert said == ["ConnectionRefusedError", "OSError", "gaierror", ["lo"]]


@fenced
def test_no_file_of_the_site_can_be_read(place):
    root = place.parents[1]
    hidden = [
        root / "db.sqlite3",
        root / "secret-key",
        root / "files/trace.parquet",
        root / "work/run-1-1/record.json",
        *(root / path for path in (f"artifacts/{ANOTHERS}", f"unpacked/{ANOTHERS}/dataset/image.png")),
    ]
    hidden += [Path("/etc/shadow"), Path(__file__), Path(f"/proc/{os.getpid()}/environ"), Path.home() / ".bashrc"]
    hidden += [Path(__file__).parents[2] / name for name in ("manage.py", "leaderboard/settings.py")]
    seen = [root / "datasets/own/image.png", root / "weights/abc.safetensors"]
    seen += [root / f"artifacts/{OWN}", root / f"unpacked/{OWN}/dataset/image.png"]
    ending, said = run(place, TRY + textwrap.dedent(f"""
        say([tried(lambda: open(path).read()) for path in {[str(path) for path in [*hidden, *seen]]}]
            + [sorted(os.listdir({str(root)!r})), sorted(os.listdir({str(root / "work")!r}))]
            + [sorted(pid for pid in os.listdir("/proc") if pid.isdecimal() and int(pid) > 100)])
    """))  # fmt: skip
    assert ending.succeeded, ending.reason
    assert all(word in ("FileNotFoundError", "PermissionError") for word in said[: len(hidden)]), said
    own = ["an image", "weights", "the submitter's file", "the submitter's image"]
    assert said[len(hidden) :] == [*own, ["artifacts", "datasets", "unpacked", "weights", "work"], ["run-2-1"], []]


@fenced
def test_nothing_can_be_written_but_in_its_own_folder(place):
    root = place.parents[1]
    folders = [root, root / "datasets/own", root / "work", "/usr", "/", "/sys/fs/cgroup", "/etc", place.parents[2]]
    ending, said = run(place, TRY + textwrap.dedent(f"""
        say([tried(lambda: open(folder + "/left-behind", "w").write("x") and None)
             for folder in {[str(folder) for folder in folders]}]
            + [tried(lambda: open("/tmp/left-behind", "w").write("x") and None),
               tried(lambda: open("/dev/shm/left-behind", "w").write("x") and None),
               tried(lambda: open("own", "w").write("x") and None)])
    """))  # fmt: skip
    assert ending.succeeded, ending.reason
    assert said[-3:] == ["done"] * 3
    refused = [word for folder, word in zip(folders, said, strict=False) if not Path(folder).is_relative_to(TMP)]
    assert set(refused) <= {"OSError", "PermissionError", "FileNotFoundError"}, said
    assert (place / "own").exists()
    # What the child sees of /tmp and /dev/shm is its own.
    assert not any((Path(folder) / "left-behind").exists() for folder in [*folders, TMP, SHM])


@fenced
def test_processes_are_limited(place):
    if "processes" not in state_of_fence().holds:
        pytest.skip(f"processes can't be limited here: {state_of_fence().in_words()}")
    ending, said = run(place, TRY + textwrap.dedent("""
        import signal
        children = []
        def bomb():
            while len(children) < 500:
                if (pid := os.fork()) == 0:
                    signal.pause()
                children.append(pid)
        say([tried(bomb), len(children)])
    """), replace(LIMITS, processes=60))  # fmt: skip
    assert ending.succeeded, ending.reason
    assert said[0] == "BlockingIOError"
    assert said[1] < 60


@fenced
def test_memory_and_file_sizes_are_limited(place):
    ending, _ = run(
        place,
        "import time\nheld = []\nwhile True:\n    held.append(bytearray(2**24)); time.sleep(0.001)",
        replace(LIMITS, memory_mb=256),
    )
    assert not ending.succeeded
    assert "memory" in ending.reason
    ending, said = run(place, TRY + 'say(tried(lambda: os.truncate(open("large", "w").fileno(), 2**36)))')
    assert ending.succeeded, ending.reason
    assert said == "OSError"


@fenced
def test_an_ending_has_the_same_reason_as_without_a_fence(place):
    ending, _ = run(place, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert "crashed (SIGSEGV)" in ending.reason
    ending, _ = run(place, "raise SystemExit(4)")
    assert "A meter is missing" in ending.reason
    ending, _ = run(place, "import time; time.sleep(1e6)", replace(LIMITS, silence_s=1.0))
    assert "hung" in ending.reason


@fenced
def test_meters_read_what_they_need(place):
    read = ["/proc/stat", "/proc/cpuinfo", "/proc/self/schedstat", "/proc/self/cgroup", "/proc/meminfo"]
    read += [str(path) for path in Path("/sys/class/powercap").glob("intel-rapl:*/name")]
    ending, said = run(place, TRY + textwrap.dedent(f"""
        say([open(path).read()[:4] != "" for path in {read}] + [os.path.isdir("/sys/fs/cgroup"), os.cpu_count()])
    """))  # fmt: skip
    assert ending.succeeded, ending.reason
    assert said == [True] * (len(read) + 1) + [os.cpu_count()]


@fenced
def test_a_verification_is_the_same_inside_and_outside(place):
    """The same network, quality and instruments. Joules are compared where a machine is quiet: docs/workers.md."""
    recipe = {
        "schema_version": 1,
        "method": {"title": "A tiny network", "family": "compact"},
        "track": "digits",
        "model": {"architecture": "test_resnet", "resolution": 16},
        "phases": [{"technique": "supervised", "phase": "train", "epochs": 1, "batch_size": 128}],
        "inference": {"max_batch_size": 16, "scenarios": ["single_stream"]},
    }
    found: dict[bool, Record] = {}
    for is_fenced in (True, False):
        out = place.parent / f"run-{3 + is_fenced}-1"
        out.mkdir()
        (out / "recipe.json").write_text(json.dumps(recipe))
        limits = replace(LIMITS, fenced=is_fenced, accept_busy=True)
        ending = supervise(Child(out, mode="full", device="cpu", limits=limits), lambda event: "")
        assert ending.succeeded, ending.reason
        found[is_fenced] = parse_record((out / "record.json").read_bytes())
        checked = [sys.executable, "-m", "measurement", "recompute", str(out)]
        assert subprocess.run(checked, capture_output=True, check=False).returncode == 0
    inside, outside = found[True], found[False]
    assert inside.model == outside.model
    assert inside.quality == outside.quality
    assert inside.hardware.name == outside.hardware.name
    assert inside.software == outside.software
    for here, there in zip(inside.phases, outside.phases, strict=True):
        for scope in Scope:
            assert here.energy(scope).provenance == there.energy(scope).provenance
            assert here.energy(scope).sources == there.energy(scope).sources
        # Of a phase with little processor time, the kernel's share of it is unknown.
        seen, seen_there = ({*phase.detail.get("conditions", {})} - {"kernel_share"} for phase in (here, there))
        assert seen == seen_there


@pytest.fixture(params=["absent", "unusable"])
def no_fence(request, tmp_path, monkeypatch):
    """A machine without bubblewrap, or where the kernel allows it nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    if request.param == "unusable":
        (folder / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        (folder / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    fence_module._tried.cache_clear()
    yield {"absent": "not installed", "unusable": "No permissions to create new namespace"}[request.param]
    fence_module._tried.cache_clear()


def test_a_machine_without_a_fence_says_so(no_fence):
    ended = subprocess.run(
        [sys.executable, "-m", "measurement", "doctor", "--json"], capture_output=True, text=True, check=True
    )
    assert no_fence in json.loads(ended.stdout)["fence"]


@pytest.mark.django_db
def test_what_the_setting_asks_for_is_refused_without_a_fence(no_fence, settings, capsys):
    brought = make_recipe(phases=[
        {"phase": "pretrain", "technique": "pretrained", "source": "store", "sha256": "a" * 64},
        {"phase": "finetune", "technique": "supervised", "epochs": 1},
    ]).document()  # fmt: skip
    claim = {"quality": 0.9, "evidence": "https://example.org/log", "weights_sha256": "a" * 64}
    finished = make_recipe(reported=claim | {"weights_source": "upload"}).document()
    own = make_recipe().document()
    for value, refuses in {"off": False, "auto": False, "uploads": False, "require": True}.items():
        settings.SANDBOX = value
        assert bool(lacks_fence()) == refuses
        assert not lacks_fence_for(own)
        assert bool(lacks_fence_for(brought)) == bool(lacks_fence_for(finished)) == (value == "uploads")
    with pytest.raises(CommandError, match="SANDBOX: it has no fence around verifications"):
        call_command("doctor")
    assert no_fence in capsys.readouterr().out
