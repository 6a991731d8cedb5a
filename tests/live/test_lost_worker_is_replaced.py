"""A worker that is killed loses its run to the next one; Ctrl-C ends all and leaves no orphan."""

import os
import signal
import subprocess
import sys

import pytest

from tests.live.conftest import PATIENT, TINY
from tests.live.site import ROOT, Site
from tests.live.test_submission_travels_to_the_board import follow, submit
from tests.migrated import copy_migrated


def start_worker(site: Site) -> subprocess.Popen:
    redis_url = next(
        process.environ()["REDIS_URL"] for process in site.processes() if "REDIS_URL" in process.environ()
    )
    # As if on a machine of its own: the device of this one is still held by the child of the worker that is silent.
    locks = site.folder / "locks-of-another-machine"
    locks.mkdir()
    return subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=ROOT,
        env=site.environment | {"REDIS_URL": redis_url, "MEASUREMENT_LOCK_FOLDER": str(locks)},
        start_new_session=True,
        stdout=site.log,
        stderr=subprocess.STDOUT,
    )


def end_leases(site: Site) -> None:
    """As if all workers had been silent for as long as a lease lasts."""
    site.write("UPDATE leaderboard_run SET lease_expires_at = '2020-01-01 00:00:00'")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site for both tests; the second ends it."""
    folder = tmp_path_factory.mktemp("lost")
    copy_migrated(folder / "data" / "leaderboard.sqlite3")
    site = Site(folder, "--no-examples", "--no-catalogue", **PATIENT)
    try:
        yield site.wait_until_up()
    finally:
        site.close()


@pytest.fixture(scope="module")
def token(site):
    return site.add_users()[0]


def test_a_killed_worker_s_run_is_done_by_another(site, token):
    submission = submit(site, token, TINY)
    follow(site, submission, until=("running",))
    measuring = site.wait_for(site.measurements, "the measurement to start", every_s=0.05)[0]
    worker = measuring.parent()
    # Held still first, so that the site's manager does not take the rest down before the lease runs out.
    worker.send_signal(signal.SIGSTOP)
    second = start_worker(site)
    try:
        end_leases(site)
        seen = follow(site, submission)

        assert seen[-1]["state"] == "succeeded"
        assert seen[-1]["attempt"] == 2
        worker.send_signal(signal.SIGCONT)
        site.wait_for(
            lambda: any(words in site.output() for words in ("run lost to another worker", "stale record rejected")),
            "the worker of before to find that its run is another's",
        )
        _, after = site.call(f"/api/v1/submissions/{submission['id']}")
        assert after["run"]["attempt"] == 2
        assert after["run"]["state"] == "succeeded"
        site.wait_for(lambda: not site.measurements(), "the stale worker's child to be gone")
    finally:
        worker.send_signal(signal.SIGCONT)
        os.killpg(second.pid, signal.SIGKILL)
        second.wait()


def test_ctrl_c_during_a_run_leaves_no_process_and_gives_the_run_to_the_next_start(site, token):
    recipe = TINY | {"phases": [{"phase": "train", "technique": "supervised", "epochs": 5000}]}
    submission = submit(site, token, recipe)
    site.wait_for(site.measurements, "the measurement to start")

    assert site.interrupt() == 0
    site.wait_for(lambda: not site.processes(), "all its processes to be gone")

    again = Site(site.folder, "--no-examples", "--no-catalogue", **PATIENT)
    try:
        # The lease of before would last for as long as a hang: whoever had to wait for its end would not get there.
        again.wait_until_up()
        seen = follow(again, submission, until=("running",))
        assert {run["state"] for run in seen} <= {"queued", "running"}
        assert seen[-1]["attempt"] == 2
    finally:
        again.close()
