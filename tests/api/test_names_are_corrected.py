"""Title, family, paper, authors and summary of one's own work are corrected by page and API, and on record."""

from __future__ import annotations

from typing import Any

import pytest

from leaderboard import queries, services
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Board, Entry, LogLine, Method, Submission
from tests.api.builders import token
from tests.pages.reading import text
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def submission(hardware: Any, alice: Any) -> Submission:
    return verify(make_recipe("Mispelt"), hardware, alice)[0].submission


def patch(client: Any, submission: Submission, person: Any, **body: Any) -> Any:
    address = f"/api/v1/submissions/{submission.pk}/names"
    return client.patch(address, body, content_type="application/json", headers=token(person))


def test_what_it_was_and_became_is_in_the_log_and_on_the_page(client: Any, submission: Any, alice: Any) -> None:
    revisions = set(Board.objects.values_list("revision", flat=True))
    given = {"title": "Misspelt", "authors": ["Alice A."], "paper": "https://arxiv.org/abs/2108.13465"}
    answer = patch(client, submission, alice, **given, family="efficient_training", reason="a typo")
    assert answer.status_code == 200, answer.content
    assert answer.json()["changed"] == ["title", "family", "paper", "authors"]
    assert (answer.json()["title"], answer.json()["summary"]) == ("Misspelt", "")
    line = LogLine.objects.get(action="correct")
    assert (line.actor, line.reason, line.object_type) == ("alice", "a typo", "method")
    assert line.details["changes"]["title"] == ["Mispelt", "Misspelt"]
    assert line.details["changes"]["paper"] == [None, "https://arxiv.org/abs/2108.13465"]
    entry = Entry.objects.first()
    page = text(client.get(entry.get_absolute_url()))
    assert "by its submitter; before: title “Mispelt”, family “Compact architecture”, paper empty" in page
    assert "Why: a typo" in page
    assert "before: title “Mispelt”" in text(client.get(submission.get_absolute_url()))
    (shown,) = client.get(f"/api/v1/entries/{entry.pk}").json()["corrections"]
    assert (shown["by"], shown["changes"]["authors"]) == ("submitter", [[], ["Alice A."]])
    assert min(Board.objects.values_list("revision", flat=True)) > max(revisions)
    assert "title: Misspelt" in client.get(f"/entries/{entry.pk}/recipe.yaml").content.decode()
    assert patch(client, submission, alice, paper=None).json()["paper"] is None
    assert patch(client, submission, alice, title="Misspelt").json()["changed"] == []
    assert LogLine.objects.filter(action="correct").count() == 2


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"title": "ab"}, 400, "title"),
        ({"title": None}, 400, "title"),
        ({"family": "nas"}, 409, "family"),
        ({"family": "praise"}, 400, "family"),
        ({"paper": "javascript:alert(1)"}, 400, "paper"),
        ({"authors": "Alice"}, 400, "authors"),
        ({"authors": ["x" * 101]}, 400, "authors.0"),
        ({"summary": "x" * 1001}, 400, "summary"),
        ({"colour": "red"}, 400, "colour"),
        ({"published_model": "x"}, 400, "published_model"),
    ],
)
def test_what_a_recipe_could_not_have_is_refused(
    client: Any, submission: Any, body: Any, status: int, field: str
) -> None:
    alice = submission.submitter
    answer = patch(client, submission, alice, **body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
    assert (Method.objects.get().title, LogLine.objects.filter(action="correct").count()) == ("Mispelt", 0)


def test_nobody_corrects_another_s(client: Any, submission: Any, bob: Any, administrator: Any) -> None:
    for person in (bob, administrator):
        assert patch(client, submission, person, title="Mine now").status_code == 403
        client.force_login(person)
        assert client.get(f"/submissions/{submission.pk}/names/").status_code == 403
        assert client.post(f"/submissions/{submission.pk}/names/", {"title": "Mine"}).status_code == 403
    with pytest.raises(services.Refused, match="alice gave them"):
        services.correct(submission, {"title": "Mine now"}, by=bob)


def test_not_after_a_ban(client: Any, submission: Any, alice: Any, administrator: Any) -> None:
    services.ban(alice, by=administrator, reason="spam")
    assert patch(client, submission, alice, title="Misspelt").status_code == 403
    client.force_login(alice)
    assert client.post(f"/submissions/{submission.pk}/names/", {"title": "Misspelt"}).status_code == 403
    assert Method.objects.get().title == "Mispelt"


def test_a_claimant_corrects_the_claim_and_not_what_stands(
    client: Any, submission: Any, hardware: Any, bob: Any
) -> None:
    services.submit(make_recipe("Bobs"), hardware=hardware, submitter=bob)
    assert patch(client, submission, bob, title="Bob's").json()["title"] == "Bob's"
    row = queries.ranked_board(LeaderboardQuery()).rows[0]
    assert (row.entry.method.title, row.entry.also_claimed_as) == ("Mispelt", "Bob's")


def test_the_page_corrects_and_says_what_is_wrong(client: Any, submission: Any, alice: Any) -> None:
    client.force_login(alice)
    address = f"/submissions/{submission.pk}/names/"
    assert 'value="Mispelt"' in client.get(address).content.decode()
    names = {"title": "Misspelt", "family": "nas", "authors": "Alice A.\n\n Bob B. ", "paper": "", "summary": ""}
    wrong = client.post(address, names)
    assert (wrong.status_code, "but the phases make this" in text(wrong)) == (422, True)
    done = client.post(address, names | {"family": "compact"}, follow=True)
    assert "Corrected: title, authors." in text(done)
    method = Method.objects.get()
    assert (method.title, method.authors) == ("Misspelt", ["Alice A.", "Bob B."])


def test_nobody_fills_the_log(submission: Any, alice: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("leaderboard.services.limits.MOST_ACTS_AN_HOUR", 1)
    services.correct(submission, {"title": "Once"}, by=alice)
    with pytest.raises(services.LimitReached):
        services.correct(submission, {"title": "Twice"}, by=alice)
