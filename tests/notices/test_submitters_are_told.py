"""Who submitted is told by mail what becomes of it: each event once, with the reason, the figures and links."""

import email
import email.policy
import re

import pytest
from django.urls import reverse

from leaderboard import services
from leaderboard.models import Delivery, MailChoice, NoticeKind, Priority, Run
from leaderboard.sending.deliver import deliver_due
from measurement.vocabulary import Flag
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


UNFOLDED = email.policy.default.clone(max_line_length=None)


def told():
    return list(Delivery.objects.order_by("at").values_list("kind", flat=True))


@pytest.fixture
def mails(mailbox):
    """Subject and text of each mail of a round; reading empties the mailbox."""

    def read():
        deliver_due()
        found = [email.message_from_bytes(text, policy=UNFOLDED) for text in mailbox.mails]
        assert not any(b"List-Unsubscribe: =?" in text for text in mailbox.mails), (
            "mail programs read no encoding there"
        )
        mailbox.mails.clear()
        return [(mail, str(mail["Subject"]), mail.get_content().replace("\r", "")) for mail in found]

    return read


def test_a_result_its_hold_its_release_and_its_end_are_told(hardware, alice, administrator, mails):
    run, _ = verify(make_recipe("A plain network"), hardware, submitter=alice)
    [(mail, subject, text)] = mails()
    assert (mail["To"], mail["Auto-Submitted"]) == ("alice@example.org", "auto-generated")
    assert subject == "[Full-Cycle Energy Leaderboard] Verified: A plain network"
    entry = run.entries.get(board__scope="accelerator", board__scenario="offline")
    for line in (
        r"Hello alice,",
        r"Quality: 9\d\.\d\s% \(evaluated\)",
        r"One-time energy: .*\sJ \(estimated\)",
        r"Full-cycle energy of 1\smillion\simages: .*Wh\)",
        r"Rank: 1 of 1",
        rf"Submission: http://127\.0\.0\.1:8000/submissions/{run.submission_id}/",
        rf"Entry: http://127\.0\.0\.1:8000/entries/{entry.pk}/",
    ):
        assert re.search(line, text), [line, *map(ascii, text.splitlines())]

    services.hold(run, by=administrator, reason="Its fan stood still.")
    run.refresh_from_db()
    services.release_hold(run, by=administrator, reason="It did not.")
    services.take_down(run.entries.all(), by=administrator, reason="It did, after all.")
    assert [(subject.partition("] ")[2], re.search("Reason: (.*)", text)[1]) for _, subject, text in mails()] == [
        ("Held for review: A plain network", "Its fan stood still."),
        ("Released: A plain network", "It did not."),
        ("Taken down: A plain network", "It did, after all."),
    ]
    assert mails() == []


def test_what_holds_a_result_at_once_is_said_in_words(hardware, alice, mails):
    verify(make_recipe(), hardware, submitter=alice, flags=(Flag.THROTTLED,))
    [(_, subject, text)] = mails()
    assert "Held for review" in subject
    assert "lowered its clocks" in text


def test_a_failure_and_a_cancel_by_others_are_told_and_one_s_own_are_not(hardware, alice, administrator, mails):
    def queued(epochs):
        return services.submit(make_recipe(epochs=epochs), hardware=hardware, submitter=alice)[0].runs.get()

    services.fail(services.claim(queued(2).pk, "worker"), "The loss became infinite in epoch 1.")
    services.request_cancel(queued(3), by=alice)
    services.request_cancel(queued(4), by=administrator, reason="Its data set is gone.")
    services.withdraw(queued(5).submission, by=alice)
    services.withdraw(queued(6).submission, by=administrator, reason="A duplicate.")
    reasons = [(subject.partition("] ")[2].partition(":")[0], text) for _, subject, text in mails()]
    assert [kind for kind, _ in reasons] == ["Failed", "Cancelled", "Taken down"]
    for (_, text), reason in zip(reasons, ("infinite in epoch 1", "data set is gone", "A duplicate"), strict=True):
        assert reason in text
    assert "submit the recipe again" in reasons[0][1]


def test_who_had_a_sample_is_told_of_the_whole_run_in_its_place(hardware, alice, bob, mails):
    recipe = make_recipe()
    run, _ = verify(recipe, hardware, submitter=alice)
    Run.objects.filter(pk=run.pk).update(mode="sampled")
    mails()
    whole, _ = verify(recipe, hardware, submitter=bob)
    found = {mail["To"]: (subject, text) for mail, subject, text in mails()}
    assert set(found) == {"alice@example.org", "bob@example.org"}
    assert "Superseded" in found["alice@example.org"][0]
    assert "of a whole run" in found["alice@example.org"][1]
    again = Delivery.objects.get(kind=NoticeKind.SUPERSEDED)
    services.tell_superseded(run, by=whole, reason="Told already.")
    assert Delivery.objects.get(kind=NoticeKind.SUPERSEDED) == again


def test_audits_end_unseen_and_their_holds_do_not(hardware, alice):
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=alice)
    Run.objects.update(priority=Priority.AUDIT, is_audit=True)
    services.fail(services.claim(submission.runs.get().pk, "worker"), "no card")
    assert told() == []


def test_a_ban_with_entries_is_one_notice(hardware, alice, administrator, mails):
    for seed in (1, 2):
        verify(make_recipe(seed=seed), hardware, submitter=alice)
    mails()
    services.ban(alice, by=administrator, reason="Figures were made up.", with_entries=True)
    [(_, subject, text)] = mails()
    assert subject.endswith("Taken down: all results")
    assert "Figures were made up." in text


def test_only_what_is_wanted_is_sent(hardware, alice, mails, client):
    verify(make_recipe(epochs=2), hardware, submitter=alice)
    [(mail, _, text)] = mails()
    away = mail["List-Unsubscribe"].strip(" <>")
    assert away in text
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = away.removeprefix("http://127.0.0.1:8000")
    assert client.get(path).status_code == 200
    assert not MailChoice.objects.exists(), "filters look at links; nothing follows from that"
    client.handler.enforce_csrf_checks = True
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    verify(make_recipe(epochs=3), hardware, submitter=alice)
    services.fail(
        services.claim(
            services.submit(make_recipe(epochs=4), hardware=hardware, submitter=alice)[0].runs.get().pk, "w"
        ),
        "no card",
    )
    assert ["Failed" in subject for _, subject, _ in mails()] == [True]
    assert client.post(f"{path}x").status_code == 404
    client.post(path, {"all": "1"})
    services.tell_administrators("nobody", "is one")
    assert set(NoticeKind) - {NoticeKind.ACCOUNT} <= {*MailChoice.objects.get().unwanted}


def test_the_page_of_the_account_chooses(alice, client, hardware):
    client.force_login(alice)
    client.post(reverse("notices"), {"mail": "save", "wanted": ["failed"]})
    verify(make_recipe(), hardware, submitter=alice)
    assert told() == []
    page = client.get(reverse("notices")).content.decode()
    assert re.findall(r'name="wanted" value="(\w+)" checked', page) == ["failed"]


def test_an_address_that_nobody_has_verified_gets_none(hardware, alice, mails, states):
    address = alice.emailaddress_set.create(email=alice.email, verified=False, primary=True)
    verify(make_recipe(epochs=2), hardware, submitter=alice)
    assert mails() == []
    assert states() == [("verified", "dropped", 1, "The account's e-mail address is not verified.")]
    address.verified = True
    address.save()
    services.send_again(Delivery.objects.get(), by=alice)
    assert len(mails()) == 1
