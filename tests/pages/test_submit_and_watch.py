"""A recipe goes in by the form with every fault named, its verification is watched, its owner takes it back."""

import re

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import ApiToken, Recipe, Run, Submission
from leaderboard.presentation.draft import example
from measurement.recipe import read_recipe
from tests.factories import EntryFactory, HardwareFactory, RunFactory, SubmissionFactory, WorkerFactory
from tests.pages.reading import text

pytestmark = pytest.mark.django_db
EXAMPLE = example().text


@pytest.fixture(autouse=True)
def _fresh_throttle():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def machine():
    return HardwareFactory()


def post(client, machine, document=EXAMPLE, **more):
    return client.post(reverse("submit"), {"document": document, "hardware": machine.pk, **more})


def test_the_example_is_a_valid_recipe():
    assert read_recipe(EXAMPLE).track == "digits"


def test_charlie_is_sent_to_sign_in(client, machine):
    assert client.get(reverse("submit")).url.startswith("/accounts/login/")
    assert post(client, machine).url.startswith("/accounts/login/")
    assert not Submission.objects.exists()


def test_alice_submits_and_is_shown_its_verification(client, alice, machine):
    client.force_login(alice)
    answer = post(client, machine)
    submission = Submission.objects.get()
    assert answer.url == submission.get_absolute_url()
    assert submission.submitter == alice
    assert submission.runs.get().state == "queued"


def test_the_same_recipe_again_leads_to_the_same_verification(client, alice, machine):
    client.force_login(alice)
    assert post(client, machine).url == post(client, machine).url
    assert Run.objects.count() == 1


def test_every_fault_is_named_and_nothing_typed_is_lost(client, alice, machine):
    client.force_login(alice)
    typed = EXAMPLE.replace("epochs: 2", "epochs: -2").replace("track: digits", "track: digitz\ncolour: blue")
    page = post(client, machine, typed)
    assert page.status_code == 200
    for field in ("phases.0.epochs", "track", "colour"):
        assert f"<code>{field}</code>" in page.content.decode()
    assert "epochs: -2" in page.content.decode()
    assert not Recipe.objects.exists()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "empty"),
        ("a: &a [1]\nb: *a", "aliases"),
        ("- 1", "mapping"),
        ("title: [", "not valid YAML"),
        ("a: " + "b" * 70_000, "at most"),
    ],
)
def test_what_is_no_recipe_is_refused_in_words(client, alice, machine, document, words):
    client.force_login(alice)
    page = post(client, machine, document)
    assert page.status_code == 200
    assert words in text(page)
    assert not Recipe.objects.exists()


def test_a_file_wins_over_the_text_and_comes_back_for_correction(client, alice, machine):
    client.force_login(alice)
    good = SimpleUploadedFile(
        "recipe.yaml", EXAMPLE.replace("title: StarNet-S050", "title: StarNet from a file").encode()
    )
    post(client, machine, "track: nonsense", upload=good)
    assert "from a file" in Recipe.objects.get().method.title

    bad = SimpleUploadedFile("recipe.yaml", b"track: from-a-file")
    assert "track: from-a-file" in post(client, machine, upload=bad).content.decode()


def test_a_file_that_is_too_large_is_refused_with_its_size(client, alice, machine):
    client.force_login(alice)
    large = SimpleUploadedFile("weights.yaml", b"x" * 200_000)
    assert "200,000 bytes" in text(post(client, machine, upload=large))


def test_ten_megabytes_are_refused_with_the_reason(client, alice, machine):
    client.force_login(alice)
    page = post(client, machine, "x" * 10_000_000)
    assert page.status_code == 413
    assert "at most 64 KiB" in text(page)


def test_form_and_api_count_one_persons_submissions_together(client, alice, machine, monkeypatch):
    monkeypatch.setattr(SubmissionThrottle, "THROTTLE_RATES", {"submissions": "2/hour"})
    client.force_login(alice)
    post(client, machine)
    by_program = {"Authorization": f"Token {ApiToken.objects.create(alice)[1]}"}
    document = read_recipe(EXAMPLE).document()
    again = client.post("/api/v1/submissions", document, "application/json", headers=by_program)
    assert again.status_code == 200
    typed = EXAMPLE.replace("title: StarNet-S050", "title: One too many")
    page = post(client, machine, typed)
    assert page.status_code == 429
    assert "the limit is 2 submissions an hour; try again in 60 minutes" in text(page)
    assert "One too many" in page.content.decode()
    assert Run.objects.count() == 1
    assert post(client, machine, "track: nonsense").status_code == 200


def test_form_opens_where_the_examples_are_not_installed(client, alice, monkeypatch, tmp_path):
    monkeypatch.setattr("leaderboard.presentation.draft.EXAMPLE", tmp_path / "none.yaml")
    client.force_login(alice)
    assert "Its schema is at /api/v1/recipe-schema" in text(client.get(reverse("submit")))


def test_unknown_hardware_is_refused(client, alice, machine):
    client.force_login(alice)
    page = client.post(reverse("submit"), {"document": EXAMPLE, "hardware": "12345"})
    assert page.status_code == 200
    assert not Submission.objects.exists()


def test_hardware_with_a_live_worker_is_marked(client, alice):
    client.force_login(alice)
    WorkerFactory(hardware__slug="busy-gpu")
    HardwareFactory(slug="idle-gpu")
    page = text(client.get(reverse("submit")))
    assert "Busy Gpu (worker ready)" in page
    assert "Idle Gpu (no live worker: the run will wait)" in page


def test_status_shows_steps_and_stops_polling_when_the_run_has_ended(client):
    run = RunFactory(
        state="running",
        attempt=2,
        progress={
            "steps": ["train", "evaluate"],
            "position": 1,
            "phase": "evaluate",
            "fraction": 0.42,
            "power_w": 21.3,
            "energy_j": 5.0,
            "ended": [{"position": 0, "energy_j": 99.0, "duration_s": 12.5}],
        },
    )
    address = reverse("submission-status", args=[run.submission_id])
    live = client.get(address)
    assert live.status_code == 200
    assert "99.0 J in 12.5 s" in text(live)
    assert 'value="0.42"' in live.content.decode()

    run.state, run.reason = "failed", "The verification ran out of memory."
    run.save()
    ended = client.get(address)
    assert ended.status_code == 286
    assert "ran out of memory" in text(ended)
    assert "hx-get" not in client.get(run.submission.get_absolute_url()).content.decode()


def test_a_skipped_step_is_not_shown_as_done(client):
    ended = [
        {"position": 0, "energy_j": 99.0, "duration_s": 12.5},
        {"position": 2, "energy_j": 3.0, "duration_s": 5.0},
    ]
    run = RunFactory(
        state="succeeded", progress={"steps": ["train", "evaluate", "inference"], "position": 2, "ended": ended}
    )
    page = client.get(reverse("submission-status", args=[run.submission_id]))
    assert "evaluate skipped" in " ".join(text(page).split())


SPENT = {"time_s": 61.0, "energy_j": 5104.0, "provenance": "estimated"}
TOLD = {
    "steps": ["train", "evaluate", "inference offline"],
    "position": 0,
    "phase": "train",
    "fraction": 0.8,
    "energy_j": 5000.0,
    "power_w": 20.0,
    "ended": [],
    "spent": SPENT,
}
LATER = TOLD | {"position": 2, "phase": "inference", "scenario": "offline", "fraction": 0.25, "energy_j": 7.0}
LATER["ended"] = [{"position": 0, "energy_j": 99.0, "duration_s": 12.5}]


def steps_told(client, **run):
    run = RunFactory(**run)
    page = client.get(reverse("submission-status", args=[run.submission_id]))
    lines = re.findall("<li class=.*?</li>", page.content.decode(), re.DOTALL)
    return [" ".join(text(HttpResponse(line)).split()) for line in lines], text(page)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_run_without_a_result_shows_where_it_ended_and_what_it_spent(client, state):
    steps, page = steps_told(client, state=state, attempt=1, progress=TOLD)
    assert steps == ["train stopped at 80 %, 5.00 kJ", "evaluate not started", "inference offline not started"]
    assert "Spent at least 5.10 kJ estimated in 1 min 1 s." in page
    assert "waiting" not in page


def test_a_run_that_ended_later_shows_the_steps_before(client):
    steps, page = steps_told(client, state="failed", attempt=2, progress=LATER)
    assert steps == ["train 99.0 J in 12.5 s", "evaluate skipped", "inference offline stopped at 25 %, 7.00 J"]
    assert "The last attempt spent at least 5.10 kJ" in page


def test_spending_is_shown_only_if_it_was_reported(client):
    silent = TOLD | {"energy_j": None, "spent": SPENT | {"energy_j": None, "provenance": "missing"}}
    steps, page = steps_told(client, state="failed", attempt=1, progress=silent)
    assert steps[0] == "train stopped at 80 %"
    assert "spent" not in page.lower()
    for state in ("running", "succeeded"):
        assert "spent" not in steps_told(client, state=state, attempt=1, progress=TOLD)[1].lower()


def test_joules_of_a_sample_are_not_shown_as_the_phase_s(client):
    steps, page = steps_told(client, state="running", mode="sampled", attempt=1, progress=TOLD)
    assert steps[0] == "train 20.0 W, 5.00 kJ for the sampled part"
    steps, page = steps_told(client, state="running", mode="sampled", attempt=1, progress=LATER)
    assert steps == [
        "train 99.0 J in 12.5 s for the sampled part",
        "evaluate skipped",
        "inference offline 20.0 W, 7.00 J",
    ]
    assert "These joules are for the sampled part" in page
    assert "sample" not in steps_told(client, state="running", attempt=1, progress=LATER)[1]


def test_published_submission_links_to_its_entries(client):
    entry = EntryFactory()
    page = client.get(entry.run.submission.get_absolute_url())
    assert entry.get_absolute_url() in page.content.decode()


def test_a_result_stays_in_view_while_a_newer_run_waits(client):
    entry = EntryFactory()
    Run.objects.filter(pk=entry.run_id).update(mode="sampled")
    address = entry.run.submission.get_absolute_url()
    assert "Succeeded sampled run" in text(client.get(address))
    RunFactory(submission=entry.run.submission)
    page = client.get(address)
    assert "Queued" in text(page)
    assert "sampled run" not in text(page)
    assert entry.get_absolute_url() in page.content.decode()


def test_a_held_result_says_why_it_waits(client):
    run = RunFactory(state="succeeded", held_for=["reported_energy_too_low", "throttled"])
    page = text(client.get(run.submission.get_absolute_url()))
    assert (
        "Held for review: an administrator checks the result before it is published. The reported energy of a search"
        in page
    )
    assert "The device lowered its clocks" in page


def test_queued_run_shows_its_place(client):
    machine = HardwareFactory()
    WorkerFactory(hardware=machine)
    first, second = RunFactory(submission__hardware=machine), RunFactory(submission__hardware=machine)
    assert "next in line" in text(client.get(first.submission.get_absolute_url()))
    assert "1 run ahead in the queue" in text(client.get(second.submission.get_absolute_url()))


def test_only_its_owner_withdraws(client, alice, bob):
    submission = SubmissionFactory(submitter=alice)
    RunFactory(submission=submission)
    address = reverse("submission-withdraw", args=[submission.pk])

    assert client.post(address).url.startswith("/accounts/login/")
    client.force_login(bob)
    assert (client.get(address).status_code, client.post(address).status_code) == (403, 403)
    assert "Withdraw this submission" not in text(client.get(submission.get_absolute_url()))
    submission.refresh_from_db()
    assert submission.withdrawn_at is None

    client.force_login(alice)
    assert "It has nothing on the board. Run" in text(client.get(address))
    assert "Withdraw this submission" in text(client.get(submission.get_absolute_url()))
    client.post(address)
    submission.refresh_from_db()
    assert submission.withdrawn_at is not None


def test_queue_shows_runs_workers_and_reasons(client, django_assert_num_queries):
    RunFactory(state="running", progress={"phase": "train"})
    RunFactory(state="failed", reason="The child was stopped.", finished_at=timezone.now())
    scopes = {"accelerator": {"provenance": "metered"}, "system": {"provenance": "estimated"}}
    WorkerFactory(name="desk-1", diagnosis={"devices": [{"device": "cpu", "scopes": scopes}]})
    page = text(client.get(reverse("queue")))
    for words in ("running train", "The child was stopped.", "desk-1", "metered accelerator estimated system"):
        assert words in page
    with django_assert_num_queries(8):
        client.get(reverse("queue"))
    RunFactory.create_batch(10)
    with django_assert_num_queries(8):
        client.get(reverse("queue"))


def test_a_long_queue_comes_in_pages(client, monkeypatch):
    monkeypatch.setattr("leaderboard.views.queue.RUNS_PER_PAGE", 2)
    titles = ["First", "Second", "Third"]
    for title in titles:
        RunFactory(submission__recipe__method__title=title)
    seen = [text(client.get(reverse("queue"), {"page": page})) for page in (1, 2, "x")]
    assert [[title for title in titles if title in page] for page in seen] == [titles[:2], titles[2:], titles[:2]]
    assert "1–2 of 3" in seen[0]


def test_one_time_energy_of_a_result_that_misses_a_search_is_a_lower_bound(client):
    entry = EntryFactory(complete=False, provenance="missing", shared_energy_j=500.0, own_energy_j=1000.0)
    page = text(client.get(entry.run.submission.get_absolute_url()))
    assert "≥ 1.50 kJ one-time" in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"upload": ("empty.yaml", b"")}, "upload is an empty file"),
        ({"version_of": "nonsense"}, "version_of is no submission"),
        ({"mode": "halved"}, "mode is halved, but must be full or sampled"),
    ],
)
def test_what_is_wrong_beside_the_recipe_is_said_too(client, alice, machine, given, said):
    client.force_login(alice)
    for action in ("", "check"):
        sent = {name: SimpleUploadedFile(*value) if name == "upload" else value for name, value in given.items()}
        page = post(client, machine, action=action, **sent)
        assert (page.status_code, said in text(page)) == (200, True), action
    assert not Submission.objects.exists()


def test_a_version_of_another_s_submission_is_left_out_or_unmarked(client, alice, bob, machine):
    other = SubmissionFactory(submitter=bob)
    client.force_login(alice)
    page = client.get(f"{reverse('submit')}?version_of={other.pk}")
    assert "is no submission of yours" in text(page)
    assert 'name="version_of"' not in page.content.decode()
    refused = post(client, machine, version_of=other.pk)
    assert "which is no submission of yours" in text(refused)
    assert f'type="checkbox" name="version_of" value="{other.pk}" checked' in refused.content.decode()
    assert post(client, machine).status_code == 302


def test_a_check_without_any_worker_asks_for_no_choice_that_there_is_not(client, alice):
    client.force_login(alice)
    said = text(client.post(reverse("submit-check"), {"document": EXAMPLE}))
    assert "The recipe is valid. No worker has registered with this site yet" in said
    assert "Choose the hardware" not in said
    machine = HardwareFactory()
    assert "Choose the hardware" in text(client.post(reverse("submit-check"), {"document": EXAMPLE}))
    assert "The recipe is valid" in text(
        client.post(reverse("submit-check"), {"document": EXAMPLE, "hardware": machine.pk})
    )
