"""Workers on hosts of their own: one is cut off in the middle of a run and reconnected, one is far away.

Each host is a network namespace: no disk is shared, and what a pulled cable loses, nobody is told of. 200 ms of delay
are made by the kernel (netem) or, where it has no such thing, by a relay in between (tests/live/delay.py).
"""

from __future__ import annotations

import time

import pytest

from tests.live.conftest import TINY
from tests.live.hosts import site_on_hosts
from tests.live.network import why_not
from tests.live.test_submission_travels_to_the_board import submit

# The default lease, written down because the figures that are printed depend on it. A machine under load may not get
# round to renewing it: whoever loses a run for that is given another attempt.
SETTINGS = {"LEASE_SECONDS": "30", "MAX_ATTEMPTS": "20"}
DELAY_S = 0.1  # each way
STALE = ("stale record rejected", "run lost to another worker")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    with site_on_hosts(tmp_path_factory.mktemp("hosts"), **SETTINGS) as hosts:
        yield hosts


# What a worker does that stores a result, had it come no further: its session holds the run's row.
HOLD = """
import pathlib, time
from django.db import Error, connection, transaction
connection.ensure_connection()
print("ready to hold", flush=True)
while not pathlib.Path({go!r}).exists():
    time.sleep(0.01)
try:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM leaderboard_run WHERE id = %s FOR UPDATE", [{run}])
        print("holds the row", flush=True)
        cursor.execute("SELECT pg_sleep(86400)")
except Error as error:
    print("gave up:", error, flush=True)
"""


class Times:
    """What happened when, in seconds since the latest cut."""

    def __init__(self):
        self.lines = []
        self.began = time.monotonic()

    def start(self, what):
        self.began = time.monotonic()
        self.note(what)

    def note(self, what):
        self.lines.append(f"{time.monotonic() - self.began:5.1f} s  {what}")


def run_of(hosts, submission):
    return hosts.call(f"/api/v1/submissions/{submission['id']}")[1]["run"]


def wait_for_run(hosts, submission, condition, what):
    def look():
        run = run_of(hosts, submission)
        assert run["state"] in ("queued", "running", "succeeded"), run
        return run if condition(run) else None

    return hosts.wait_for(look, what, every_s=0.25)


def succeeded(hosts, submission):
    return wait_for_run(hosts, submission, lambda run: run["state"] == "succeeded", "the run to succeed")


def begun(hosts, submission):
    return wait_for_run(hosts, submission, lambda run: run["state"] == "running", "the run to begin")


def says(hosts, host, *words):
    """Wait until a host's log has one of these, and return which."""
    return hosts.wait_for(lambda: next((word for word in words if word in host.said()), None), f"the words {words}")


def hosts_of(hosts, run):
    """The host of each attempt, and whether it left a record."""
    return hosts.ask(
        "SELECT split_part(worker, '@', 2), record IS NOT NULL FROM leaderboard_attempt WHERE run_id = %s"
        " ORDER BY number",
        run["id"],
    )


def rows_of(hosts, hardware):
    """The board's rows in both scopes."""
    board = f"track=digits&hardware={hardware}&scenario=single_stream&min_quality=0"
    answers = [hosts.call(f"/api/v1/leaderboard?{board}&scope={scope}")[1] for scope in ("accelerator", "system")]
    return [row for answer in answers for row in answer["results"]]


def has_session(hosts, host):
    return hosts.ask("SELECT 1 FROM pg_stat_activity WHERE client_addr = %s", host.address)


def check_board(hosts, hardware, runs):
    """Each run is there once in each scope, with the figures of its last attempt, the only one with a record."""
    rows = rows_of(hosts, hardware)
    assert sorted(row["entry"] for row in rows) == sorted(entry for run in runs for entry in run["entries"])
    for run in runs:
        assert [has_record for _, has_record in hosts_of(hosts, run)] == [False] * (run["attempt"] - 1) + [True]
        for row in rows:
            if row["entry"] in run["entries"]:
                (inference,) = (
                    phase
                    for phase in run["phases"]
                    if phase["phase"] == "inference" and phase["scope"] == row["scope"]
                )
                assert row["inference_energy_j"] == inference["energy_per_image_j"]


def test_a_host_cut_off_loses_nothing_and_publishes_nothing_stale(hosts, record_property):
    times = Times()
    near, other, far = (hosts.network.add(name) for name in ("near", "other", "far"))
    hosts.start_worker(near)
    token = hosts.add_users()[0]
    hosts.wait_for(lambda: hosts.is_registered(near), "the first worker to register")
    submission = submit(hosts, token, TINY)
    run = begun(hosts, submission)
    go = near.folder / "go"
    hosts.start_python(near, HOLD.format(go=str(go), run=run["id"]))
    hosts.start_worker(other)
    # A core fewer is other hardware, whose runs nobody else takes.
    how = hosts.start_worker(far, cores="0", delay_s=DELAY_S)

    # Cut off in its last phase, so that the verification ends, on a host that can't say so.
    wait_for_run(hosts, submission, lambda run: run["progress"].get("phase") == "inference", "it to be metered")
    go.touch()
    says(hosts, near, "holds the row")
    near.cut()
    times.start("cut off in the middle of a run")
    hosts.wait_for(lambda: not has_session(hosts, near), "the database to end its sessions")
    times.note("the database has ended its sessions, and what they held is free")
    wait_for_run(
        hosts, submission, lambda run: (run["state"], run["attempt"]) != ("running", 1), "its lease to be lost"
    )
    times.note("its lease is lost")
    wait_for_run(hosts, submission, lambda run: run["attempt"] > 1, "another host to take the run")
    times.note("another host has taken the run")
    says(hosts, near, "gave up")
    says(hosts, near, "storing failed", STALE[1])

    near.reconnect()
    times.note("reconnected, its verification ended")
    times.note(f"what it found is refused: {says(hosts, near, *STALE)}")

    hosts.wait_for(lambda: hosts.is_registered(far), "the far worker to register")
    slow = next(one["hardware"] for one in hosts.call("/api/v1/workers")[1] if one["name"].endswith("@far"))
    assert slow != submission["hardware"]
    submission_far = submit(hosts, token, {"recipe": TINY, "hardware": slow})
    run = succeeded(hosts, submission)
    times.note("the run is finished on the other host")
    run_far = succeeded(hosts, submission_far)
    times.note(f"a run is finished 200 ms away (by {how})")
    assert hosts_of(hosts, run)[0] == ("near", False)
    assert hosts_of(hosts, run)[-1] == ("other", True)
    assert hosts_of(hosts, run_far)[-1] == ("far", True)
    check_board(hosts, submission["hardware"], [run])
    check_board(hosts, slow, [run_far])
    assert "dispatch failed" not in far.said()

    # And while it has nothing to do.
    near.cut()
    times.start("cut off while idle")
    hosts.wait_for(lambda: not has_session(hosts, near), "the database to end its session")
    times.note("the database has ended its session")
    other.stop()
    near.reconnect()
    times.start("reconnected")
    longer = TINY | {"phases": [TINY["phases"][0] | {"epochs": 3}]}  # other work: of one, all results are an entry
    submission_next = submit(hosts, token, {"recipe": longer, "hardware": submission["hardware"]})
    begun(hosts, submission_next)
    times.note("it has begun the next run, without a restart")
    run_next = succeeded(hosts, submission_next)
    assert hosts_of(hosts, run_next) == [("near", True)]
    check_board(hosts, submission["hardware"], [run, run_next])
    times.note("which is finished")
    record_property("times", "\n".join(times.lines))
