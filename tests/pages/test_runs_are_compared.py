"""Two runs of one work: each phase's difference in units of its uncertainty, other environments, both traces."""

import pytest
from django.core.files.base import ContentFile

from leaderboard.domain.run_difference import Measured, in_uncertainties, relative_difference
from tests.power_traces import trace
from tests.records import make_recipe
from tests.services.verifying import verify

FIRST, SECOND = Measured(100.0, 3.0), Measured(95.0, 4.0)


def test_a_difference_is_told_in_its_uncertainty():
    assert in_uncertainties(FIRST, SECOND) == pytest.approx(-1.0)
    assert in_uncertainties(SECOND, FIRST) == pytest.approx(1.0)
    assert relative_difference(FIRST, SECOND) == pytest.approx(-0.05)
    for unknown in (Measured(None, None), Measured(95.0, None), Measured(None, 4.0)):
        assert in_uncertainties(FIRST, unknown) is in_uncertainties(unknown, FIRST) is None
    assert in_uncertainties(Measured(1.0, 0.0), Measured(2.0, 0.0)) is None
    assert relative_difference(Measured(0.0, 1.0), FIRST) is relative_difference(FIRST, Measured(None, 1.0)) is None


@pytest.fixture
def runs(hardware, alice, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    found = [verify(make_recipe(seed=1), hardware, submitter=alice)[0]]
    found.append(verify(make_recipe(seed=2), hardware, submitter=alice, one_time_j=110.0, quality=0.96)[0])
    for run in found:
        run.attempts.get().trace.save("run.parquet", ContentFile(trace([0.0, 1.0, 5.0], [4.0, 6.0, 6.0]).read()))
    return found


def compared(client, *runs):
    return client.get("/runs/compare/", {"run": [getattr(run, "pk", run) for run in runs]})


@pytest.mark.django_db
def test_phases_environment_and_traces(client, runs, django_assert_max_num_queries):
    second = runs[1].attempts.get()
    second.record["software"]["torch"] = "2.1"
    second.save()
    with django_assert_max_num_queries(6):
        page = compared(client, *runs)
    lines = {(line["name"], line["scope"]): line for line in page.context["lines"]}
    train = lines["train", "accelerator"]
    assert (train["difference"], train["apart"], train["is_beyond"]) == (
        "+10.0\N{NO-BREAK SPACE}%",
        "+6.73",
        True,
    )
    inference = lines["inference, offline", "system"]
    assert (inference["difference"], inference["apart"], inference["is_beyond"]) == (
        "0.00\N{NO-BREAK SPACE}%",
        "0.00",
        False,
    )
    assert page.context["differing"] == [("torch", "2.0", "2.1")]
    text = page.content.decode()
    assert "on one device" in text
    assert f'data-source="/runs/{runs[0].pk}/power.json /runs/{runs[1].pk}/power.json"' in text
    power = client.get(f"/runs/{runs[1].pk}/power.json")
    assert (power.json()["power_w"], power.json()["phases"][0]["phase"]) == ([4.0, 6.0], "train")


@pytest.mark.django_db
def test_runs_on_two_devices_have_a_gain_each(client, runs):
    second = runs[1].attempts.get()
    second.worker = "another"
    second.save()
    page = compared(client, *runs)
    assert "different devices" in page.content.decode()
    assert {line["apart"] for line in page.context["lines"]} == {"—"}, "no absolute uncertainty was recorded"


@pytest.mark.django_db
def test_links_lead_here(client, runs, administrator):
    first, second = runs
    address = f"/runs/compare/?run={first.pk}&amp;run={second.pk}"
    assert address in client.get(second.submission.get_absolute_url()).content.decode()
    entry = second.entries.first() or first.entries.first()
    other = first if entry.run_id == second.pk else second
    listed = client.get(entry.get_absolute_url()).content.decode()
    assert f"/runs/compare/?run={entry.run_id}&amp;run={other.pk}" in listed
    client.force_login(administrator)
    chosen = {"action": "compare", "_selected_action": [first.pk, second.pk]}
    assert client.post("/admin/leaderboard/run/", chosen)["Location"] == address.replace("&amp;", "&")


@pytest.mark.django_db
def test_what_can_t_be_compared_is_told(client, runs, hardware, alice):
    other, _ = verify(make_recipe(epochs=2), hardware, submitter=alice)
    for given, status, words in (
        ((), 400, "two different runs"),
        ((runs[0],), 400, "two different runs"),
        ((runs[0], runs[0]), 400, "two different runs"),
        ((runs[0], 999), 404, "no run 999"),
        (("x", "9" * 40), 404, "no run"),
        ((runs[0], other), 400, "different works"),
    ):
        page = compared(client, *given)
        assert (page.status_code, words in page.content.decode()) == (status, True), given
    assert client.get("/runs/999/power.json").status_code == 404
