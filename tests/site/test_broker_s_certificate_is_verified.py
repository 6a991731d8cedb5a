"""`rediss://` is taken at its word: who has no certificate that is vouched for is no broker. Real Redis, real TLS."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from leaderboard import dispatch
from leaderboard.configuration import read_settings
from leaderboard.management.one_machine import _redis_server
from tests.waiting import HANG_S, wait_until


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    as_text = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(*as_text))
    return paths


def carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, target):
            end.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a Redis behind TLS, and its certificate: Redis' own binary here is built without TLS."""
    paths = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    within = tmp_path / "redis.sock"
    words = [_redis_server(), "--port", "0", "--unixsocket", str(within), "--save", "", "--dir", str(tmp_path)]
    redis = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return  # closed: the test is over
            try:
                client = context.wrap_socket(plain, server_side=True)
            except OSError:
                plain.close()
                continue
            behind = socket.socket(socket.AF_UNIX)
            behind.connect(str(within))
            for ends in ((client, behind), (behind, client)):
                threading.Thread(target=carry, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        wait_until(within.exists, "Redis to listen", every_s=0.02)
        yield listener.getsockname()[1], paths[0]
    finally:
        listener.close()
        redis.terminate()
        redis.wait(HANG_S)


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("127.0.0.1:{port}/0", False),
        ("127.0.0.1:{port}/0?ssl_ca_certs={certificate}", True),
        ("localhost:{port}/0?ssl_ca_certs={certificate}", False),  # of which it is not
        ("127.0.0.1:{port}/0?ssl_cert_reqs=none", True),  # whoever says so
    ],
)
def test_only_who_is_vouched_for_is_the_broker(broker, settings, monkeypatch, address, is_trusted):
    port, own = broker
    monkeypatch.setenv("REDIS_URL", f"rediss://{address.format(port=port, certificate=own)}")
    monkeypatch.setattr(dispatch, "ANSWERS_WITHIN_S", HANG_S)
    settings.REDIS_URL = read_settings()["REDIS_URL"]
    assert dispatch.answers() is is_trusted


def test_what_an_address_says_of_its_certificate_is_left_as_it_is(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "rediss://:secret@host:6380/0?health_check_interval=5")
    assert (
        read_settings()["REDIS_URL"] == "rediss://:secret@host:6380/0?health_check_interval=5&ssl_cert_reqs=required"
    )
