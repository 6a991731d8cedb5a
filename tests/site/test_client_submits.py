"""`python -m measurement submit` against a served site: once whatever the network does, and the token stays home."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from leaderboard import services
from leaderboard.models import ApiToken, RepeatedRequest, Run, Submission
from measurement.__main__ import main
from measurement.submission import site as client
from tests.api import builders
from tests.site.flaky import Flaky, flaky_before

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def flaky(live_server: Any) -> Iterator[Flaky]:
    with flaky_before(live_server.url) as found:
        yield found


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What happens in the client's pauses, one after the other; a pause takes no time."""
    acts: list[Any] = []

    def pause(_: float) -> None:
        (acts.pop(0) if acts else lambda: None)()

    monkeypatch.setattr(client, "pause", pause)
    return acts


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(builders.recipe_document()))
    return path


@pytest.fixture
def submit(
    flaky: Flaky, pauses: Any, recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command. Gives exit code, standard output and standard error."""
    builders.hardware()
    alice = builders.user("alice")
    monkeypatch.setenv("ENERGY_LEADERBOARD_TOKEN", services.create_token(alice, by=alice, name="CI"))

    def run(*words: str, site: str = "", path: Path = recipe) -> tuple[int, str, str]:
        code = main(["submit", str(path), "--site", site or flaky.address, *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def state(name: str, **fields: Any) -> Callable[[], Any]:
    return lambda: Run.objects.update(state=name, **fields)


def test_submitted(submit: Any, flaky: Flaky) -> None:
    code, out, err = submit()
    assert (code, err) == (0, "")
    assert out.startswith("submission: http://")
    assert out.endswith(f"/submissions/{Submission.objects.get().pk}/\n")
    _, _, headers = flaky.seen[0]
    assert RepeatedRequest.objects.get().key == headers["Idempotency-Key"].strip('"')
    code, out, _ = submit("--json", "--hardware", "test-cpu", "--mode", "full")
    assert (code, json.loads(out)["id"]) == (0, str(Submission.objects.get().pk))
    assert "(submitted before)" in submit()[1]


def test_sent_once_whatever_the_network_does(submit: Any, flaky: Flaky) -> None:
    flaky.plan += ["lose request", "lose answer", "503", "lose answer"]
    code, out, err = submit()
    assert (code, out.count("submission: ")) == (0, 1)
    assert "(submitted before)" not in out
    assert len(err.splitlines()) == 4
    assert all("trying again in" in line for line in err.splitlines())
    assert len({headers["Idempotency-Key"] for _, _, headers in flaky.seen}) == 1
    assert Run.objects.count() == Submission.objects.count() == 1


def test_gives_up_in_the_end(submit: Any, flaky: Flaky, settings: Any) -> None:
    flaky.plan += ["lose request"] * 3
    code, _, err = submit("--retry-s", "0")
    assert (code, "can't be reached" in err) == (1, True)
    assert submit("--retry-s", "0", site="http://127.0.0.1:1")[0] == 1
    flaky.plan[:] = ["html"]
    assert "no JSON" in submit()[2]
    settings.MAX_SUBMISSIONS_A_DAY = 0
    code, _, err = submit()
    assert code == 1
    assert "a day is the limit" in err
    assert "try again in" in err
    assert not Run.objects.exists()


def test_faults_of_the_site_are_a_line_each(submit: Any, recipe: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(yaml.safe_dump(builders.recipe_document(track="nowhere", colour="red")))
    code, out, err = submit("--hardware", "h100", path=bad)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["--hardware:", f"{bad}:", f"{bad}:"]
    assert {line.split(": ")[1] for line in lines[1:]} == {"track", "colour"}
    assert submit(path=tmp_path / "none.yaml")[0] == 2
    recipe.write_text("a" * 70_000)
    assert "at most 65,536" in submit()[2]


def test_a_token_that_is_none_is_named(submit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ApiToken.objects.all().delete()
    assert submit()[0::2] == (2, "ENERGY_LEADERBOARD_TOKEN: Invalid token.\n")
    file = tmp_path / "token"
    for text, why in (("", "has no token"), ("a b", "is no token"), ("nonsense\n", "Invalid token.")):
        file.write_text(text)
        code, _, err = submit("--token-file", str(file))
        assert (code, err.startswith("--token-file: ")) == (2, True)
        assert why in err
    monkeypatch.delenv("ENERGY_LEADERBOARD_TOKEN")
    assert "has no token" in submit()[2]
    assert "can't be read" in submit("--token-file", str(tmp_path / "none"))[2]


def test_the_token_goes_nowhere_else(submit: Any, flaky: Flaky, live_server: Any) -> None:
    with flaky_before(live_server.url) as elsewhere:
        flaky.plan += [f"redirect {elsewhere.address}/api/v1/submissions"]
        code, _, err = submit()
        assert (code, elsewhere.seen) == (2, [])
        assert "redirects to" in err
    flaky.plan += ["redirect /api/v1/submissions?mode=full", ""]
    assert submit()[0] == 0
    flaky.plan += ["redirect /"] * 5
    assert "without end" in submit()[2]
    requests = len(flaky.seen)
    for address in ("http://leaderboard.example", "http://10.0.0.1:8000", "http://localhost.example"):
        code, _, err = submit(site=address)
        assert (code, "could read the token" in err) == (2, True)
    for address in (
        "leaderboard.example",
        "ftp://x",
        "https://",
        "https://a:b@x",
        "http://[::1",
        "https://x:99999",
        "http://a..b",
    ):
        code, _, err = submit(site=address)
        assert (code, err.startswith("--site: ")) == (2, True), address
    assert len(flaky.seen) == requests


def test_waits_for_a_verified_result(submit: Any, flaky: Flaky, pauses: list[Any]) -> None:
    progress = {"steps": ["train", "inference"], "position": 0, "phase": "train", "fraction": 0.5, "power_w": 20.0}
    flaky.plan += ["", "", "lose answer"]
    pauses += [state("running", attempt=1, progress=progress), lambda: None, state("succeeded")]
    code, out, err = submit("--wait")
    assert code == 0
    assert out.startswith("submission: ")
    assert [line for line in err.splitlines() if "trying again" not in line] == [
        next(line for line in err.splitlines() if line.startswith("waits for a worker")),
        "train",
        "verified",
    ]
    # Whoever only reads shows no token.
    assert all("Authorization" not in headers for method, _, headers in flaky.seen if method == "GET")


@pytest.mark.parametrize(
    ("ends", "code", "said"),
    [
        (state("failed", reason="The training\x1b[31m diverged."), 6, "the run failed: The training [31m diverged."),
        (state("cancelled", reason="Cancelled by admin"), 6, "the run cancelled: Cancelled by admin"),
        (state("succeeded", held_for=["throttled"]), 5, "held for review (throttled)"),
        (lambda: Submission.objects.update(withdrawn_at="2026-01-01T00:00:00Z"), 6, "was withdrawn"),
    ],
)
def test_every_other_end_has_its_code(submit: Any, pauses: list[Any], ends: Any, code: int, said: str) -> None:
    pauses += [ends]
    found, _, err = submit("--wait")
    assert (found, said in err) == (code, True), err


def test_entries_of_a_verified_result_are_printed(submit: Any, flaky: Flaky, pauses: list[Any]) -> None:
    def publish() -> None:
        entry = builders.entry()
        run = Run.objects.get(submission__submitter__username="alice")
        entry.run = run
        entry.save()
        Run.objects.update(state="succeeded")

    pauses += [publish]
    code, out, _ = submit("--wait")
    assert (code, out.splitlines()[1]) == (0, f"verified: {flaky.address}/entries/{_entry()}/")
    code, out, _ = submit("--wait", "--json")
    assert (code, json.loads(out)["run"]["entries"]) == (0, [_entry()])


def _entry() -> int:
    return Run.objects.get(submission__submitter__username="alice").entries.get().pk


class Terminal(io.StringIO):
    """What rich takes for one."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar(submit: Any, pauses: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    progress = {
        "steps": ["train", "inference"],
        "position": 1,
        "phase": "inference",
        "fraction": 0.5,
        "detail": "50/100",
    }
    pauses += [state("running", attempt=1, progress=progress), state("succeeded")]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        assert submit("--wait")[0] == 0
    assert "━" in terminal.getvalue()
    assert "inference" in terminal.getvalue()
