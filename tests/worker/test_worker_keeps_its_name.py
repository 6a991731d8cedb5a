"""A worker is named after its device and host, or after WORKER_NAME where the host's name changes with each start."""

from __future__ import annotations

import socket

import pytest

from leaderboard.configuration import read_settings
from leaderboard.worker.machine import Machine

HERE = Machine("NVIDIA H100 80GB HBM3", "cuda", "cuda:1", {})


@pytest.mark.parametrize("name", ["", "leaderboard-worker.node-3"])
def test_the_name_is_of_device_and_machine(settings, name):
    settings.WORKER_NAME = name
    assert HERE.worker_name == f"cuda-1@{name or socket.gethostname()}"


def test_a_name_that_celery_cannot_have_ends_with_its_reason(monkeypatch, capsys):
    monkeypatch.setenv("WORKER_NAME", "a node@here")
    with pytest.raises(SystemExit) as ended:
        read_settings()
    assert "WORKER_NAME: must be" in f"{ended.value}{capsys.readouterr().err}"
