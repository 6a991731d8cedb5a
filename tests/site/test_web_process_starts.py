"""The web process starts where torch is not installed, and under gunicorn with nothing in the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import HANG_S

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "timm", "torch_pruning", "sklearn", "pynvml", "safetensors"):
    sys.modules[name] = None  # importing it raises ImportError
import leaderboard.wsgi
from django.test import Client
from django.core.management import call_command
call_command("migrate", verbosity=0)
for path in ("/", "/submit/", "/queue/", "/docs/api/", "/healthz", "/api/v1/tracks", "/api/v1/recipe-schema"):
    answer = Client().get(path, headers={"host": "localhost"})
    assert answer.status_code in (200, 302), (path, answer.status_code)
assert not [name for name in sys.modules if name.partition(".")[0] in ("torch", "timm") and sys.modules[name]]
print("served")
"""


def start(folder: Path, *command: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "DATA_ROOT": str(folder), "DEBUG": "true"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )


def test_pages_are_served_where_torch_is_not_installed(tmp_path):
    environment = ["-c", f"import os; os.environ['DJANGO_SETTINGS_MODULE']='leaderboard.settings'\n{WITHOUT_TORCH}"]
    done = start(tmp_path, *environment)
    assert done.returncode == 0, done.stderr
    assert "served" in done.stdout


def test_gunicorn_needs_no_variable_but_its_own(tmp_path):
    done = start(tmp_path, "-m", "gunicorn", "--config", "python:leaderboard.gunicorn", "--check-config")
    assert done.returncode == 0, done.stderr


def test_two_sites_over_one_folder_are_refused(tmp_path):
    import fcntl

    with (tmp_path / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = {"PATH": os.environ["PATH"], "DATA_ROOT": str(tmp_path), "PORT": "18123"}
        done = subprocess.run(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG_S,
        )
    assert done.returncode == 1
    assert "DATA_ROOT" in done.stderr
    assert "in use by another" in done.stderr


def test_a_wrong_setting_gets_one_clear_line(tmp_path):
    wrong = {
        "PORT": "abc",
        "DEBUG": "perhaps",
        "DATABASE_URL": "oracle://x",
        "REDIS_URL": "http://x",
        "LEASE_SECONDS": "0",
        "RUN_TIME_BUDGET_S": "-1",
    }
    for name, value in wrong.items():
        done = subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DATA_ROOT": str(tmp_path), name: value},
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG_S,
        )
        assert done.returncode == 2, name
        assert done.stderr.startswith(f"{name}: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
