"""An entry's page shows what its figures are made of, how sure they are, and how to check, cite and show them."""

import re
from datetime import timedelta
from html import unescape
from itertools import accumulate
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from django.urls import reverse
from django.utils.html import escape

from leaderboard.models import Entry, PhaseEnergy
from leaderboard.presentation.citation import bibtex
from measurement.recipe import parse_recipe
from tests.factories import (
    RECIPE,
    AttemptFactory,
    EntryFactory,
    PhaseEnergyFactory,
    RunFactory,
    make_board,
    make_verified_entry,
)
from tests.pages.reading import text

pytestmark = pytest.mark.django_db
# However large its group is and however often it ran; two more read the group where it has changed.
QUERIES = 12
ATTEMPT = timedelta(minutes=30)
SAMPLED = {"sampled": {"stages": [], "left_out_s": 390.0}}


def test_phases_provenance_flags_and_recipe(client):
    entry = make_verified_entry(make_board(2), own_energy_j=1234.0)
    page = text(client.get(entry.get_absolute_url()))
    assert "1.23 kJ ± 1.6 % estimated" in page
    assert "10.0 mJ per image" in page
    assert "a single training has no spread" in page
    assert "architecture: mobilenetv3_small_050" in page


def test_one_command_gets_the_recipe_and_runs_it(client):
    entry = EntryFactory()
    address = reverse("entry-recipe", args=[entry.pk])
    command = f"curl -fo recipe.yaml http://testserver{address} && python -m measurement run recipe.yaml --out DIR"
    assert command in text(client.get(entry.get_absolute_url()))
    answer = client.get(address)
    assert answer["Content-Type"].startswith("application/yaml")
    assert parse_recipe(yaml.safe_load(answer.content)).sha256 == parse_recipe(RECIPE).sha256


def test_record_and_trace_with_the_command_that_checks_them(client):
    entry = make_verified_entry(make_board(1))
    address = f"/api/v1/runs/{entry.run_id}/record"
    page = client.get(entry.get_absolute_url()).content.decode()
    assert f'href="{address}"' in page
    assert "recompute" not in page
    entry.run.attempts.update(trace="traces/some.parquet")
    page = text(client.get(entry.get_absolute_url()))
    assert f"curl -o record.json http://testserver{address}" in page
    assert f"curl -o trace.parquet http://testserver/api/v1/entries/{entry.pk}/trace" in page
    assert "python -m measurement recompute record.json" in page


def test_the_energy_of_an_attempt_without_a_result_is_shown(client):
    entry = make_verified_entry(make_board(1))
    assert "without a result" not in text(client.get(entry.get_absolute_url()))
    attempt = entry.run.attempts.get()
    energies = [
        {"scope": "accelerator", "provenance": "estimated", "energy_j": 12_345.0},
        {"scope": "system", "provenance": "missing", "energy_j": None},
    ]
    attempt.record = attempt.record | {
        "lost": [
            {"started_at": "2026-01-02T03:04:05Z", "time_s": 7200.4, "energies": energies},
            {"started_at": "2026-01-03T03:04:05Z", "time_s": 59.0, "energies": energies[1:]},
        ]
    }
    attempt.save()
    page = text(client.get(entry.get_absolute_url()))
    expected = (
        "An attempt of 2026-01-02 ended without a result; 2 h 0 min and 12.3 kJ (estimated) of its work could not be "
        "reused."
    )
    assert f"{expected} This is not charged to the model." in page
    assert (
        "An attempt of 2026-01-03 ended without a result; 59.0 s and an unknown amount of energy of its work" in page
    )


def test_the_quality_has_its_evidence(client):
    entry = make_verified_entry(make_board(1))
    page = client.get(entry.get_absolute_url()).content.decode()
    assert "evidence" not in page
    assert "submitter’s weights" not in page
    attempt = entry.run.attempts.get()
    evidence = 'https://example.org/log?a="b"&c'
    attempt.record["quality"] = {"evidence": evidence}
    attempt.save()
    Entry.objects.filter(pk=entry.pk).update(submitters_weights=True)
    page = client.get(entry.get_absolute_url()).content.decode()
    assert f'href="{escape(evidence)}" rel="nofollow noopener">evidence' in page
    assert "evaluated on the submitter’s weights (evidence)" in text(client.get(entry.get_absolute_url()))


def test_the_spending_of_attempts_that_the_record_lacks_is_shown(client):
    entry = make_verified_entry(make_board(1))
    measured = entry.run.attempts.get()
    entry.run.attempts.update(number=4)
    began = measured.started_at - timedelta(days=1)
    spent = {"spent_energy_j": 12_345.0, "spent_time_s": 90.0, "spent_provenance": "estimated"}
    for number, more in ((1, spent), (2, {}), (3, spent)):
        started_at = began + timedelta(hours=number)
        AttemptFactory(
            run=entry.run, number=number, outcome="lost", started_at=started_at, ended_at=started_at + ATTEMPT, **more
        )
    taken_up = {
        "started_at": (began + timedelta(hours=3, minutes=1)).isoformat().replace("+00:00", "Z"),
        "time_s": 30.0,
        "energies": [{"scope": "accelerator", "provenance": "estimated", "energy_j": 345.0}],
    }
    entry.run.attempts.filter(number=4).update(record=measured.record | {"lost": [taken_up]})

    page = text(client.get(entry.get_absolute_url()))
    assert (
        f"Attempt 1 of {began + timedelta(hours=1):%Y-%m-%d} ended without a result after spending at least 12.3 kJ "
        "(estimated, accelerator) in 1 min 30 s. This is not charged to the model." in page
    )
    assert [number for number in (1, 2, 3, 4) if f"Attempt {number} of" in page] == [1]
    assert "ended without a result; 30.0 s and 345 J (estimated) of its work could not be reused" in page
    assert "1: lost worker-0, spent at least 12.3 kJ estimated 2: lost worker-0, spent — 3: lost" in page
    assert "4: succeeded worker-0, spent" not in page


def test_runs_say_how_far_apart_they_are(client):
    entry = make_verified_entry(make_board(1), own_energy_j=1000.0)
    assert "Only one full run was measured so far" in text(client.get(entry.get_absolute_url()))
    again = RunFactory(submission=entry.run.submission, state="succeeded", attempt=2)
    # An attempt that was lost after it had measured stands beside the one that counts.
    for number, energy_j in ((1, 9000.0), (2, 1200.0)):
        attempt = AttemptFactory(run=again, number=number, record={"phases": []})
        PhaseEnergyFactory(attempt=attempt, energy_j=energy_j)
        PhaseEnergyFactory(attempt=attempt, energy_j=5.0, scope="system")
    lost = AttemptFactory(run=RunFactory(submission=entry.run.submission, state="succeeded", attempt=1))
    PhaseEnergyFactory(attempt=lost, energy_j=None, repeatability_u95_j=None, provenance="missing")
    sample = RunFactory(submission=entry.run.submission, state="succeeded", attempt=1, mode="sampled")
    PhaseEnergyFactory(attempt=AttemptFactory(run=sample, record={"phases": []}), energy_j=1500.0)
    page = text(client.get(entry.get_absolute_url()))
    assert "One-time energy: 1.00 kJ to 1.20 kJ over 2 full runs, standard deviation 13 % of the mean." in page
    assert "Energy per image:" not in page
    assert f"{sample.pk} compare with {entry.run_id} sampled succeeded" in page
    assert f"{entry.run_id} shown here full succeeded" in page


def test_power_marks_as_a_table(client):
    entry = make_verified_entry(make_board(1))
    phases = [
        {"phase": "inference", "scenario": "offline", "started_s": 150.0, "ended_s": 160.0, "duration_s": 10.0},
        {"phase": "train", "started_s": 100.0, "ended_s": 145.0, "duration_s": 40.0},
        {"phase": "search", "started_s": None, "ended_s": None},
        {"phase": "finetune", "started_s": 170.0, "ended_s": 180.0, "duration_s": 10.0, "detail": SAMPLED},
    ]
    for phase in phases:
        phase["energies"] = [{"scope": "accelerator", "energy_j": 800.0}, {"scope": "system", "energy_j": None}]
    entry.run.attempts.update(record={"phases": phases})
    page = text(client.get(entry.get_absolute_url()))
    assert "The run stored no power trace" in page
    table = page.rpartition("Mean power")[2].replace("\u00a0", " ")
    assert table.lstrip().startswith(
        "train 0.0 s 45.0 s 20.0 W inference, offline 50.0 s 10.0 s 80.0 W finetune 1 min 10 s 10.0 s 2.00 W"
    )


def test_a_sampled_phase_says_how_little_of_it_ran(client):
    entry = make_verified_entry(make_board(1))
    entry.run.attempts.update(
        record={"phases": [{"position": 0, "phase": "train", "energies": [], "detail": SAMPLED}]}
    )
    PhaseEnergy.objects.update(duration_s=10.0)
    page = text(client.get(entry.get_absolute_url()))
    assert page.count("10.0 s sampled of 6 min 40 s") == 1
    assert page.count("10.0 s") == 2
    assert "sampled of" not in text(client.get(make_verified_entry(entry.board).get_absolute_url()))


def test_flags_of_the_other_scenario_are_not_shown(client):
    entry = make_verified_entry(make_board(1, scenario="offline"))
    phases = {"attempt": entry.run.attempts.get(), "phase": "inference", "technique": "inference"}
    PhaseEnergyFactory(position=2, scenario="single_stream", flags=["input_starved", "throttled"], **phases)
    PhaseEnergyFactory(position=3, scenario="offline", flags=["throttled"], **phases)
    page = client.get(entry.get_absolute_url())
    assert [(flag["flag"], flag["phases"]) for flag in page.context["flags"]] == [
        ("no_repeats", "train"),
        ("throttled", "inference"),
    ]
    assert "waited for input" not in text(page)


def test_unknown_entry_is_a_404_with_search(client):
    page = client.get(reverse("entry", args=[999]))
    assert page.status_code == 404
    assert 'name="search"' in page.content.decode()


@pytest.mark.parametrize("asked", [{}, {"usage_intensity": "1000000000", "shared_by": "10"}])
def test_links_keep_usage_intensity_and_sharing(client, asked):
    entry, rival, *_ = make_board(3).entries.all()
    single_stream = make_board(0, scenario="single_stream")
    sibling = EntryFactory(recipe=entry.recipe, run=entry.run, board=single_stream)
    links = links_of(client.get(entry.get_absolute_url(), asked))
    assert {sibling.get_absolute_url(), rival.get_absolute_url(), "/compare/", "/"} <= {path for path, _ in links}
    links |= links_of(client.get(entry.get_absolute_url(), asked | {"against": "Method"}))
    assert any("against" in given for _, given in links)
    links |= links_of(client.get(reverse("compare"), asked | {"entry": [entry.pk, rival.pk]}))
    for path, given in links:
        carried = {name: value for name, value in parse_qsl(given) if name in ("usage_intensity", "shared_by")}
        assert carried == asked, path


def links_of(page):
    """(path, query) of the links in a page to entries, comparisons and the leaderboard, or to the page itself."""
    main = page.content.decode().partition("<main")[2].partition("</main>")[0]
    found = {urlsplit(unescape(address)) for address in re.findall(r'href="([^"]*)"', main)}
    return {
        (address.path, address.query)
        for address in found
        if re.fullmatch(r"(/entries/\d+/|/compare/|/)?", address.path) and (address.path or address.query)
    }


def test_constant_number_of_queries(client, django_assert_num_queries):
    board = make_board(3)
    entry = make_verified_entry(board)
    client.get(entry.get_absolute_url())
    with django_assert_num_queries(QUERIES):
        client.get(entry.get_absolute_url())
    for _ in range(10):
        make_verified_entry(board)
        AttemptFactory(run=RunFactory(submission=entry.run.submission), record={"phases": []})
    client.get(entry.get_absolute_url())
    with django_assert_num_queries(QUERIES):
        client.get(entry.get_absolute_url())


def test_history_leaves_the_records_of_other_attempts_in_the_database(client, django_assert_max_num_queries):
    entry = make_verified_entry(make_board(1))
    with django_assert_max_num_queries(QUERIES + 2) as queries:
        client.get(entry.get_absolute_url())
    whole = re.compile(r'(?<!\()"leaderboard_attempt"\."record"')  # not a value out of it
    with_record = [query["sql"] for query in queries if whole.search(query["sql"].partition("FROM")[0])]
    assert len(with_record) == 1


@pytest.mark.parametrize(
    "name", ["50% of {A_1} & $x^2 #~", "\\input{/etc/passwd}", 'a "quoted" one', "{{{", "}}}", "שלום", "x" * 300]
)
def test_bibtex_holds_whatever_a_method_is_called(name):
    entry = EntryFactory()
    entry.recipe.method.title, entry.recipe.method.authors = name, [name, "Ada, Countess"]
    cited, paper = bibtex(entry, "https://example.org/entries/7/").split("\n\n")
    assert "2108.13465" in paper
    assert "author = {Li, Bo and" in paper
    inner = cited.removeprefix("@misc{").removesuffix("}")
    depths = [0, *accumulate({"{": 1, "}": -1}.get(letter, 0) for letter in re.sub(r"\\[{}]", "", inner))]
    assert depths[-1] == 0
    assert min(depths) == 0  # nothing closes what it has not opened
    assert not re.search(r"(?<!\\)[$&#%_~^]", cited)
    assert set(re.findall(r"\\([a-z]+)", cited)) <= {"url", "textbackslash", "textasciitilde", "textasciicircum"}
    assert "author = {{Full-Cycle Energy Leaderboard}}," in cited  # of the measurement
    assert "; model by " in cited
    assert "Ada, Countess}," in cited


def test_badge_and_link_carry_the_readers_usage_intensity(client):
    entry = EntryFactory()
    assert "20 million images, without sharing:" in text(
        client.get(entry.get_absolute_url(), {"usage_intensity": "2e7", "shared_by": "10"})
    )
    page = text(client.get(entry.get_absolute_url(), {"usage_intensity": "2e7"}))
    assert "unshared" not in page
    badge = f"http://testserver/api/v1/entries/{entry.pk}/badge.svg?usage_intensity=20000000"
    assert f"[![Full-cycle energy]({badge})](http://testserver/entries/{entry.pk}/?usage_intensity=20000000)" in page
    assert "20 million images" in client.get(badge).content.decode().replace("\u00a0", " ")


def test_a_badge_of_greenness_is_chosen_on_the_page(client):
    entry = EntryFactory()
    plain = client.get(entry.get_absolute_url()).content.decode()
    assert "metric=greenness" not in plain
    page = client.get(entry.get_absolute_url(), {"order_by": "greenness", "accuracy_weight": "5"}).content.decode()
    badge = f"/api/v1/entries/{entry.pk}/badge.svg?usage_intensity=1000000&metric=greenness&accuracy_weight=5"
    assert f'src="{escape(badge)}"' in page
    assert f"[![Greenness](http://testserver{escape(badge)})]" in page
    assert "greenness, τ = 5" in client.get(badge).content.decode()
    assert 'name="accuracy_weight" value="5"' in page


def test_the_environment_is_in_words_and_has_nothing_of_gpus_on_a_cpu(client):
    entry = make_verified_entry(make_board(1))
    settings = {
        "power_model": {"cpu_model": "Some CPU", "cpu_power_per_busy_cpu_w": 4.0, "memory_power_w_per_gib": 0.37},
        "torch_threads": 1,
        "persistence_mode": False,
        "unanswered": ["a", "b"],
    }
    hardware = {"name": "Some CPU", "kind": "cpu", "uuid": None, "memory_bytes": 25276510208, "settings": settings}
    software = {"python": "3.11.7", "torch": "2.14.1", "nvidia-ml-py": "13.6", "cuda": "13.0"}
    entry.run.attempts.update(record={"hardware": hardware, "software": software})
    answer = client.get(entry.get_absolute_url())
    lines = {name: value.replace("\u00a0", " ") for name, value in answer.context["environment"]}
    assert lines == {
        "Hardware": "Some CPU",
        "Memory": "23.5 GiB",
        "Power model: CPU model": "Some CPU",
        "Power model: CPU power per busy CPU": "4 W",
        "Power model: memory power": "0.37 W/GiB",
        "Torch threads": "1",
        "Persistence mode": "no",
        "Unanswered": "a, b",
        "Python": "3.11.7",
        "torch": "2.14.1",
    }
    assert "{'" not in text(answer)
    entry.run.attempts.update(record={"hardware": hardware | {"kind": "cuda"}, "software": software})
    assert ("cuda", "13.0") in client.get(entry.get_absolute_url()).context["environment"]


def test_it_says_who_submitted_when_and_how_often_it_was_verified(client):
    entry = make_verified_entry(make_board(1))
    name, day = entry.run.submission.submitter.username, f"{entry.run.submission.created_at:%Y-%m-%d}"
    page = text(client.get(entry.get_absolute_url()))
    assert f"{name}, {day}" in page
    assert f"once, last on {day}" in page
    RunFactory(submission=entry.run.submission, state="succeeded", finished_at=entry.run.finished_at)
    RunFactory(submission=entry.run.submission, state="failed", finished_at=entry.run.finished_at)
    assert f"2 times, last on {day}" in text(client.get(entry.get_absolute_url()))
    entry.run.submission.submitter.delete()
    assert "no named account" in text(client.get(entry.get_absolute_url()))


def test_the_contents_lead_to_every_section(client):
    html = client.get(make_verified_entry(make_board(2)).get_absolute_url()).content.decode()
    contents = re.findall(r'href="#([\w-]+)"', html.partition('class="contents"')[2].partition("</nav>")[0])
    assert {"figures", "phases", "flags", "against", "runs", "check", "environment", "cite"} <= set(contents)
    titles = set(re.findall(r'<(?:h2|section)[^>]* id="([\w-]+)"', html))
    assert set(contents) <= titles
    assert titles - {"figures"} <= set(contents)


def test_how_the_network_is_run_stands_beside_the_hardware(client):
    plain, other = make_verified_entry(make_board(1)), make_verified_entry(make_board(1))
    document = other.recipe.document
    document["inference"] = document.get("inference", {}) | {"precision": "bfloat16", "compile": True}
    type(other.recipe).objects.filter(pk=other.recipe_id).update(document=document)
    assert "bf16 · compiled" in text(client.get(other.get_absolute_url()))
    assert "bf16" not in text(client.get(plain.get_absolute_url()))
    found = client.get(f"/api/v1/entries/{other.pk}").json()["run_as"]
    assert (found["precision"], found["compile"], found["runtime"]) == ("bfloat16", True, "torch")
    assert found["mark"] == "bf16 · compiled"
