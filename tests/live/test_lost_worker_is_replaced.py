"""A worker that is killed loses its run to the next one; Ctrl-C ends all and leaves no orphan."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.live.conftest import TINY
from tests.live.site import ROOT, Site
from tests.live.test_submission_travels_to_the_board import follow, submit

pytestmark = pytest.mark.live


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


def test_a_killed_worker_s_run_is_done_by_another(tmp_path):
    site = Site(tmp_path, "--no-examples", LEASE_SECONDS="4")
    second = None
    try:
        site.wait_until_up()
        token = site.add_user("alice")
        recipe = TINY | {"phases": [{"phase": "train", "technique": "supervised", "epochs": 60}]}
        submission = submit(site, token, recipe)
        follow(site, submission, until=("running",))
        measuring = site.wait_for(site.measurements, 20, "the measurement to start")[0]
        worker = measuring.parent()
        second = start_worker(site)
        # Held still first, so that the site's manager does not take the rest down before the lease runs out.
        worker.send_signal(signal.SIGSTOP)
        seen = follow(site, submission, within_s=120)

        assert seen[-1]["state"] == "succeeded"
        assert seen[-1]["attempt"] == 2
        worker.send_signal(signal.SIGCONT)
        time.sleep(3)
        _, after = site.call(f"/api/v1/submissions/{submission['id']}")
        assert after["run"]["attempt"] == 2
        assert after["run"]["state"] == "succeeded"
        worker.kill()
        site.wait_for(lambda: not site.measurements(), 10, "the stale worker's child to be gone")
    finally:
        if second:
            os.killpg(second.pid, signal.SIGKILL)
            second.wait()
        site.close()


def test_ctrl_c_during_a_run_leaves_no_process_and_a_second_start_is_quick(tmp_path):
    site = Site(tmp_path, "--no-examples", LEASE_SECONDS="4")
    try:
        site.wait_until_up()
        token = site.add_user("alice")
        recipe = TINY | {"phases": [{"phase": "train", "technique": "supervised", "epochs": 5000}]}
        submit(site, token, recipe)
        site.wait_for(site.measurements, 30, "the measurement to start")

        assert site.interrupt() == 0
        deadline = time.monotonic() + 5
        while left := site.processes():
            assert time.monotonic() < deadline, [process.cmdline() for process in left]
            time.sleep(0.1)
    finally:
        site.close()

    started = time.monotonic()
    again = Site(tmp_path, "--no-examples", LEASE_SECONDS="4")
    try:
        again.wait_until_up()
        assert time.monotonic() - started < 30
        _, queue = again.call("/api/v1/queue")
        assert [run["state"] for run in queue["results"]] in (["queued"], ["running"])
    finally:
        again.close()
