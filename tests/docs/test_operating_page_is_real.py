"""docs/operating.md names services of Compose that exist; its lines that write secrets and `.env` run."""

import re
import shlex
import shutil
import subprocess

import yaml

from tests.docs.reading import DOCS, ROOT, blocks

LINES = [line for block in blocks(DOCS / "operating.md", "sh") for line in block.splitlines()]
COMPOSE = re.compile(r"docker compose (.*)")
FILE = re.compile(r"echo COMPOSE_FILE=(\S+) >> \.env")


def test_lines_of_compose_name_what_is_there():
    files = [match[1] for line in LINES if (match := FILE.match(line))]
    assert files == ["compose.web.yaml", "compose.worker.yaml"]
    services = {name for file in files for name in yaml.safe_load((ROOT / file).read_text("utf-8"))["services"]}
    found = [match[1] for line in LINES if (match := COMPOSE.match(line))]
    assert len(found) > 8
    for rest in found:
        words = [word for word in shlex.split(rest) if word != "-T"]
        assert words[0] in {"up", "exec", "logs", "stop"}, rest
        if words[0] == "exec":
            assert words[1] in services, rest
        if words[0] == "logs":
            assert words[-1] in services, rest
    workers = yaml.safe_load((ROOT / "compose.worker.yaml").read_text("utf-8"))["services"]
    assert "two-gpus" in workers["gpu1"]["profiles"]


def test_lines_that_write_settings_run(tmp_path):
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    for line in LINES:
        if line.startswith(("sh deploy/", "echo ")):
            subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    assert "SITE_HOST=leaderboard.example.org" in (tmp_path / ".env").read_text()
    assert (tmp_path / "secrets" / "for-workers" / "worker_token").exists()
