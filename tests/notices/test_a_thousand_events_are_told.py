"""A thousand notices at once, and two processes that send them: each arrives, and none twice."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from leaderboard import services
from leaderboard.models import Delivery, DeliveryState, NoticeKind
from leaderboard.sending import deliver
from leaderboard.services import outbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_a_thousand_events_at_once_and_two_senders():
    User.objects.bulk_create(
        User(username=f"admin{number}", email=f"admin{number}@example.org", is_staff=True) for number in range(1000)
    )
    with transaction.atomic():
        assert services.tell_administrators("The disk is full", "Make room.", event="disk") == 1000
        services.tell_administrators("The disk is full", "Make room.", event="disk")
    stored = set(Delivery.objects.values_list("pk", flat=True))
    sent = []

    def take(delivery):
        sent.append(delivery.pk)
        return outbox.Answer("taken", DeliveryState.SENT)

    def send():
        while outbox.due().exists():  # as another process, which knows nothing of this one's threads
            deliver._send_all(None, take)
        connection.close()

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(sent) == len(stored) == 1000
    assert set(sent) == stored
    assert Delivery.objects.filter(state="sent", kind=NoticeKind.ADMINISTRATION).count() == 1000
