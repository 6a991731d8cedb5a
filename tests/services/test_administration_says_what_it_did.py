"""The admin says what happened to each run: published, not published, queued in which mode."""

import pytest

from leaderboard import services
from leaderboard.models import Run
from tests.records import make_recipe, make_record

pytestmark = pytest.mark.django_db

RECIPE = make_recipe(reported={"quality": 0.97, "evidence": "https://arxiv.org/abs/2108.13465"})


@pytest.fixture
def runs(hardware, alice):
    """A sampled result that is held, and a full one on the board; both Alice's."""
    made = []
    for mode in ("sampled", "full"):
        submission, _ = services.submit(RECIPE, hardware=hardware, submitter=alice, mode=mode)
        record = make_record(RECIPE).model_copy(update={"mode": mode})
        made.append(submission.runs.get(mode=mode))
        services.record(services.claim(made[-1].pk, "worker"), record.model_dump_json().encode())
    Run.objects.filter(pk=made[0].pk).update(held_for=["throttled"])
    return made


@pytest.fixture
def said(client, administrator):
    """Act on a run in /admin/ and read the messages about it."""
    client.force_login(administrator)

    def act(action, run):
        chosen = {"action": action, "_selected_action": [run.pk]}
        page = client.post("/admin/leaderboard/run/", chosen, follow=True)
        return [(message.level_tag, message.message.partition(": ")[2]) for message in page.context["messages"]]

    return act


def test_a_release_says_whether_it_published(said, runs):
    sampled, full = runs
    not_published = "no longer held for review; not published, because a newer or full result is on the board"
    assert said("release", sampled) == [("success", not_published)]
    assert said("release", sampled) == [("error", f"run {sampled.pk} is not held for review")]
    Run.objects.filter(pk=full.pk).update(held_for=["throttled"])
    assert said("release", full) == [("success", "published as 4 entries")]


@pytest.mark.parametrize(("action", "mode"), [("rerun_in_full", "full"), ("rerun_sampled", "sampled")])
@pytest.mark.parametrize("of", [0, 1])
def test_a_re_run_has_the_mode_that_was_chosen_whatever_the_run_s(said, runs, action, mode, of):
    [(level, words)] = said(action, runs[of])
    queued = Run.objects.get(state="queued")
    assert (queued.mode, level, words) == (mode, "success", f"queued as {mode} run {queued.pk}")
