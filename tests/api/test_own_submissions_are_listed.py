"""My submissions, as page and API: state in words, result, rank now, what waits for what; filters that stay."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from leaderboard import services
from leaderboard.models import Entry, Run, Submission
from measurement.vocabulary import Flag
from tests.api.builders import token
from tests.factories import WorkerFactory
from tests.pages.reading import text
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db
MINE = "/api/v1/submissions?mine=true"


def submit(title: str, hardware: Any, person: Any, **changes: Any) -> Submission:
    return services.submit(make_recipe(title, **changes), hardware=hardware, submitter=person)[0]


@pytest.fixture
def site(hardware: Any, alice: Any, bob: Any, administrator: Any) -> dict[str, Submission]:
    """One of Alice's in every state, among Bob's."""
    WorkerFactory(hardware=hardware)
    verify(make_recipe("Bob's best", epochs=99), hardware, bob, one_time_j=1.0)
    first = verify(make_recipe("Published", epochs=2), hardware, alice)[0].submission
    other = verify(make_recipe("Older version", epochs=3), hardware, alice)[0].submission
    newer = services.submit(
        make_recipe("Newer version", epochs=4), hardware=hardware, submitter=alice, version_of=other.pk
    )[0]
    verify(make_recipe("Newer version", epochs=4), hardware, alice, one_time_j=50.0)
    held = verify(make_recipe("Held", epochs=5), hardware, alice, flags=(Flag.THROTTLED,))[0].submission
    failed = submit("Failed", hardware, alice, epochs=6)
    services.fail(services.claim(failed.runs.get().pk, "worker"), "it diverged")
    gone = submit("Withdrawn", hardware, alice, epochs=7)
    services.withdraw(gone, by=alice)
    below = verify(make_recipe("Below", epochs=8), hardware, alice, quality=0.2)[0].submission
    running = submit("Running", hardware, alice, epochs=9)
    services.claim(running.runs.get().pk, "worker")
    submit("Bob waits", hardware, bob, epochs=10)
    queued = submit("Queued", hardware, alice, epochs=11)
    cancelled = submit("Cancelled", hardware, alice, epochs=12)
    services.request_cancel(cancelled.runs.get(), by=administrator, reason="a mistake")
    made = {"published": first, "older": other, "newer": newer, "held": held, "failed": failed, "withdrawn": gone}
    return made | {"below": below, "running": running, "queued": queued, "cancelled": cancelled}


def listed(client: Any, person: Any, query: str = "") -> dict[str, dict[str, Any]]:
    answer = client.get(f"{MINE}{query}", headers=token(person))
    assert answer.status_code == 200, answer.content
    return {line["method"]: line for line in answer.json()["results"]}


def test_each_says_its_state_result_rank_and_what_it_waits_for(client: Any, site: Any, alice: Any) -> None:
    lines = listed(client, alice)
    assert list(lines)[:3] == ["Cancelled", "Queued", "Running"]
    assert {name: line["state"] for name, line in lines.items()} == {
        "Published": "published",
        "Older version": "published",
        "Newer version": "published",
        "Held": "held",
        "Failed": "failed",
        "Withdrawn": "withdrawn",
        "Below": "published",
        "Running": "running",
        "Queued": "queued",
        "Cancelled": "cancelled",
    }
    best = lines["Newer version"]
    assert (best["rank"], best["ranked"], best["scenario"], best["scope"]) == (2, 3, "offline", "accelerator")
    assert best["one_time_energy_j"] == pytest.approx(50.0)
    assert (lines["Older version"]["rank"], lines["Older version"]["superseded_by"]) == (None, best["entry"])
    assert lines["Older version"]["words"] == "Superseded: a newer version has its place"
    assert (lines["Below"]["rank"], lines["Below"]["quality"]) == (None, 0.2)
    assert (lines["Queued"]["ahead"], lines["Queued"]["waits_for"]) == (1, "")
    assert lines["Queued"]["words"] == "Waiting: 1 run ahead in the queue"
    assert lines["Failed"]["words"] == "Failed: it diverged"
    assert lines["Withdrawn"]["words"].startswith("Withdrawn: on ")
    assert "can be undone until" in lines["Withdrawn"]["words"]
    assert "lowered its clocks" in lines["Held"]["words"]
    assert lines["Newer version"]["version_of"] == str(site["older"].pk)


def test_it_says_what_a_queued_one_is_missing(client: Any, site: Any, alice: Any, administrator: Any) -> None:
    services.pause(site["queued"].hardware, by=administrator, reason="repair")
    assert listed(client, alice)["Queued"]["waits_for"] == "this hardware is paused (repair)"
    assert "Waiting: this hardware is paused (repair)" in listed(client, alice)["Queued"]["words"]


def test_filters_narrow_it_and_stay_in_the_address(client: Any, site: Any, alice: Any) -> None:
    for state in ("queued", "running", "failed", "cancelled", "withdrawn", "held"):
        assert [line["state"] for line in listed(client, alice, f"&state={state}").values()] == [state]
    assert set(listed(client, alice, "&state=published")) == {"Published", "Older version", "Newer version", "Below"}
    assert set(listed(client, alice, "&search=version")) == {"Older version", "Newer version"}
    sha = site["failed"].recipe.sha256
    assert set(listed(client, alice, f"&search={sha[:12]}&track=digits")) == {"Failed"}
    assert listed(client, alice, "&track=cifar10") == {}
    assert len(listed(client, alice, f"&hardware={site['failed'].hardware.slug}")) == 10
    client.force_login(alice)
    page = client.get("/submissions/?state=failed&search=fail&nonsense=1")
    shown = page.content.decode()
    assert ('<option value="failed" selected>' in shown, 'value="fail"' in shown) == (True, True)
    assert ("Failed" in text(page), "Newer version" in text(page)) == (True, False)
    assert "“state” is" in text(client.get("/submissions/?state=praised"))
    assert "None of your submissions is like that" in text(client.get("/submissions/?state=failed&track=cifar10"))


def test_the_page_shows_only_one_s_own_and_is_in_the_navigation(client: Any, site: Any, alice: Any, bob: Any) -> None:
    assert client.get("/submissions/").url.startswith("/accounts/login/")
    assert "My submissions" not in text(client.get("/"))
    client.force_login(alice)
    page = text(client.get("/submissions/"))
    assert "Bob" not in page
    for words in ("Superseded", "Held for review", "1 run ahead in the queue", "of 3, offline, accelerator", "below"):
        assert words in page
    assert 'href="/submissions/"' in client.get("/").content.decode()
    client.force_login(bob)
    assert set(listed(client, bob)) == {"Bob's best", "Bob waits"}


def test_someone_who_has_none_is_led_to_submit(client: Any, bob: Any) -> None:
    client.force_login(bob)
    assert "You have submitted nothing yet" in text(client.get("/submissions/"))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "mine"),
        ("?mine=false", "mine"),
        ("?mine=true&state=praised", "state"),
        ("?mine=true&track=x", "track"),
        ("?mine=true&hardware=unknown", "hardware"),
        ("?mine=true&colour=red", "colour"),
        ("?mine=true&page=2", "page"),
        ("?mine=true&search=", "search"),
    ],
)
def test_a_bad_parameter_is_named(client: Any, hardware: Any, alice: Any, query: str, field: str) -> None:
    answer = client.get(f"/api/v1/submissions{query}", headers=token(alice))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_reading_is_not_counted_as_submitting(client: Any, site: Any, alice: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("leaderboard.forms.throttles.SubmissionThrottle.THROTTLE_RATES", {"submissions": "1/hour"})
    for _ in range(3):
        assert listed(client, alice)


def test_a_mean_of_which_one_result_was_taken_down(
    client: Any, hardware: Any, alice: Any, administrator: Any
) -> None:
    kept, _ = verify(make_recipe(seed=1), hardware, alice, one_time_j=100.0)
    taken, _ = verify(make_recipe(seed=2), hardware, alice, one_time_j=300.0)
    services.hold(taken, by=administrator, reason="its fan stood still")
    lines = client.get(MINE, headers=token(alice)).json()["results"]
    assert [(line["run"], line["state"]) for line in lines] == [(taken.pk, "held"), (kept.pk, "published")]
    assert {line["one_time_energy_j"] for line in lines} == {100.0}
    assert lines[0]["words"].endswith("Its entry shows the other results.")
    assert (lines[0]["rank"], lines[1]["rank"]) == (1, 1)


def many(number: int, hardware: Any, person: Any, model: Run) -> None:
    """So many more submissions of a person: queued, failed and published in turn."""
    recipe = model.recipe
    made = Submission.objects.bulk_create(
        Submission(submitter=person, recipe=recipe, hardware=hardware) for _ in range(number)
    )
    states = ("queued", "failed", "succeeded")
    Run.objects.bulk_create(
        Run(submission=one, recipe=recipe, hardware=hardware, state=states[at % 3], queued_at=timezone.now())
        for at, one in enumerate(made)
    )


@pytest.mark.parametrize("address", [MINE, "/submissions/", "/submissions/?state=failed"])
def test_as_many_queries_however_many_there_are(
    client: Any, hardware: Any, alice: Any, address: str, django_assert_num_queries: Any
) -> None:
    run, _ = verify(make_recipe(), hardware, alice)
    client.force_login(alice)
    many(3, hardware, alice, run)
    client.get(address)
    with django_assert_num_queries(12, exact=False) as few:
        client.get(address)
    many(200, hardware, alice, run)
    with django_assert_num_queries(len(few)):
        assert client.get(address).status_code == 200
    assert Entry.objects.count() == 4
