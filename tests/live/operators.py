"""Machines on which an operator types the commands of docs/operating.md: network namespaces with a folder each."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.network import OWN_FILES, Host, Network, ip
from tests.live.site import ROOT
from tests.waiting import wait_until

CHECKOUT = "full-cycle-energy-leaderboard"
SITE = "leaderboard.example.org"
OF_CHECKOUT = ("compose.web.yaml", "compose.worker.yaml", "deploy", "recipes")
# Containers are processes, and there is no SSH between folders.
PROGRAMS = {
    "docker": f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.live.processes_of_compose "$@"',
    "scp": 'exec cp -r "$MACHINES/${2%%:*}/${2#*:}" "$3"',
}


class Machine:
    """A host with a checkout, where lines of a shell are typed."""

    def __init__(self, host: Host, environment: dict[str, str]) -> None:
        self.host = host
        self.folder = host.folder / CHECKOUT
        self.environment = environment
        self.folder.mkdir()
        for name in OF_CHECKOUT:
            source, copy = ROOT / name, self.folder / name
            shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
        (self.folder / ".venv").symlink_to(sys.prefix)

    def _words(self, line: str) -> list[str]:
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.host.name]
        return ["ip", "netns", "exec", self.host.namespace, *named, "sh", "-c", line]

    def type(self, line: str) -> str:
        """Run a line as an operator would, and return what it prints; it has to succeed."""
        done = subprocess.run(
            self._words(line),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{self.host.name}$ {line}\n{done.stdout}{done.stderr}\n{self.said()}"
        return done.stdout

    def type_and_answer(self, line: str, answers: dict[str, str]) -> None:
        """Run a line that asks at the terminal: what its questions begin with -> what is typed then."""
        number, terminal = pty.fork()
        if not number:
            os.chdir(self.folder)
            words = self._words(line)
            os.execvpe(words[0], words, self.environment)  # noqa: S606 - a terminal's process
        said = ""
        for question, answer in answers.items():
            while not said.rpartition("\n")[2].startswith(question):
                said += os.read(terminal, 4096).decode()
            os.write(terminal, f"{answer}\n".encode())
            said += "\n"
        while more := _read(terminal):
            said += more
        assert os.waitpid(number, 0)[1] == 0, f"{line}\n{said}"

    def said(self) -> str:
        """The last lines of each service."""
        logs = sorted((self.folder / "logs").glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 4096).decode()
    except OSError:  # its other end is closed
        return ""


@contextmanager
def machines(folder: Path, *names: str, private: str) -> Iterator[list[Machine]]:
    """Machines of a private network. `private` is the address of the first, to which the site's name leads."""
    programs = folder / "programs"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    # Not within pytest's folder, which the next pytest of this machine closes to other users than its own.
    database = Path(tempfile.mkdtemp(prefix="flh-"))
    database.chmod(0o777)
    authority = folder / names[0] / CHECKOUT / "volumes/certificates/caddy/pki/authorities/local/root.crt"
    environment = {
        "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(folder),
        "MACHINES": str(folder),
        "DATABASE_FOLDER": str(database),
        "CURL_CA_BUNDLE": str(authority),
        "SSL_CERT_FILE": str(authority),
    }
    net = private.rpartition(".")[0]
    with Network(folder) as network:
        try:
            made = []
            for number, name in enumerate(names, start=1):
                host = network.add(name)
                ip("-n", host.namespace, "address", "add", f"{net}.{number}/24", "dev", "eth0")
                hosts = OWN_FILES / host.namespace / "hosts"
                hosts.parent.mkdir(parents=True, exist_ok=True)
                # Compose names its services; of these only the web host has any that are asked for.
                hosts.write_text(f"127.0.0.1 localhost postgres redis web\n{private} {SITE}\n")
                made.append(Machine(host, environment))
            yield made
        finally:
            network.close()
            shutil.rmtree(database, ignore_errors=True)


def wait_for(machine: Machine, line: str, what: str, *, expected: str = "") -> str:
    """Type a line until it succeeds and prints what is expected."""
    found = ""

    def look() -> bool:
        nonlocal found
        try:
            found = machine.type(line)
        except AssertionError:
            return False
        return expected in found

    wait_until(look, what, every_s=1.0, tell=machine.said)
    return found
