"""Why an administrator held a result or took an entry down: asked for, and read by the submitter and by readers."""

import pytest

from leaderboard import services
from leaderboard.models import Entry, LogLine, Run
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db
WHY = "its fan stood still & the card was hot"
SHOWN = "its fan stood still &amp; the card was hot"


@pytest.fixture
def runs(hardware, alice):
    """Two results of one work, from two seeds."""
    return [verify(make_recipe(seed=seed), hardware, submitter=alice)[0] for seed in (1, 2)]


def said(client, model, action, pk, **more):
    page = client.post(
        f"/admin/leaderboard/{model}/", {"action": action, "_selected_action": [pk], **more}, follow=True
    )
    return [(message.level_tag, message.message) for message in page.context["messages"]]


def test_a_hold_asks_for_its_reason_and_both_pages_show_it(client, runs, administrator):
    client.force_login(administrator)
    run, entry = runs[0], Entry.objects.first()
    [(level, words)] = said(client, "run", "hold", run.pk, reason="  ")
    assert (level, "“reason” is required" in words) == ("error", True)
    said(client, "run", "hold", run.pk, reason=WHY)
    shown = [
        client.get(address).content.decode()
        for address in (run.submission.get_absolute_url(), f"/entries/{entry.pk}/")
    ]
    assert all(SHOWN in page and f"Run {run.pk} held" in page for page in shown)
    assert "admin" not in client.get(entry.get_absolute_url()).content.decode().split(SHOWN)[0][-60:].split()


def test_an_entry_that_was_taken_down_says_why_until_it_is_back(client, runs, administrator):
    client.force_login(administrator)
    entry = Entry.objects.first()
    [(level, _)] = said(client, "entry", "take_down", entry.pk)
    assert (level, Entry.objects.count()) == ("error", 4)
    said(client, "entry", "take_down", entry.pk, reason=WHY)
    gone = client.get(f"/entries/{entry.pk}/")
    assert (gone.status_code, SHOWN in gone.content.decode()) == (410, True)
    answer = client.get(f"/api/v1/entries/{entry.pk}")
    assert (answer.status_code, WHY in answer.json()["errors"][0]["message"]) == (404, True)
    assert client.get(f"/entries/{entry.pk + 999}/").status_code == 404
    services.release_hold(Run.objects.get(pk=runs[0].pk))
    assert Entry.objects.get(board=entry.board_id).pk == entry.pk
    assert client.get(f"/entries/{entry.pk}/").status_code == 200


def test_a_program_names_its_reason_too(client, runs, administrator):
    client.force_login(administrator)
    run, entry = runs[0], Entry.objects.first()
    for address in (f"/api/v1/runs/{run.pk}/hold", f"/api/v1/entries/{entry.pk}/take-down"):
        for body in ({}, {"reason": " "}, {"reason": 5}, {"reason": "x" * 1001}, {"reason": None}):
            answer = client.post(address, body, content_type="application/json")
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "reason"), body
        assert client.post(f"{address}?reason=here", {}).status_code == 400
    assert client.post(f"/api/v1/runs/{run.pk}/hold", {"reason": WHY}).json()["held_for"] != []
    assert client.post(f"/api/v1/runs/{run.pk}/release", {}).json()["held_for"] == []
    assert client.post(f"/api/v1/entries/{entry.pk}/take-down", {"reason": WHY}).json() == {"taken_down": entry.pk}


def test_the_log_is_read_filtered_and_downloaded(client, runs, administrator, django_assert_max_num_queries):
    services.hold(runs[0], by=administrator, reason="=1+1")
    client.force_login(administrator)

    def acts(query):
        return [line["action"] for line in client.get(f"/api/v1/log?{query}").json()["results"]]

    assert acts("") == ["hold", "submit", "submit"]
    assert acts(f"action=hold&actor=admin&object_type=run&object_id={runs[0].pk}") == ["hold"]
    assert (acts("until=2020-01-01"), acts("since=9999-12-31&until=9999-12-31"), acts("search=1%2B1")) == (
        [],
        [],
        ["hold"],
    )
    for wrong in ("action=praise", "since=1.2.2026", "actor=a%20b", "object_id=%00", "who=me", "actor="):
        answer = client.get(f"/api/v1/log?{wrong}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, wrong.partition("=")[0])
    table = b"".join(client.get("/api/v1/log.csv?action=hold").streaming_content).decode().split("\r\n")
    assert table[0] == "id,at,actor,action,object_type,object_id,object_name,reason,details"
    assert "'=1+1" in table[1]
    [line] = b"".join(client.get("/api/v1/log.jsonl?action=hold").streaming_content).splitlines()
    assert b'"reason":"=1+1"' in line
    with django_assert_max_num_queries(9):
        page = client.get("/admin/leaderboard/logline/?q=1%2B1").content.decode()
    assert "=1+1" in page
    assert "/api/v1/log.csv" in page
    assert client.get(f"/admin/leaderboard/logline/{LogLine.objects.first().pk}/change/").status_code == 200
