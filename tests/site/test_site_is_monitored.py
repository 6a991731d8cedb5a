"""What a monitor reads: whether the site can work, its figures, and log lines that belong together."""

import json
import logging
import logging.config
import os
import re
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from leaderboard.domain.runstate import RunState
from leaderboard.models import Attempt
from leaderboard.telemetry.logs import configuration
from leaderboard.views import monitoring
from tests.factories import HardwareFactory, RunFactory, WorkerFactory, make_board
from tests.live.site import ROOT

pytestmark = pytest.mark.django_db

DEPLOY = ROOT / "deploy"


def figures(client):
    """Of each figure its values by the values of its labels, in the order of their names."""
    found = defaultdict(dict)
    for family in text_string_to_metric_families(client.get("/metrics").content.decode()):
        for sample in family.samples:
            found[sample.name][tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return dict(found)


def test_a_site_that_can_work_says_so_part_by_part(client):
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "migrations": "ok", "storage": "ok", "broker": "unavailable"}


def test_a_folder_that_cannot_be_written_to_makes_it_unready(client, tmp_path, settings):
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file" / "files"  # which not even root can make
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["storage"] == "the folder of default files can't be written to"


def test_migrations_that_wait_make_it_unready(client, monkeypatch):
    monkeypatch.setattr(monitoring, "_all_applied", [])  # as in a process that was never asked
    last = MigrationRecorder.Migration.objects.filter(app="leaderboard").latest("pk")
    last.delete()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "manage.py migrate" in answer.json()["migrations"]
    last.save(force_insert=True)
    assert client.get("/readyz").json()["migrations"] == "ok"


def test_figures_count_runs_workers_and_entries(client):
    make_board(2)
    RunFactory()
    WorkerFactory()
    found = figures(client)
    assert found["leaderboard_runs"][("queued",)] == 1
    assert found["leaderboard_runs"][("failed",)] == 0
    assert found["leaderboard_live_workers"][("test-cpu",)] == 1
    assert found["leaderboard_entries"][()] == 2


def test_figures_of_the_line_and_of_the_past_day(client, django_assert_max_num_queries):
    now, card = timezone.now(), HardwareFactory(slug="card")
    RunFactory(hardware=card, queued_at=now - timedelta(minutes=30))
    RunFactory(hardware=card, queued_at=now - timedelta(minutes=10))
    for power_w in (200.5, 100):
        RunFactory(
            hardware=card,
            state=RunState.RUNNING,
            lease_expires_at=now + timedelta(seconds=50),
            progress={"power_w": power_w},
        )
    for waited, ago in ((60, 1), (120, 2), (180, 3), (9000, 30)):
        run = RunFactory(
            hardware=card,
            state=RunState.SUCCEEDED,
            queued_at=now - timedelta(hours=ago, seconds=waited),
            started_at=now - timedelta(hours=ago),
            finished_at=now - timedelta(hours=ago),
        )
        Attempt.objects.create(
            run=run, number=1, worker="w", started_at=now, ended_at=now, outcome="lost", fault="crash"
        )
    with django_assert_max_num_queries(13):
        found = figures(client)
    assert found["leaderboard_queued_runs"] == {("card",): 2}
    assert found["leaderboard_running_runs"] == {("card",): 2}
    assert found["leaderboard_oldest_queued_run_seconds"][("card",)] == pytest.approx(1800, abs=300)
    assert 0 < found["leaderboard_lease_left_seconds"][("card",)] <= 50
    assert found["leaderboard_power_watts"] == {("card",): 300.5}
    # The one that ended before yesterday is not among them.
    assert found["leaderboard_wait_seconds_last_day"] == {("card", "0.5"): 120, ("card", "0.95"): pytest.approx(174)}
    assert found["leaderboard_attempts_last_day"] == {("crash", "lost"): 3}


def test_what_is_unknown_has_no_figure(client):
    RunFactory(
        state=RunState.RUNNING, lease_expires_at=timezone.now() - timedelta(minutes=5), progress={"power_w": 9}
    )
    found = figures(client)
    assert "leaderboard_power_watts" not in found  # it has been silent for minutes
    assert "leaderboard_oldest_queued_run_seconds" not in found
    assert found["leaderboard_lease_left_seconds"][("test-cpu",)] < 0


def test_requests_are_counted_by_route_and_never_by_address(client):
    before = figures(client)["leaderboard_request_seconds_count"]
    for name in ("a", "b", "c"):
        client.get(f"/docs/no-such-page-{name}/")
        client.get(f"/no-such-address-{name}")
    found = figures(client)["leaderboard_request_seconds_count"]
    new = {
        labels: number - before.get(labels, 0) for labels, number in found.items() if number > before.get(labels, 0)
    }
    assert new[("GET", "docs/<slug:name>/", "4xx")] == 3
    assert not any("no-such" in label for labels in found for label in labels)


def test_processes_count_together_and_a_successor_goes_on(tmp_path):
    """Two processes with numbers of their own, and one that takes the first one's place."""
    program = """
import sys
from leaderboard.presentation import request_times
request_times.count("queue/", "GET", 200, 0.03)
if sys.argv[1:]:
    from prometheus_client import generate_latest
    print(generate_latest(request_times.registry()).decode())
"""
    environment = {
        **os.environ,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    for number, told in (("0", []), ("1", []), ("0", ["tell"])):
        done = subprocess.run(
            [sys.executable, "-c", program, *told],
            env=environment | {"WEB_PROCESS": number},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    assert 'leaderboard_request_seconds_count{method="GET",route="queue/",status="2xx"} 3.0' in done.stdout
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("path", ["prometheus/alerts.yaml", "prometheus/alerts_test.yaml", "grafana/dashboard.json"])
def test_alerts_and_dashboard_ask_for_figures_that_there_are(client, path):
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    told = re.sub(r"_(bucket|count|sum)\b", "", client.get("/metrics").content.decode())
    asked = re.findall(r"leaderboard_[a-z_]+", (DEPLOY / path).read_text("utf-8"))
    assert len(asked) > 8
    for name in {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}:
        assert f"# TYPE {name} " in told
        assert f"`{name}`" in page


def test_a_snapshot_is_counted_once_for_each_revision(client):
    def made():
        return sum(figures(client).get("leaderboard_snapshot_build_seconds_count", {}).values())

    make_board(3)
    before = made()
    for _ in range(2):
        assert client.get("/api/v1/leaderboard/snapshot").status_code == 200
    assert made() == before + 1


def test_every_alert_has_a_test_and_a_line_that_says_what_to_do():
    alerts = re.findall(r"alert: (\w+)", (DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    tests = (DEPLOY / "prometheus" / "alerts_test.yaml").read_text("utf-8")
    assert len(alerts) == 10
    for alert in alerts:
        assert f"| `{alert}` |" in page
        assert alert in tests


@pytest.fixture
def json_lines(caplog):
    """What is logged meanwhile, as objects."""
    formatter = logging.config.DictConfigurator(configuration("json", "WARNING")).configure_formatter(
        configuration("json", "WARNING")["formatters"]["one"]
    )
    caplog.set_level(logging.DEBUG)
    return lambda: [json.loads(formatter.format(record)) for record in caplog.records]


def test_lines_of_a_request_have_its_number_and_no_secret(client, json_lines):
    answer = client.get("/accounts/password/reset/key/1-a-secret-of-somebody/?token=secret")
    lines = [line for line in json_lines() if line.get("request_id") == answer.headers["X-Request-ID"]]
    (finished,) = [line for line in lines if line["event"] == "request_finished"]
    assert finished["code"] == answer.status_code
    assert "secret" not in json.dumps(lines)
    assert client.get("/").headers["X-Request-ID"] != answer.headers["X-Request-ID"]


def test_an_error_is_one_line_without_the_values_of_variables(json_lines):
    password = "hunter2"
    try:
        raise RuntimeError(len(password))
    except RuntimeError:
        logging.getLogger("leaderboard").exception("it failed")
    (line,) = [line for line in json_lines() if line["event"] == "it failed"]
    assert "RuntimeError: 7" in line["exception"]
    assert password not in json.dumps(line)
