"""REDIS_URL names Redis, its Sentinels or RabbitMQ; what it can't be is said with the setting's name."""

from __future__ import annotations

import pytest

from leaderboard.configuration import read_settings

GOOD = (
    "rediss://host:6380/0?ssl_ca_certs=/etc/ca.pem",
    "sentinel://one:26379",
    "sentinel://one:26379;sentinel://two:26379/1",
    "amqp://guest:guest@host:5672//",
)


@pytest.mark.parametrize("address", GOOD)
def test_a_broker_of_each_kind_is_taken(address, monkeypatch):
    monkeypatch.setenv("REDIS_URL", address)
    assert read_settings()["REDIS_URL"] == address


@pytest.mark.parametrize(
    ("address", "master", "words"),
    [
        ("http://host", "", "REDIS_URL: must begin with redis://, "),
        ("sentinel://one;two:26379", "mymaster", "each must begin with sentinel://"),
        ("redis://one;redis://two", "mymaster", "each must begin with sentinel://"),
        ("sentinel://one:26379", "", "REDIS_MASTER: must name the master"),
    ],
)
def test_another_ends_with_its_reason(address, master, words, monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", address)
    monkeypatch.setenv("REDIS_MASTER", master)
    with pytest.raises(SystemExit) as ended:
        read_settings()
    assert words in f"{ended.value}{capsys.readouterr().err}"


def test_a_password_of_sentinels_that_nobody_names_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("REDIS_URL", "redis://host")
    monkeypatch.setenv("SENTINEL_PASSWORD", "secret")
    with pytest.raises(SystemExit):
        read_settings()
    assert "SENTINEL_PASSWORD: is for the Sentinels" in capsys.readouterr().err
