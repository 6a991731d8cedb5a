"""A submitter's own measurement: recomputed from its trace, reported, marked so, or refused."""

from __future__ import annotations

import html
import importlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from leaderboard import tasks
from leaderboard.database import clock
from leaderboard.models import LogLine, Measurement, PhaseEnergy, Submission
from leaderboard.presentation.entry.phases import phase_table
from leaderboard.services import measurements
from leaderboard.services.measurements import MOST_TRACE_BYTES
from measurement.command.windows import Windows
from measurement.command_record import CommandRecord
from measurement.dataroot import sha256_of
from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.record import Hardware
from measurement.vocabulary import Phase, Source
from tests.api import builders

pytestmark = [pytest.mark.django_db, pytest.mark.slow]  # it starts programs


class Package:
    """A CPU's energy counter of 50 W."""

    name, kind, range_mj = "cpu0", "cpu", None
    update_period_s, sample_period_s = 0.01, 0.05

    def __init__(self, clock: ManualClock, source: Source) -> None:
        self.clock, self.source = clock, source

    def read_mj(self) -> float:
        return self.clock.monotonic_s() * 50_000


def measured(folder: Any, *, source: Source = Source.RAPL, **changes: Any) -> tuple[bytes, bytes]:
    """Record and trace of a command that trained for 10 s and 5 s at 50 W."""
    clock = ManualClock()
    meter = EnergyMeter([Package(clock, source)], [], MeterOptions(clock=clock, sampling=False))
    windows = Windows(meter, Phase.TRAIN)
    with meter, windows:
        for seconds in (10, 5):
            assert windows.mark("begin", "train") == ""
            clock.sleep(seconds)
            assert windows.mark("end", "train") == ""
            clock.sleep(1)
    meter.write_trace(folder / "trace.parquet")
    now = datetime.now(UTC)
    record = CommandRecord(
        command=("python", "train.py"),
        hardware=Hardware(name="Their CPU", kind="cpu"),
        software={"python": "3.11"},
        started_at=now,
        ended_at=now,
        exit_code=0,
        idle_power_w=meter.idle_power_w,
        phases=tuple(windows.stretches),
        trace_sha256=sha256_of(folder / "trace.parquet"),
    )
    document = record.model_dump(mode="json") | changes
    return json.dumps(document).encode(), (folder / "trace.parquet").read_bytes()


def send(client: Any, headers: dict[str, str], record: bytes, trace: bytes) -> Any:
    files = {
        "record": SimpleUploadedFile("record.json", record),
        "trace": SimpleUploadedFile("trace.parquet", trace),
    }
    return client.post("/api/v1/measurements", files, headers=headers)


@pytest.fixture
def by_alice() -> dict[str, str]:
    builders.hardware()
    return builders.token(builders.user("alice"))


def recipe(evidence: str, energy_j: float, scope: str = "accelerator") -> dict[str, Any]:
    return {
        "schema_version": 1,
        "method": {"title": "Searched elsewhere", "family": "nas"},
        "track": "digits",
        "model": {"architecture": "test_resnet", "resolution": 16},
        "phases": [
            {
                "phase": "search",
                "technique": "declared",
                "energy_j": energy_j,
                "scope": scope,
                "evidence": evidence,
            },
            {"phase": "train", "technique": "supervised", "epochs": 1},
        ],
    }


def submit(client: Any, headers: dict[str, str], document: dict[str, Any]) -> Any:
    return client.post("/api/v1/submissions", json.dumps(document), content_type="application/json", headers=headers)


def test_it_is_recomputed_stored_once_and_public(client, by_alice, tmp_path):
    record, trace = measured(tmp_path)
    sent = send(client, by_alice, record, trace)
    assert sent.status_code == 201, sent.content
    answer = sent.json()
    (figure,) = answer["figures"]
    assert (figure["phase"], figure["scope"], figure["provenance"]) == ("train", "accelerator", "metered")
    assert figure["energy_j"] == pytest.approx(750.0, rel=1e-3)
    assert answer["measured_by"] == "alice"
    assert send(client, by_alice, record, trace).status_code == 200
    assert Measurement.objects.count() == 1
    address = f"/api/v1/measurements/{answer['sha256']}"
    assert client.get(address).json()["record"]["command"] == ["python", "train.py"]
    assert b"".join(client.get(f"{address}/trace").streaming_content) == trace


def test_a_figure_that_does_not_follow_from_its_trace_names_both_numbers(client, by_alice, tmp_path):
    record, trace = measured(tmp_path)
    document = json.loads(record)
    document["phases"][1]["energies"][0]["energy_j"] = 123.4
    sent = send(client, by_alice, json.dumps(document).encode(), trace)
    assert sent.status_code == 400
    (error,) = sent.json()["errors"]
    assert error["field"] == "record"
    assert "train, accelerator: the record says 123.4 J, the trace gives" in error["message"]
    assert not Measurement.objects.exists()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"record": b"{}"}, "recipe"),
        ({"record": b"no json"}, None),
        ({"trace": b"PAR1 no parquet PAR1"}, "trace"),
        ({"trace": b""}, "trace"),
        ({"trace": b"x" * (MOST_TRACE_BYTES + 1)}, "trace"),
    ],
)  # fmt: skip
def test_what_can_t_be_read_is_refused_by_field(client, by_alice, tmp_path, changed, field):
    sent = send(client, by_alice, **(dict(zip(("record", "trace"), measured(tmp_path), strict=True)) | changed))
    assert sent.status_code == 400
    assert field is None or field in [error["field"] for error in sent.json()["errors"]], sent.json()
    assert not Measurement.objects.exists()


def test_it_needs_a_person_and_both_files(client, by_alice, tmp_path):
    assert send(client, {}, *measured(tmp_path)).status_code == 401
    sent = client.post("/api/v1/measurements", {}, headers=by_alice)
    assert [error["field"] for error in sent.json()["errors"]] == ["record", "trace"]


def searching(folder: Any, **changes: Any) -> tuple[bytes, bytes]:
    record, trace = measured(folder, **changes)
    document = json.loads(record)
    for stretch in document["phases"]:
        stretch["phase"] = stretch["phase"] and "search"
    return json.dumps(document).encode(), trace


def test_a_recipe_reports_it_as_its_submitter_s(client, by_alice, tmp_path):
    answer = send(client, by_alice, *searching(tmp_path)).json()
    (figure,) = answer["figures"]
    wrong = submit(client, by_alice, recipe(answer["evidence"], 100.0))
    assert wrong.status_code == 400
    (error,) = wrong.json()["errors"]
    assert error["field"] == "phases.0.energy_j"
    assert "is 100 J, but the trace of its measurement gives 75" in error["message"]
    assert not Submission.objects.exists()
    taken = submit(client, by_alice, recipe(answer["evidence"], figure["energy_j"]))
    assert taken.status_code == 201, taken.content

    reported = PhaseEnergy(
        position=0, phase="search", technique="declared", scope="accelerator", provenance="reported",
        energy_j=figure["energy_j"], evidence=answer["evidence"],
    )  # fmt: skip
    assert phase_table([reported], None)[0]["by_submitter"] is True
    reported.evidence = "https://arxiv.org/abs/2108.13465"
    assert phase_table([reported], None)[0]["by_submitter"] is False


def test_only_one_s_own_metered_and_known_measurement_is_evidence(client, by_alice, tmp_path):
    answer = send(client, by_alice, *searching(tmp_path)).json()
    energy_j = answer["figures"][0]["energy_j"]
    by_bob = builders.token(builders.user("bob"))
    unknown = f"http://testserver/api/v1/measurements/{'0' * 64}"
    refusals = {
        "somebody else's": submit(client, by_bob, recipe(answer["evidence"], energy_j)),
        "which is not here": submit(client, by_alice, recipe(unknown, 1.0)),
        "in scope system": submit(client, by_alice, recipe(answer["evidence"], energy_j, "system")),
    }
    estimated = send(client, by_alice, *searching(tmp_path, source=Source.CPU_ESTIMATE)).json()
    refusals["was estimated there"] = submit(
        client, by_alice, recipe(estimated["evidence"], estimated["figures"][0]["energy_j"])
    )
    for words, answered in refusals.items():
        assert answered.status_code == 400, words
        (error,) = answered.json()["errors"]
        assert error["field"] == "phases.0.evidence"
        assert words in error["message"]


def test_while_others_are_read_one_more_holds_no_thread(client, by_alice, tmp_path):
    record, trace = measured(tmp_path)
    with measurements._children, measurements._children:
        answer = send(client, by_alice, record, trace)
        assert (answer.status_code, answer["Retry-After"]) == (429, "60"), answer.content
    assert send(client, by_alice, record, trace).status_code == 201


QUERIES = 3  # session, person, measurements


def by_form(client: Any, record: bytes, trace: bytes) -> Any:
    files = {
        "record": SimpleUploadedFile("record.json", record),
        "trace": SimpleUploadedFile("trace.parquet", trace),
    }
    return client.post("/measurements/", files)


def test_a_form_takes_it_and_gives_the_lines_for_a_recipe(client, by_alice, tmp_path, django_assert_num_queries):
    client.force_login(User.objects.get(username="alice"))
    record, trace = searching(tmp_path)
    assert by_form(client, record, trace).status_code == 302
    measurement = Measurement.objects.get()
    page = html.unescape(client.get("/measurements/").content.decode())
    (lines,) = re.findall(r"<code>(- phase: search.*?)</code>", page, re.DOTALL)
    (phase,) = yaml.safe_load(lines)
    assert phase["evidence"].endswith(f"/api/v1/measurements/{measurement.sha256}")
    with django_assert_num_queries(QUERIES):
        client.get("/measurements/")
    for changed in (b" ", b"\n"):
        assert by_form(client, record + changed, trace).status_code == 302  # other bytes, other measurements
    with django_assert_num_queries(QUERIES):
        client.get("/measurements/")

    document = recipe("", 0.0) | {"phases": [phase, recipe("", 0.0)["phases"][1]]}
    assert submit(client, by_alice, document).status_code == 201
    page = client.get("/measurements/").content.decode()
    assert "by 1 submission" in page
    assert page.count('name="delete"') == 2
    refused = client.post("/measurements/", {"delete": measurement.sha256}, follow=True).content.decode()
    assert "is the evidence of submission" in refused
    assert Measurement.objects.count() == 3

    client.force_login(builders.user("bob"))
    sent = by_form(client, record, trace)
    assert (sent.status_code, "sent by somebody else" in sent.content.decode()) == (400, True)


def test_a_form_says_by_field_what_is_wrong(client, by_alice, tmp_path):
    client.force_login(User.objects.get(username="alice"))
    record, trace = measured(tmp_path)
    document = json.loads(record)
    document["phases"][1]["energies"][0]["energy_j"] = 123.4
    other = json.dumps(document).encode()
    for sent, field, words in (
        (client.post("/measurements/", {}), "record", "Is required"),
        (by_form(client, b"{}", trace), "record", "recipe: is required."),
        (by_form(client, record, b"PAR1"), "trace", "is of another file"),
        (by_form(client, other, trace), "record", "the record says 123.4 J, the trace gives"),
    ):
        assert sent.status_code == 400
        assert words in " ".join(sent.context["form"].errors[field]), sent.context["form"].errors
    assert client.post("/measurements/", {"record": SimpleUploadedFile("r", bytes(21 * 2**20))}).status_code == 413
    assert not Measurement.objects.exists()


def stored(submitter: Any, letter: str, days: float) -> Measurement:
    made = Measurement(sha256=letter * 64, submitter=submitter, hardware="Their CPU", record={}, figures={
        "search": {"accelerator": {"energy_j": 750.0, "provenance": "metered"}},
    })  # fmt: skip
    made.trace.save(f"{letter}.parquet", ContentFile(b"PAR1"))
    Measurement.objects.filter(pk=made.pk).update(created_at=clock.now() - timedelta(days=days))
    return made


@pytest.mark.django_db(transaction=True)  # traces go when the deletion is certain
def test_only_what_no_submission_names_goes(client, by_alice, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    alice, bob = User.objects.get(username="alice"), builders.user("bob")
    named, unnamed, new = (stored(alice, letter, days) for letter, days in (("a", 99), ("b", 99), ("c", 1)))
    address = f"http://testserver/api/v1/measurements/{named.sha256}"
    assert submit(client, by_alice, recipe(address, 750.0)).status_code == 201
    tasks.remove_unused_uploads()
    assert set(Measurement.objects.all()) == {named, new}
    assert [unnamed.trace.storage.exists(each.trace.name) for each in (named, unnamed)] == [True, False]

    Submission.objects.update(withdrawn_at=clock.now() - timedelta(days=3))
    tasks.remove_unused_uploads()
    assert set(Measurement.objects.all()) == {named, new}  # it was named until lately
    Submission.objects.update(withdrawn_at=clock.now() - timedelta(days=31))
    tasks.remove_unused_uploads()
    assert list(Measurement.objects.all()) == [new]

    client.force_login(bob)
    assert new.sha256 not in client.get("/measurements/").content.decode()
    client.post("/measurements/", {"delete": new.sha256})
    assert Measurement.objects.count() == 1
    client.force_login(alice)
    client.post("/measurements/", {"delete": new.sha256})
    assert not Measurement.objects.exists()
    assert not new.trace.storage.exists(new.trace.name)
    acts = LogLine.objects.filter(object_type="measurement").order_by("pk").values_list("action", flat=True)
    assert list(acts) == ["remove_unused", "remove_unused", "delete"]


@pytest.mark.django_db
def test_the_migration_names_those_of_earlier_recipes(client, by_alice, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    made = stored(User.objects.get(username="alice"), "a", 1)
    address = f"http://testserver/api/v1/measurements/{made.sha256}"
    assert submit(client, by_alice, recipe(address, 750.0)).status_code == 201
    made.recipes.clear()
    migration = importlib.import_module("leaderboard.migrations.0053_named_measurements")
    migration.name_earlier(apps, None)
    assert made.recipes.get() == Submission.objects.get().recipe
