"""Hosts on one machine, each a network namespace with a cable to a common bridge, and a name of its own.

Needs root and `ip` (iproute2). The names carry the number of the process that made them: parallel runs keep apart,
and what a killed run left behind is removed by the next one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

PREFIX = "flh-"
END_S = 30.0
# What lies in a namespace's folder here is seen in /etc by what `ip netns exec` starts.
OWN_FILES = Path("/etc/netns")


def why_not() -> str:
    """Why no namespaces can be made here; empty if they can."""
    if os.geteuid():
        return "network namespaces need root"
    if not has_program("ip", "iproute2"):
        return "network namespaces need `ip`: install the package iproute2 of your system"
    probe = f"{PREFIX}{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace can be made here: {made.stderr.strip()}"
    ip("netns", "delete", probe)
    return ""


def has_program(name: str, package: str) -> bool:
    """Whether a program is there, installed from the system's package if need be."""
    if not shutil.which(name) and shutil.which("apt-get"):
        apt = ["apt-get", "-qq", "-y", "--no-install-recommends"]
        subprocess.run([*apt, "update"], check=False)
        subprocess.run([*apt, "install", package], check=False, stdout=subprocess.DEVNULL)
    return shutil.which(name) is not None


def ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout


class Host:
    """A namespace with a cable. What it starts ends with it, children of children too."""

    def __init__(self, network: Network, number: int, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.address = network.address(number)
        self.namespace = f"{PREFIX}{os.getpid()}-{name}"
        self._cable = f"{PREFIX}{os.getpid()}-{number}"
        self.processes: list[subprocess.Popen[bytes]] = []
        folder.mkdir()
        ip("netns", "add", self.namespace)
        ip("link", "add", self._cable, "type", "veth", "peer", "eth0", "netns", self.namespace)
        ip("link", "set", self._cable, "master", network.bridge, "up")
        inside = ("-n", self.namespace)
        ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        ip(*inside, "link", "set", "eth0", "up")

    def start(self, *command: str, environment: dict[str, str], **options: object) -> subprocess.Popen[bytes]:
        """Run a command here, under this host's name; its output goes to the host's log."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name, *command]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *named],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,  # type: ignore[call-overload]
            )
        self.processes.append(process)
        return process

    @property
    def log(self) -> Path:
        """What its processes print."""
        return self.folder / "log"

    def said(self) -> str:
        """Everything that its processes have printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def cut(self) -> None:
        """Pull the cable: packets are lost in both directions, and nobody is told."""
        ip("link", "set", self._cable, "down")

    def reconnect(self) -> None:
        """Put the cable back."""
        ip("link", "set", self._cable, "up")

    def delay(self, seconds: float) -> bool:
        """Hold back whatever leaves this host, by the kernel. False where it can't (no netem)."""
        words = ["tc", "-n", self.namespace, "qdisc", "add", "dev", "eth0", "root", "netem", "delay"]
        if not shutil.which("tc"):
            return False
        return not subprocess.run([*words, f"{seconds * 1000:.0f}ms"], capture_output=True, check=False).returncode

    def stop(self) -> None:
        """End its processes as a service manager does, then whatever is left."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(END_S)
        end_all_in(self.namespace)
        for process in self.processes:
            process.wait()
        self.processes.clear()


def end_all_in(namespace: str) -> None:
    """Kill every process of a namespace of ours."""
    for number in ip("netns", "pids", namespace).split():
        try:
            os.kill(int(number), signal.SIGKILL)
        except ProcessLookupError:
            continue


class Network:
    """A bridge on which this process has an address too. Removed at the end, with all its hosts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[Host] = []
        self.bridge = f"{PREFIX}{os.getpid()}"
        self._net = ""

    def address(self, number: int) -> str:
        """That of the host with this number, from 1 to 253."""
        return f"{self._net}.{number}"

    @property
    def addresses(self) -> str:
        """All of its addresses, as a net."""
        return f"{self._net}.0/24"

    def add(self, name: str) -> Host:
        """A host more, connected."""
        host = Host(self, len(self.hosts) + 1, name, self.folder / name)
        self.hosts.append(host)
        return host

    def __enter__(self) -> Network:
        remove_leftovers()
        taken = ip("-4", "address")
        # Of the block for tests of networks (RFC 2544), which is nobody's.
        nets = (f"198.18.{(os.getpid() + n) % 256}" for n in range(256))
        self._net = next(net for net in nets if f" {net}." not in taken)
        ip("link", "add", self.bridge, "type", "bridge")
        ip("address", "add", f"{self.address(254)}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all hosts, the newest first."""
        try:
            while self.hosts:
                self.hosts.pop().stop()
        finally:
            remove(os.getpid())


def remove(maker: int) -> None:
    """Remove all namespaces and cables that a process made, and what runs in them."""
    for namespace in _named(ip("netns", "list"), maker, "-"):
        end_all_in(namespace)
        ip("netns", "delete", namespace)
        shutil.rmtree(OWN_FILES / namespace, ignore_errors=True)
    # Cables go with their namespaces, but not at once: the kernel takes its time.
    for link in _named(ip("-o", "link").replace(":", " ").replace("@", " "), maker, ""):
        subprocess.run(["ip", "link", "delete", link], capture_output=True, check=False)


def _named(listed: str, maker: int, after: str) -> list[str]:
    words = {word for line in listed.splitlines() for word in line.split()}
    own = f"{PREFIX}{maker}"
    return sorted(word for word in words if word.startswith(own + "-") or (not after and word == own))


def remove_leftovers() -> None:
    """Remove what runs that were killed have left."""
    listed = (ip("netns", "list") + ip("-o", "link")).replace(":", " ").replace("@", " ").split()
    makers = {word.removeprefix(PREFIX).partition("-")[0] for word in listed if word.startswith(PREFIX)}
    for maker in makers:
        if maker.isdigit() and not Path(f"/proc/{maker}").exists():
            print(f"removing the network that process {maker} left", file=sys.stderr)
            remove(int(maker))
