"""What verification has cost: every attempt counts once, estimated apart from metered, lost ones as lower bounds."""

import importlib
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps

from leaderboard import queries, services
from leaderboard.domain.energy import Provenance
from leaderboard.domain.spending import spent_in
from leaderboard.models import Attempt
from leaderboard.services.spent import count_spent
from measurement.vocabulary import Source
from tests.pages.reading import text
from tests.records import make_recipe, make_record
from tests.services.verifying import verify


def part(energy_j, provenance="metered", **more):
    energies = [
        {"scope": "accelerator", "energy_j": energy_j, "provenance": provenance},
        {"scope": "system", "energy_j": 1e9, "provenance": "metered"},
    ]
    return {"energies": energies, "started_s": 0.0, "duration_s": 10.0, "time_s": 10.0, **more}


SAMPLED = {"detail": {"sampled": {"left_out_s": 90.0}}}


@pytest.mark.parametrize(
    ("phases", "lost", "before_j", "energy_j", "provenance"),
    [
        ([part(5.0), part(7.0, "estimated")], [], 0.0, 12.0, "estimated"),
        ([part(5.0), part(500.0, "extrapolated", **SAMPLED)], [], 0.0, 55.0, "extrapolated"),
        ([part(5.0), part(8.0, "reported", started_s=None)], [], 0.0, 5.0, "metered"),
        ([part(5.0), part(None, "missing")], [], 0.0, 5.0, "metered"),
        ([part(None, "missing")], [], 0.0, None, "missing"),
        ([part(5.0)], [part(3.0)], 0.0, 8.0, "metered"),
        ([part(5.0)], [part(3.0)], 6.5, 1.5, "metered"),
        ([part(5.0)], [part(3.0)], 9.0, 0.0, "metered"),
    ],
)
def test_a_record_says_what_its_attempt_spent(phases, lost, before_j, energy_j, provenance):
    spent = spent_in({"phases": phases, "lost": lost}, counted_before_j=before_j)
    assert spent.energy_j == (None if energy_j is None else pytest.approx(energy_j))
    assert spent.provenance == Provenance(provenance)


@pytest.fixture
def spent(hardware, alice, bob):
    """Alice's metered result, and Bob's estimated one after a lost attempt and another that said nothing."""
    verify(make_recipe(), hardware, submitter=alice, source=Source.NVML_COUNTER)
    submission, _ = services.submit(make_recipe(epochs=2), hardware=hardware, submitter=bob)
    run = submission.runs.get()
    for spending in ({"spent": {"energy_j": 40.0, "time_s": 4.0, "provenance": "estimated"}}, {}):
        claim = services.claim(run.pk, "worker")
        services.report_progress(claim, spending)
        services.lose(claim, "its power failed")
    record = make_record(make_recipe(epochs=2))
    services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
    return run


@pytest.mark.django_db
def test_each_attempt_counts_once_by_month_hardware_and_user(client, spent, administrator, alice):
    # Train, evaluation and two windows of 1,000 images at 10 mJ.
    whole_j = 100.0 + 1.0 + 2 * 10.0
    rows = {row["value"]: row for row in queries.spending("user")}
    assert (rows["alice"]["metered_j"], rows["alice"]["estimated_j"], rows["alice"]["lost_j"]) == (
        whole_j,
        None,
        None,
    )
    bob = rows["bob"]
    assert (bob["attempts"], bob["metered_j"], bob["unknown"]) == (3, None, 1)
    assert (bob["estimated_j"], bob["lost_j"]) == (pytest.approx(whole_j + 40.0), 40.0)
    [hardware] = queries.spending("hardware")
    assert (hardware["metered_j"], hardware["estimated_j"]) == (whole_j, pytest.approx(whole_j + 40.0))
    added_up = {by: list(queries.spending(by)) for by in queries.SPENT_BY}
    count_spent()
    assert {by: list(queries.spending(by)) for by in queries.SPENT_BY} == added_up, "as each ended, or all at once"
    Attempt.objects.filter(number=2).update(started_at=datetime(2025, 2, 3, tzinfo=UTC))
    count_spent()
    assert [f"{row['value']:%Y-%m}" for row in queries.spending("month")][-1] == "2025-02"

    client.force_login(administrator)
    answer = client.get("/api/v1/spending?by=user").json()
    assert {row["value"]: row["lost_j"] for row in answer["results"]} == {"alice": None, "bob": 40.0}
    assert client.get("/api/v1/spending").json()["results"][-1]["value"] == "2025-02"
    for wrong in ("by=week", "by=", "for=me"):
        refused = client.get(f"/api/v1/spending?{wrong}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, wrong.partition("=")[0])
    page = text(client.get("/spending/"))
    assert "By hardware" in page
    assert "≥ 11.1 mWh" in page.replace("\N{NO-BREAK SPACE}", " ")
    client.force_login(alice)
    assert client.get("/spending/").status_code == 403


@pytest.mark.django_db
def test_an_attempt_that_resumes_another_does_not_count_its_work_again(hardware, alice):
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    run = submission.runs.get()
    claim = services.claim(run.pk, "worker")
    services.report_progress(claim, {"spent": {"energy_j": 90.0, "time_s": 4.0, "provenance": "estimated"}})
    services.lose(claim, "its power failed")
    record = make_record(make_recipe())
    lost = {
        "started_at": run.attempts.get().started_at + timedelta(microseconds=1),
        "time_s": 1.0,
        "energies": record.phases[0].energies,
    }
    resumed = record.model_validate(record.model_dump() | {"lost": [lost]})
    services.record(services.claim(run.pk, "worker"), resumed.model_dump_json().encode())
    [row] = queries.spending("user")
    assert row["estimated_j"] == pytest.approx(121.0 + 100.0)


@pytest.mark.django_db
def test_earlier_results_get_theirs(spent):
    before = list(Attempt.objects.order_by("pk").values("spent_energy_j", "spent_time_s", "spent_provenance"))
    Attempt.objects.filter(outcome="succeeded").update(spent_energy_j=None, spent_time_s=None)
    (name,) = (path for path in _migrations() if path.endswith("_what_results_spent"))
    importlib.import_module(f"leaderboard.migrations.{name}").fill_in(apps, None)
    after = list(Attempt.objects.order_by("pk").values("spent_energy_j", "spent_time_s", "spent_provenance"))
    assert after == before


def _migrations():
    from pathlib import Path

    import leaderboard.migrations

    return [path.stem for path in Path(leaderboard.migrations.__file__).parent.glob("0*.py")]
