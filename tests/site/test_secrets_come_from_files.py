"""Every setting can be given as a file that holds it, as Docker, Kubernetes and systemd hand secrets over."""

from __future__ import annotations

import pytest

from leaderboard.configuration import SETTINGS, read_settings
from leaderboard.worker.machine import hidden_split_variable

SECRET = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
GIVEN = {
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgres://leaderboard:pass$word@db/leaderboard",
    "REDIS_URL": "rediss://:password@redis:6380/0",
    "EMAIL_URL": "smtp://user:password@mail:587",
    "PORT": "8123",
    "HTTPS": "true",
    "ALLOWED_HOSTS": "a.example.org,b.example.org",
}


@pytest.fixture(autouse=True)
def _nothing_else_is_set(monkeypatch):
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)


@pytest.mark.parametrize("name", GIVEN)
def test_a_file_says_what_the_variable_would(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, GIVEN[name])
    by_variable = read_settings()[name]
    monkeypatch.delenv(name)
    (tmp_path / "secret").write_text(GIVEN[name] + "\n")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    assert read_settings()[name] == by_variable


def test_the_hidden_splits_key_too(monkeypatch, tmp_path):
    (tmp_path / "key").write_text(SECRET + "\n")
    monkeypatch.setenv("MEASUREMENT_HIDDEN_SPLIT_KEY_FILE", str(tmp_path / "key"))
    assert hidden_split_variable() == {"MEASUREMENT_HIDDEN_SPLIT_KEY": SECRET}


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "UTF-8")]
)
def test_a_file_that_gives_no_value_stops_the_process(monkeypatch, tmp_path, capsys, content, reason):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("DATABASE_URL_FILE", str(path))
    with pytest.raises(SystemExit):
        read_settings()
    said = capsys.readouterr().err
    assert said.startswith("DATABASE_URL_FILE: ")
    assert str(path) in said
    assert reason in said


def test_both_given_stops_the_process_and_shows_neither(monkeypatch, tmp_path, capsys):
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setenv("SECRET_KEY", "another" + SECRET)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(SystemExit):
        read_settings()
    said = capsys.readouterr().err
    assert "SECRET_KEY is set as well" in said
    assert SECRET not in said
