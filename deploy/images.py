"""`python -m deploy.images [web] [worker]`: builds the images without Docker, then starts what they start.

buildah executes the Dockerfile's steps in their order, in a root that mmdebstrap makes of Debian's packages, since no
image can be pulled everywhere. Then `deploy.started` runs the services of compose.yaml in the finished images. The
first broken step ends it. Needs root, and what PROGRAMS names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "images"
PROGRAMS = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "bwrap": "bubblewrap"}
SUITE = "trixie"  # as in the Dockerfile
BASE = f"localhost/leaderboard-base-{SUITE}"
INCLUDED = "python3,python3-venv,ca-certificates"
TARGETS = ("web", "worker")


def buildah(*words: str, quiet: bool = False) -> str:
    """Run buildah over a store of our own; gives what it printed if `quiet`. Ends everything if it fails."""
    store = ["--root", str(FOLDER / "store"), "--runroot", str(FOLDER / "run"), "--storage-driver", "vfs"]
    done = subprocess.run(
        ["buildah", *store, *words], cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE if quiet else None
    )
    if done.returncode:
        sys.exit(f"`buildah {words[0]}` failed with exit code {done.returncode}: see the step above.")
    return (done.stdout or "").strip()


def image(target: str) -> str:
    return f"localhost/leaderboard-{target}"


def make_base() -> None:
    """An image of Debian with its Python, in the place of python:3.11-slim. Kept until build/images is removed."""
    if BASE in buildah("images", "--format", "{{.Name}}", quiet=True):
        return
    archive = FOLDER / "base.tar"
    slim = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale")]
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={INCLUDED}", *slim, SUITE, str(archive)],
        check=True,
    )
    container = buildah("from", "scratch", quiet=True)
    buildah("add", "--quiet", container, str(archive), "/")
    buildah("commit", "--quiet", "--rm", container, BASE)
    archive.unlink()


def build(target: str) -> None:
    """Run the steps of one target, as the Dockerfile has them."""
    options = ["--isolation=chroot", "--pull-never", "--layers=false", "--format=docker"]
    # How this machine trusts what it downloads from.
    options += ["--volume=/etc/ssl/certs:/etc/ssl/certs:ro", f"--build-arg=BASE={BASE}"]
    buildah("bud", *options, f"--target={target}", f"--tag={image(target)}", ".")


def configuration(target: str) -> dict:
    """User, Env, Cmd, Healthcheck … of a built image."""
    answer = json.loads(buildah("inspect", "--type=image", image(target), quiet=True))
    return answer["Docker"]["config"]


def main(targets: list[str]) -> None:
    if unknown := set(targets) - set(TARGETS):
        sys.exit(f"There is no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}.")
    if missing := [package for name, package in PROGRAMS.items() if not shutil.which(name)]:
        sys.exit(f"{', '.join(missing)} not found: apt-get install --no-install-recommends {' '.join(missing)}")
    if os.geteuid():
        sys.exit("Only root can make a root file system: sudo make images")
    FOLDER.mkdir(parents=True, exist_ok=True)
    make_base()
    for target in targets:
        build(target)
    print(buildah("images", "--format", "{{.Name}} {{.Size}}", quiet=True))
    mounts = {}
    containers = []
    try:
        for target in targets:
            containers.append(buildah("from", "--pull-never", image(target), quiet=True))
            root = buildah("mount", containers[-1], quiet=True)
            mounts[target] = {"root": root, "configuration": configuration(target)}
        # A network of its own: ports are free, and nothing outside is reached.
        command = ["unshare", "--net", sys.executable, "-m", "deploy.started"]
        done = subprocess.run(command, cwd=ROOT, input=json.dumps(mounts), text=True, check=False)
    finally:
        for container in containers:
            buildah("rm", container, quiet=True)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main(sys.argv[1:] or list(TARGETS))
