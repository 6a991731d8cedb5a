"""A banned account reads and signs out, and writes nothing more by session or token; its entries go if asked."""

import pytest
from django.urls import reverse

from leaderboard import services
from leaderboard.models import Ban, Entry, LogLine, Run, Submission
from tests.api.builders import recipe_document, token
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db
WHY = "forty copies of one recipe & no answer"


@pytest.fixture
def alices(hardware, alice, bob):
    """A result of Alice alone, one of a work that Bob has a result of too, and a run that waits."""
    alone, _ = verify(make_recipe(epochs=1), hardware, submitter=alice)
    shared, _ = verify(make_recipe(epochs=2), hardware, submitter=alice)
    verify(make_recipe(epochs=2, seed=2), hardware, submitter=bob)
    waiting, _ = services.submit(make_recipe(epochs=3), hardware=hardware, submitter=alice)
    return alone, shared, waiting.runs.get()


def test_no_write_by_session_or_token(client, alices, alice, administrator):
    headers = token(alice)
    client.force_login(alice)
    services.ban(alice, by=administrator, reason=WHY)
    before = LogLine.objects.count()
    submission = alices[0].submission
    pages = [("submit", []), ("tokens", []), ("account_email", []), ("submission-withdraw", [submission.pk])]
    for name, args in pages:
        answer = client.post(reverse(name, args=args), {})
        assert (answer.status_code, "no answer" in answer.content.decode()) == (403, True), name
    for address in ("submissions", f"submissions/{submission.pk}/withdraw"):
        for by in (headers, {}):
            answer = client.post(f"/api/v1/{address}", recipe_document(), content_type="application/json", headers=by)
            assert (answer.status_code, WHY in answer.json()["errors"][0]["message"]) == (403, True), address
    assert (LogLine.objects.count(), Submission.objects.filter(withdrawn_at=None).count()) == (before, 4)
    for address in ("/", submission.get_absolute_url(), f"/api/v1/submissions/{submission.pk}"):
        assert client.get(address, headers=headers).status_code == 200
    assert "no answer" in client.get("/submit/").content.decode()
    assert client.post(reverse("account_logout")).status_code == 302

    services.lift_ban(alice, by=administrator)
    answer = client.post("/api/v1/submissions", recipe_document(), content_type="application/json", headers=headers)
    assert answer.status_code in {200, 201}


@pytest.mark.parametrize("with_entries", [False, True])
def test_its_runs_stop_and_its_entries_go_only_if_asked(alices, alice, administrator, with_entries):
    alone, shared, waiting = alices
    removed = services.ban(alice, by=administrator, reason=WHY, with_entries=with_entries)
    assert (removed, Entry.objects.count()) == ((4, 4) if with_entries else (0, 8))
    assert set(Entry.objects.filter(work=shared.recipe.work_id).values_list("results", flat=True)) == {
        1 if with_entries else 2
    }
    waiting.refresh_from_db()
    assert (waiting.state, WHY in waiting.reason) == ("cancelled", True)
    acts = list(LogLine.objects.filter(actor="admin", reason=WHY).order_by("pk").values_list("action", flat=True))
    assert acts == ["ban", "cancel", *(["hold"] * 2 + ["take_down"] * 4 if with_entries else [])]
    if with_entries:
        services.release_hold(Run.objects.get(pk=alone.pk), by=administrator)
        assert Entry.objects.count() == 8


def test_what_can_t_be_banned(alice, administrator):
    for user, reason, field in ((administrator, WHY, "user"), (alice, " ", "reason")):
        with pytest.raises(services.Refused) as refused:
            services.ban(user, by=administrator, reason=reason)
        assert refused.value.field == field
    services.ban(alice, by=administrator, reason=WHY)
    with pytest.raises(services.Refused, match="already"):
        services.ban(alice, by=administrator, reason=WHY)
    services.lift_ban(alice, by=administrator)
    with pytest.raises(services.Refused, match="not banned"):
        services.lift_ban(alice, by=administrator)
    assert not Ban.objects.exists()


def test_the_list_of_accounts_leads_to_what_each_submitted(
    client, alices, alice, administrator, django_assert_max_num_queries
):
    client.force_login(administrator)
    services.ban(alice, by=administrator, reason=WHY)
    with django_assert_max_num_queries(8):
        page = client.get("/admin/auth/user/").content.decode()
    assert "forty copies" in page
    runs = f"/admin/leaderboard/run/?submission__submitter__id__exact={alice.pk}"
    submissions = f"/admin/leaderboard/submission/?submitter__id__exact={alice.pk}"
    assert f'<a href="{runs}">3</a>' in page
    assert f'<a href="{submissions}">3</a>' in page
    assert client.get(runs).context["cl"].result_count == client.get(submissions).context["cl"].result_count == 3


def test_a_request_that_was_let_in_before_the_ban_queues_nothing_after_it(hardware, alice, administrator):
    services.ban(alice, by=administrator, reason=WHY)
    with pytest.raises(services.Refused, match="forty copies"):
        services.submit(make_recipe(epochs=4), hardware=hardware, submitter=alice)
    assert not Run.objects.exists()
