"""What is done to runs, entries and claims is in the log, with the reason; without a line in it nothing is done."""

from functools import partial

import pytest
from django.db import DatabaseError, connection, transaction

import catalogue
from leaderboard import services
from leaderboard.models import ApiToken, Claim, Entry, LogLine, Run
from measurement.vocabulary import Flag
from tests.factories import UserFactory
from tests.records import make_recipe
from tests.services.moving import PUBLISHED
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db
WHY = "its fan stood still"


def lines(**about):
    found = LogLine.objects.filter(**about).order_by("id")
    return [(line.actor, line.action, line.object_type, line.object_id, line.reason) for line in found]


@pytest.fixture
def run(hardware, alice):
    return verify(make_recipe(), hardware, submitter=alice)[0]


def test_each_object_of_an_act_has_its_line(run, hardware, alice, administrator):
    entries = [str(pk) for pk in Entry.objects.order_by("pk").values_list("pk", flat=True)]
    assert lines() == [("alice", "submit", "submission", str(run.submission_id), "")]
    services.take_down(Entry.objects.all(), by=administrator, reason=f"  {WHY}\n")
    services.release_hold(Run.objects.get(), by=administrator, reason="replaced")
    services.hold(run, by=administrator, reason=WHY)
    again = services.rerun(run, by=administrator, reason="once more")
    services.request_cancel(again, by=administrator, reason="a mistake")
    services.withdraw(run.submission, by=alice)
    of_run, of_new = str(run.pk), str(again.pk)
    taken = [("admin", "take_down", "entry", pk, WHY) for pk in entries]
    assert lines()[1:] == [
        ("admin", "hold", "run", of_run, WHY),
        *taken,
        ("admin", "release", "run", of_run, "replaced"),
        ("admin", "hold", "run", of_run, WHY),
        ("admin", "rerun", "run", of_run, "once more"),
        ("admin", "cancel", "run", of_new, "a mistake"),
        ("alice", "withdraw", "submission", str(run.submission_id), ""),
    ]
    assert LogLine.objects.get(action="rerun").details == {"run": again.pk, "mode": "full"}
    again.refresh_from_db()
    assert again.reason == "Cancelled by admin: a mistake"


def test_what_nobody_asked_for_is_the_system_s(hardware, alice):
    held, _ = verify(make_recipe(), hardware, submitter=alice, flags=(Flag.THROTTLED,))
    services.import_published(PUBLISHED, catalogue.load().sources)
    services.create_token(alice, by=None, name="CI")
    assert lines(actor="system") == [
        ("system", "hold", "run", str(held.pk), ""),
        ("system", "import", "catalogue", "", ""),
        ("system", "create_token", "user", str(alice.pk), ""),
    ]
    assert LogLine.objects.get(action="hold").details == {"held_for": ["throttled"]}


def test_a_decided_claim_and_those_that_it_refuses(hardware, alice, bob, administrator):
    carol = UserFactory(username="carol")
    verify(make_recipe("First"), hardware, submitter=alice)
    for title, person in (("Second", bob), ("Third", carol)):
        services.submit(make_recipe(title), hardware=hardware, submitter=person)
    second, third = Claim.objects.order_by("pk")
    services.decide(second, accept=True, by=administrator, reason="the paper is theirs")
    assert lines(object_type="claim") == [
        ("admin", "accept_claim", "claim", str(second.pk), "the paper is theirs"),
        ("admin", "refuse_claim", "claim", str(third.pk), "the paper is theirs"),
    ]
    assert LogLine.objects.get(action="accept_claim").details == {"title": ["First", "Second"]}


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1001, "a\x00b"])
def test_no_hold_without_a_reason_that_can_be_read(run, administrator, reason):
    for act in (partial(services.hold, run), partial(services.take_down, Entry.objects.all())):
        with pytest.raises(services.Invalid) as refused:
            act(by=administrator, reason=reason)
        assert refused.value.field == "reason"
    assert (Entry.objects.count(), Run.objects.get().held_for, LogLine.objects.count()) == (4, [], 1)


def test_no_act_without_its_line(run, administrator):
    acts = [
        partial(services.hold, run, by=administrator, reason=WHY),
        partial(services.take_down, Entry.objects.all(), by=administrator, reason=WHY),
        partial(services.rerun, run, by=administrator),
        partial(services.withdraw, run.submission, by=administrator),
        partial(services.create_token, administrator, by=administrator, name="CI"),
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {LogLine._meta.db_table} RENAME TO away")
    for act in acts:
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    run.refresh_from_db()
    assert (run.held_for, Run.objects.count(), Entry.objects.count()) == ([], 1, 4)
    assert (run.submission.withdrawn_at, administrator.auth_token_set.count()) == (None, 0)


def new_token(alice):
    services.create_token(alice, by=alice, name="of a program")


def new_name(alice):
    token, _ = ApiToken.objects.create(alice, name="first")
    services.rename_token(alice, token.token_key, "second", by=alice)


def new_file(alice):
    services.declare(alice, kind="onnx", size=9)


@pytest.mark.parametrize(
    ("action", "most", "act"),
    [("create_token", 30, new_token), ("rename_token", 30, new_name), ("upload", 200, new_file)],
)
def test_nobody_fills_the_log(alice, action, most, act):
    """What somebody can do and undo as often as they like leaves so many lines an hour and no more."""
    act(alice)
    of_alice = {"actor": alice.username, "actor_number": alice.pk, "action": action}
    LogLine.objects.bulk_create(LogLine(**of_alice, object_type="user", object_id="1") for _ in range(most))
    with pytest.raises(services.LimitReached, match="within the last hour"):
        act(alice)
