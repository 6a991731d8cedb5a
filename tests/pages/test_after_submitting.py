"""After submitting: versions and their history, a failed run with what to change, withdrawing and undoing it."""

from datetime import timedelta

import pytest

from leaderboard import services
from leaderboard.models import Ended, Entry, Submission
from tests.api.builders import token
from tests.pages.reading import text
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def versions(hardware, alice):
    """Two versions, both verified."""
    first = verify(make_recipe("First", epochs=1), hardware, alice)[0].submission
    second = make_recipe("Second", epochs=2)
    services.submit(second, hardware=hardware, submitter=alice, version_of=first.pk)
    return first, verify(second, hardware, alice, one_time_j=50.0)[0].submission


def offline(submission):
    return Entry.objects.get(work=submission.recipe.work, board__scenario="offline", board__scope="accelerator")


def test_both_pages_and_the_api_have_the_history(client, versions, django_assert_max_num_queries):
    first, second = map(offline, versions)
    with django_assert_max_num_queries(15):
        page = client.get(first.get_absolute_url())
    assert "Superseded by Second, a newer version by the same person" in text(page)
    assert f'href="{second.get_absolute_url()}' in page.content.decode()
    for entry in (first, second):
        shown = text(client.get(entry.get_absolute_url()))
        assert "2: Second" in shown
        assert "1: First" in shown
        answer = client.get(f"/api/v1/entries/{entry.pk}").json()
        assert [(line["number"], line["method"], line["state"]) for line in answer["versions"]] == [
            (1, "First", "superseded"),
            (2, "Second", "on the board"),
        ]
        assert [line["one_time_energy_j"] for line in answer["versions"]] == [100.0, 50.0]
    assert client.get(f"/api/v1/entries/{first.pk}").json()["superseded_by"] == second.pk
    for submission in versions:
        assert "1: First" in text(client.get(submission.get_absolute_url()))
        answer = client.get(f"/api/v1/submissions/{submission.pk}").json()
        assert len(answer["versions"]) == 2
    assert answer["version_of"] == str(versions[0].pk)
    assert [row["method"] for row in client.get("/api/v1/leaderboard").json()["results"]] == ["Second"]
    assert "a newer version has its place" in text(client.get(f"/models/?entry={first.pk}"))


def test_only_one_s_own_page_offers_a_new_version(client, versions, alice, bob):
    _, second = versions
    link = f"/submit/?entry={offline(second).pk}&amp;version_of={second.pk}"
    for person, is_there in ((bob, False), (alice, True)):
        client.force_login(person)
        assert (link in client.get(offline(second).get_absolute_url()).content.decode()) is is_there
    shown = client.get(second.get_absolute_url()).content.decode()
    assert f"?run={second.runs.get().pk}&amp;version_of={second.pk}" in shown


def test_the_form_and_the_api_carry_which_version_it_is(client, hardware, versions, alice, bob):
    _, second = versions
    client.force_login(alice)
    page = client.get(f"/submit/?version_of={second.pk}").content.decode()
    assert f'name="version_of" value="{second.pk}"' in page
    assert "This will be a new version of" in page
    assert 'name="version_of" value' not in client.get("/submit/?version_of=nonsense").content.decode()
    typed = {"document": make_recipe("Third", epochs=3).text(), "hardware": hardware.pk, "version_of": second.pk}
    third = Submission.objects.get(pk=client.post("/submit/", typed).url.split("/")[2])
    assert third.version_of == second
    body = {"recipe": make_recipe("Fourth", epochs=4).document(), "version_of": str(third.pk)}

    def post(person, **changes):
        return client.post(
            "/api/v1/submissions", body | changes, content_type="application/json", headers=token(person)
        )

    answer = post(alice)
    assert (answer.status_code, answer.json()["version_of"]) == (201, str(third.pk))
    for person, given, words in ((bob, str(third.pk), "no submission of yours"), (alice, "me", "must be the id")):
        refused = post(person, version_of=given)
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["field"], words in error["message"]) == (400, "version_of", True)
    again = client.post("/submit/", typed | {"document": make_recipe("Third", epochs=2).text()})
    assert "version_of" in text(again)


@pytest.mark.parametrize("fault", ["", *Ended.values])
def test_a_failed_run_says_what_happened_and_what_to_change(client, hardware, alice, bob, fault):
    submission, _ = services.submit(make_recipe("Broken"), hardware=hardware, submitter=alice)
    run = submission.runs.get()
    left = services.Left(fault, "phases.0.epochs" if fault == "recipe" else "", "Traceback\n<b>the last line</b>")
    services.fail(services.claim(run.pk, "worker"), "The recipe can't be run: too long", left)
    client.force_login(alice)
    page = client.get(submission.get_absolute_url())
    shown = text(page)
    assert "The recipe can't be run: too long" in shown
    assert "What happened, and what to change" in shown
    assert "&lt;b&gt;the last line&lt;/b&gt;" in page.content.decode()
    assert "technique: supervised" in shown
    assert f"/submit/?run={run.pk}&amp;version_of={submission.pk}" in page.content.decode()
    assert ("The part at fault is “phases.0.epochs”" in shown) is (fault == "recipe")
    client.force_login(bob)
    others = text(client.get(submission.get_absolute_url()))
    assert ("the last line" in others, "Edit and resubmit" in others) == (False, False)


def test_withdrawing_asks_once_and_says_what_leaves_and_what_comes_back(client, versions, alice):
    first, second = versions
    client.force_login(alice)
    asked = text(client.get(f"/submissions/{second.pk}/withdraw/"))
    assert "This takes 4 entries off the board" in asked
    assert "The version before comes back on the board." in asked
    assert "You can undo this for 7 days" in asked
    assert "not on the board, because a newer version" in text(client.get(f"/submissions/{first.pk}/withdraw/"))
    done = text(client.post(f"/submissions/{second.pk}/withdraw/", {"reason": "out of date"}, follow=True))
    assert "The submission was withdrawn." in done
    assert "This can be undone until" in done
    assert offline(first).superseded_by is None
    back = text(client.post(f"/submissions/{second.pk}/restore/", follow=True))
    assert "The withdrawal was undone." in back
    assert offline(first).superseded_by is not None


def test_it_says_if_another_s_submission_keeps_the_entry(client, hardware, alice, bob):
    mine = verify(make_recipe(seed=1), hardware, alice)[0].submission
    verify(make_recipe(seed=2), hardware, bob)
    client.force_login(alice)
    assert "Nothing leaves the board" in text(client.get(f"/submissions/{mine.pk}/withdraw/"))


def test_the_address_of_a_withdrawn_entry_says_so(client, versions, alice):
    _, second = versions
    entry = offline(second)
    services.withdraw(second, by=alice)
    gone = client.get(entry.get_absolute_url())
    assert (gone.status_code, "Entry withdrawn" in text(gone)) == (410, True)
    assert client.get(f"/api/v1/entries/{entry.pk}").status_code == 404
    services.restore(second, by=alice)
    assert client.get(entry.get_absolute_url()).status_code == 200


def test_the_api_undoes_it_and_names_each_bad_state(client, versions, alice, bob, administrator):
    _, second = versions

    def post(person, act):
        return client.post(f"/api/v1/submissions/{second.pk}/{act}", headers=token(person))

    assert (post(alice, "restore").status_code, post(bob, "restore").status_code) == (409, 403)
    assert post(alice, "withdraw").json()["restorable_until"] is not None
    assert post(alice, "withdraw").status_code == 409
    answer = post(alice, "restore")
    assert (answer.status_code, answer.json()["withdrawn_at"], answer.json()["restorable_until"]) == (200, None, None)
    post(administrator, "withdraw")
    refused = post(alice, "restore")
    assert (refused.status_code, "ask one" in refused.json()["errors"][0]["message"]) == (409, True)
    Submission.objects.filter(pk=second.pk).update(withdrawn_at=second.created_at - timedelta(days=8))
    late = post(administrator, "restore")
    assert (late.status_code, "submit the recipe again" in late.json()["errors"][0]["message"]) == (410, True)
    client.force_login(alice)
    page = client.get(second.get_absolute_url())
    assert ("Undo the withdrawal" in text(page), "Submit the recipe again" in text(page)) == (False, True)
