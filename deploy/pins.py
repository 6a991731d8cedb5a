"""`python -m deploy.pins [write|check|audit]`: what the images install, pinned with hashes in deploy/requirements/.

`write` adds and removes what pyproject.toml asks for and keeps every other version (`write --upgrade` takes new
ones); `check` says whether that would change anything; `audit` looks the pinned versions up in
PyPI's list of known faults.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy" / "requirements"
# The worker's is made after the web's and keeps to its versions: one site runs the same Django on every machine.
# In both what a setting asks for: an object store, a collector of traces.
_BY_SETTING = ["--extra", "s3", "--extra", "otel"]
EXTRAS = {
    "web": _BY_SETTING,
    "worker": [*_BY_SETTING, "--extra", "worker", "--constraint", str(FOLDER / "web.txt")],
}
# No address of an index gets into the files: each installation has its own.
COMPILE = ["pip", "compile", "pyproject.toml", "--quiet", "--no-config", "--universal", "--python-version", "3.11"]
COMPILE += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
BUILD = FOLDER / "build.in"  # what builds this project, pinned too
REMEDY = "Run `make pins` and commit deploy/requirements/."


def compile_pins(name: str, target: Path, *options: str) -> None:
    """Pin `name`'s requirements into `target`, whose versions are kept where they still fit."""
    done = subprocess.run(
        [_program("uv"), *COMPILE, str(BUILD), *EXTRAS[name], *options, "--output-file", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"deploy/requirements/{name}.txt can't be made: {done.stderr.strip()}")


def check() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in EXTRAS:
            committed, made = FOLDER / f"{name}.txt", Path(folder) / f"{name}.txt"
            shutil.copy(committed, made)
            compile_pins(name, made)
            if _versions(made) != _versions(committed):
                sys.exit(f"deploy/requirements/{name}.txt does not match pyproject.toml. {REMEDY}")
    print("The images' pins match pyproject.toml.")


def _versions(pins: Path) -> list[str]:
    """The lines without hashes: a project may publish more files of a version at any time."""
    lines = pins.read_text("utf-8").splitlines()
    return [line.rstrip(" \\") for line in lines if not line.lstrip().startswith("--hash")]


def audit() -> None:
    """Exit 1 on a known fault. Where PyPI's list can't be read, say so: that is no pass."""
    command = [_program("pip-audit"), "--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    command += ["--requirement", str(FOLDER / "worker.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(f"NOT AUDITED: pip-audit gave no answer: {(done.stderr.strip().splitlines() or ['nothing'])[-1]}")
        return
    print(verdict(found))
    if any(package.get("vulns") for package in found):
        sys.exit(1)


def verdict(found: list[dict]) -> str:
    """What pip-audit's answer about each package means, in a line each."""
    skipped = [package["name"] for package in found if "skip_reason" in package]
    lines = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in {', '.join(fault['fix_versions']) or '—'}"
        for package in found
        for fault in package.get("vulns", [])
    ]
    if len(skipped) == len(found):
        lines.append(f"NOT AUDITED: PyPI's list of known faults can't be read from here ({len(found)} packages).")
    elif skipped:
        lines.append(f"NOT AUDITED, not in PyPI's list: {', '.join(skipped)}.")
    return "\n".join(lines or [f"{len(found)} packages have no known fault."])


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def main(words: list[str]) -> None:
    match words:
        case ["write", *options]:
            for name in EXTRAS:
                compile_pins(name, FOLDER / f"{name}.txt", *options)
        case ["check"]:
            check()
        case ["audit"]:
            audit()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
