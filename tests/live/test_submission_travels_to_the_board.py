"""Recipe in, Celery worker out, metered phases stored, entry ranked."""

import pytest

from tests.live.conftest import TINY

# What the database has a part in runs on both; what is the broker's or the task's doing, on one. So does the whole
# way, which takes longest: on SQLite a newcomer goes it (test_a_newcomer_gets_an_entry.py), and the examples' ranks
# follow from their figures (test_first_run.py).
ON_SQLITE = pytest.mark.parametrize("site", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("site", ["postgresql"], indirect=True)
ENDED = ("succeeded", "failed", "cancelled")


def submit(site, token, recipe):
    status, submission = site.call("/api/v1/submissions", token=token, body=recipe)
    assert status == 201, submission
    return submission


def follow(site, submission, until=ENDED):
    """Every different state of the run that a reader sees on the way."""
    seen = []

    def look():
        _, now = site.call(f"/api/v1/submissions/{submission['id']}")
        if not seen or now["run"] != seen[-1]:
            seen.append(now["run"])
        return now["run"]["state"] in until

    site.wait_for(look, f"run to be {' or '.join(until)}", every_s=0.25)
    return seen


@pytest.fixture(scope="session")
def followed(site, alice_token):
    """A submission of two scenarios, and every state of its run up to its end."""
    scenarios = {"scenarios": ["single_stream", "offline"], "max_batch_size": 16}
    # Long enough to be seen in training.
    recipe = TINY | {"phases": [TINY["phases"][0] | {"epochs": 6}], "inference": scenarios, "seed": 1}
    submission = submit(site, alice_token, recipe)
    return submission, follow(site, submission)


@ON_POSTGRESQL
def test_from_recipe_to_ranked_entry(site, followed):
    submission, seen = followed
    states = list(dict.fromkeys(run["state"] for run in seen))
    assert states in (["queued", "running", "succeeded"], ["running", "succeeded"]), seen[-1]
    running = [run["progress"] for run in seen if run["state"] == "running" and run["progress"].get("phase")]
    assert {progress["phase"] for progress in running} >= {"train", "inference"}
    assert any(0 < progress["fraction"] < 1 for progress in running)

    run = seen[-1]
    entries = [site.call(f"/api/v1/entries/{number}")[1] for number in run["entries"]]
    assert len(entries) == 4, run["held_for"]
    for entry in entries:
        board = f"track=digits&hardware={submission['hardware']}&scenario={entry['scenario']}&scope={entry['scope']}"
        rows = site.call(f"/api/v1/leaderboard?{board}&min_quality=0&page_size=500")[1]["results"]
        row = next(row for row in rows if row["entry"] == entry["entry"])
        charged = [
            phase
            for phase in run["phases"]
            if phase["scope"] == entry["scope"] and phase["phase"] not in ("inference", "evaluate")
        ]
        assert row["one_time_energy_j"] == pytest.approx(sum(phase["energy_j"] for phase in charged))
        inference = next(
            phase
            for phase in run["phases"]
            if phase["scope"] == entry["scope"] and phase["scenario"] == entry["scenario"]
        )
        assert row["inference_energy_j"] == inference["energy_per_image_j"]
        assert row["full_cycle_energy_j"] == pytest.approx(row["one_time_energy_j"] + 1e6 * row["inference_energy_j"])


def test_the_same_recipe_again_is_found(site, alice_token, admin_token, recipe):
    first = submit(site, alice_token, recipe)
    status, second = site.call("/api/v1/submissions", token=alice_token, body=recipe)
    assert (status, second["id"]) == (200, first["id"])
    site.call(f"/api/v1/runs/{first['run']['id']}/cancel", token=admin_token, body={})
    follow(site, first)


@ON_POSTGRESQL
def test_a_rerun_keeps_the_old_result_ranked_until_the_new_one_is_in(site, followed, admin_token):
    run = followed[1][-1]
    entry = run["entries"][0]

    status, again = site.call(f"/api/v1/runs/{run['id']}/rerun", token=admin_token, body={})
    assert status in (200, 201)
    assert again["id"] != run["id"]

    def is_new_result_in():
        status, standing = site.call(f"/api/v1/entries/{entry}")
        assert status == 200
        latest = site.call(f"/api/v1/runs/{again['id']}")[1]
        assert latest["state"] in ("queued", "running", "succeeded"), latest
        return standing["run"] == again["id"]

    site.wait_for(is_new_result_in, "the new result")


def test_cancelling_a_running_run_ends_its_process(site, alice_token, admin_token, recipe):
    recipe["phases"] = [{"phase": "train", "technique": "supervised", "epochs": 5000}]
    submission = submit(site, alice_token, recipe)
    run = follow(site, submission, until=("running",))[-1]
    site.wait_for(site.measurements, "the measurement to start")

    assert site.call(f"/api/v1/runs/{run['id']}/cancel", token=admin_token, body={})[0] in (200, 202)
    ended = follow(site, submission)[-1]

    assert ended["state"] == "cancelled"
    assert "root" in ended["reason"]
    site.wait_for(lambda: not site.measurements(), "the measurement to be gone")


@ON_SQLITE
def test_a_notification_that_redis_lost_is_repeated(site, alice_token, admin_token, recipe):
    import redis

    socket = next(
        process.environ()["REDIS_URL"].removeprefix("redis+socket://")
        for process in site.processes()
        if "REDIS_URL" in process.environ()
    )
    client = redis.Redis(unix_socket_path=socket)
    recipe["phases"][0]["epochs"] = 3
    first = submit(site, alice_token, recipe)
    follow(site, first, until=("running",))
    second = submit(site, alice_token, recipe | {"seed": recipe["seed"] + 1})
    client.flushall()
    site.write("UPDATE leaderboard_run SET notified_at = '2020-01-01 00:00:00' WHERE state = 'queued'")
    assert follow(site, first)[-1]["state"] == "succeeded"
    # Its worker has heard of it.
    assert follow(site, second, until=("running", *ENDED))[-1]["state"] == "running"
    site.call(f"/api/v1/runs/{second['run']['id']}/cancel", token=admin_token, body={})
    follow(site, second)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("model.architecture", {"model": {"architecture": "resnet5O", "resolution": 16}}),
        ("track", {"track": "imagenet-22k"}),
        ("colour", {"colour": "green"}),
        ("phases.0.epochs", {"phases": [{"phase": "train", "technique": "supervised", "epochs": -1}]}),
        (
            "phases.0.batch_size",
            {"phases": [{"phase": "train", "technique": "supervised", "epochs": 1, "batch_size": 10**9}]},
        ),
    ],
)
def test_a_bad_recipe_is_refused_and_nothing_is_queued(site, alice_token, recipe, field, change):
    before = site.call("/api/v1/queue")[1]
    status, answer = site.call("/api/v1/submissions", token=alice_token, body=recipe | change)
    assert status == 400
    assert field in [error["field"] for error in answer["errors"]]
    assert site.call("/api/v1/queue")[1] == before


def test_an_unknown_token_is_refused(site, recipe):
    status, answer = site.call("/api/v1/submissions", token="0" * 64, body=recipe)
    assert status == 401
    assert answer["errors"][0]["message"]
