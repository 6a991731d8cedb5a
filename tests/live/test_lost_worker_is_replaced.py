"""A worker that is killed loses its run to the next one; Ctrl-C ends all and leaves no orphan."""

import os
import signal
import subprocess
import sys

from tests.live.conftest import PATIENT, TINY
from tests.live.site import ROOT, Site
from tests.live.test_submission_travels_to_the_board import follow, submit


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
    site.shell("from leaderboard.models import Run; Run.objects.update(lease_expires_at='2020-01-01T00:00Z')")


def test_a_killed_worker_s_run_is_done_by_another(tmp_path):
    site = Site(tmp_path, "--no-examples", "--no-catalogue", **PATIENT)
    second = None
    try:
        site.wait_until_up()
        token = site.add_user("alice")
        recipe = TINY | {"phases": [{"phase": "train", "technique": "supervised", "epochs": 20}]}
        submission = submit(site, token, recipe)
        follow(site, submission, until=("running",))
        measuring = site.wait_for(site.measurements, "the measurement to start")[0]
        worker = measuring.parent()
        # Held still first, so that the site's manager does not take the rest down before the lease runs out.
        worker.send_signal(signal.SIGSTOP)
        second = start_worker(site)
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
        if second:
            os.killpg(second.pid, signal.SIGKILL)
            second.wait()
        site.close()


def test_ctrl_c_during_a_run_leaves_no_process_and_gives_the_run_to_the_next_start(tmp_path):
    site = Site(tmp_path, "--no-examples", "--no-catalogue", **PATIENT)
    try:
        site.wait_until_up()
        token = site.add_user("alice")
        recipe = TINY | {"phases": [{"phase": "train", "technique": "supervised", "epochs": 5000}]}
        submission = submit(site, token, recipe)
        site.wait_for(site.measurements, "the measurement to start")

        assert site.interrupt() == 0
        site.wait_for(lambda: not site.processes(), "all its processes to be gone")
    finally:
        site.close()

    again = Site(tmp_path, "--no-examples", "--no-catalogue", **PATIENT)
    try:
        # The lease of before would last for as long as a hang: whoever had to wait for its end would not get there.
        again.wait_until_up()
        seen = follow(again, submission, until=("running",))
        assert {run["state"] for run in seen} <= {"queued", "running"}
        assert seen[-1]["attempt"] == 2
    finally:
        again.close()
