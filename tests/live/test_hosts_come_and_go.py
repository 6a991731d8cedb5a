"""Workers on hosts of their own: one is cut off in the middle of a run and reconnected, one is far away.

Each host is a network namespace: no disk is shared, and what a pulled cable loses, nobody is told of. 200 ms of delay are
made by the kernel (netem) or, where it has no such thing, by a relay in between (tests/live/delay.py).
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


class Times:
    """What happened when, in seconds from a first event."""

    def __init__(self):
        self.lines = []
        self.began = time.monotonic()

    def restart(self, what):
        self.began = time.monotonic()
        self.lines.append(f"  0.0 s  {what}")

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


def workers_of(hosts, run):
    """The host of each attempt, and whether it left a record."""
    return hosts.ask(
        "SELECT split_part(worker, '@', 2), record IS NOT NULL FROM leaderboard_attempt WHERE run_id = %s"
        " ORDER BY number",
        run["id"],
    )


def rows_of(hosts, hardware):
    """The board's rows in all its orders: scenario and scope."""
    found = []
    for scope in ("accelerator", "system"):
        board = f"track=digits&hardware={hardware}&scenario=single_stream&scope={scope}&min_quality=0"
        found += hosts.call(f"/api/v1/leaderboard?{board}")[1]["results"]
    return found


def sessions(hosts, host):
    """Of the database, with a host."""
    ((count,),) = hosts.ask("SELECT count(*) FROM pg_stat_activity WHERE client_addr = %s", host.address)
    return count


def test_a_worker_host_cut_off_loses_nothing_and_publishes_nothing_stale(hosts, record_property):
    times = Times()
    near, other, far = (hosts.network.add(name) for name in ("near", "other", "far"))
    token = None
    hosts.start_worker(near)
    token = hosts.add_users()[0]
    hosts.wait_for(lambda: hosts.is_registered(near), "the first worker to register")
    submission = submit(hosts, token, TINY)
    wait_for_run(hosts, submission, lambda run: run["state"] == "running", "the run to begin")
    hosts.start_worker(other)
    # A core fewer is other hardware, whose runs nobody else takes.
    how = hosts.start_worker(far, cores="0", delay_s=DELAY_S)

    wait_for_run(hosts, submission, lambda run: run["progress"].get("phase") == "inference", "it to be in its middle")
    near.cut()
    times.restart("cut off, with a run in its last phase")
    hosts.wait_for(lambda: hosts.is_registered(far), "the far worker to register")
    hardware = next(w["hardware"] for w in hosts.call("/api/v1/workers")[1] if w["name"].endswith("@far"))
    submission_far = submit(hosts, token, {"recipe": TINY | {"seed": 2}, "hardware": hardware})
    wait_for_run(
        hosts, submission, lambda run: (run["state"], run["attempt"]) != ("running", 1), "the lease to be lost"
    )
    times.note("its lease is lost")
    wait_for_run(hosts, submission, lambda run: run["attempt"] > 1, "another host to take the run")
    times.note("the run is taken elsewhere")
    hosts.wait_for(lambda: "storing failed" in near.said() or STALE[1] in near.said(), "the child to end")
    times.note("its child has ended")
    times.note(f"{sessions(hosts, near)} sessions")
    near.reconnect()
    times.note("reconnected")
    hosts.wait_for(lambda: any(words in near.said() for words in STALE), "what it says to be refused")
    times.note("what it says is refused: " + next(words for words in STALE if words in near.said()))
    run = succeeded(hosts, submission)
    times.note("the run is finished elsewhere")
    run_far = succeeded(hosts, submission_far)
    times.note(f"the run with 200 ms of delay, by {how}, is finished")
    times.note(f"{sessions(hosts, near)} sessions")

    assert workers_of(hosts, run)[0] == ("near", False)
    assert workers_of(hosts, run)[-1] == ("other", True)
    assert workers_of(hosts, run_far)[-1] == ("far", True)
    print(hosts.output())
    record_property("times", "\n".join(times.lines))
    print("\n".join(times.lines))
