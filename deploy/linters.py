"""`python -m deploy.linters`: reads units, the proxy's file and alert rules as the programs do that will run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
INTERPRETER = "/opt/leaderboard/.venv/bin/python"  # where docs/deployment.md installs; systemd wants it to be there


def units() -> str:
    """Empty, or what systemd finds wrong in the units."""
    if not shutil.which("systemd-analyze"):
        print("NOT CHECKED: deploy/systemd, since systemd-analyze is not on this machine.")
        return ""
    with tempfile.TemporaryDirectory() as folder:
        for path in (FOLDER / "systemd").glob("*.service"):
            text = path.read_text("utf-8").replace(INTERPRETER, sys.executable)
            text = text.replace("file:///opt/leaderboard", f"file://{FOLDER.parent}")
            (Path(folder) / path.name).write_text(text, "utf-8")
        copies = sorted(str(path) for path in Path(folder).iterdir())
        return _complaint("systemd-analyze", "verify", "--man=no", *copies)


def proxy() -> str:
    """Empty, or what Caddy finds wrong in its file."""
    program = Path(sys.executable).parent / "caddy"
    if not program.exists():
        print("NOT CHECKED: deploy/Caddyfile, since Caddy has no package for this processor.")
        return ""
    file = str(FOLDER / "Caddyfile")
    if unformatted := _complaint(str(program), "fmt", file):
        return f"deploy/Caddyfile is not as `caddy fmt` writes it:\n{unformatted}"
    return _complaint(str(program), "validate", "--adapter", "caddyfile", "--config", file)


def alerts() -> str:
    """Empty, or what Prometheus finds wrong in its rules, or which of their tests fails."""
    program = _promtool()
    if not program:
        print("NOT CHECKED: deploy/prometheus, since promtool is not on this machine and Debian's can't be had.")
        return ""
    folder = FOLDER / "prometheus"
    return _complaint(program, "check", "rules", str(folder / "alerts.yaml")) or _complaint(
        program, "test", "rules", str(folder / "alerts_test.yaml")
    )


def _promtool() -> str:
    """The machine's own, or that of Debian's package, unpacked and not installed: it would start a server."""
    kept = FOLDER.parent / "build" / "prometheus"
    found = shutil.which("promtool") or shutil.which("promtool", path=str(kept / "usr" / "bin"))
    if not found and shutil.which("apt-get") and shutil.which("dpkg"):
        kept.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "--quiet", "prometheus"], cwd=kept, check=False, capture_output=True)
        for package in kept.glob("prometheus_*.deb"):
            subprocess.run(["dpkg", "--extract", package, kept], check=False)
        found = shutil.which("promtool", path=str(kept / "usr" / "bin"))
    return found or ""


def _complaint(*command: str) -> str:
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"SITE_HOST": "leaderboard.example.org", "SITE_SERVER": "web:8000", "HOME": home}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    # systemd warns with exit code 0; Caddy logs what it does.
    said = done.stderr if command[0] == "systemd-analyze" else ""
    return said.strip() or (f"{command}: {done.stdout}{done.stderr}" if done.returncode else "")


if __name__ == "__main__":
    sys.exit("\n".join(filter(None, (units(), proxy(), alerts()))) or 0)
