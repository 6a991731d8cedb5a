"""Administrators get mail of what needs them, each once for an event, unless the account wants none."""

import pytest
from django.db import transaction

from leaderboard import services
from leaderboard.models import Delivery, MailChoice


def told():
    return sorted(Delivery.objects.values_list("user__username", "data__subject"))


def test_every_active_administrator_once_for_an_event(administrator, alice, django_user_model):
    second = django_user_model.objects.create_superuser("second", "second@example.org", "a-long-password")
    django_user_model.objects.create_superuser("gone", "gone@example.org", "a-long-password", is_active=False)
    for _ in range(2):
        assert services.tell_administrators("Run 7 drifts", "It is 4 % above.", event="drift-of-run-7") == 2
    assert told() == [("admin", "Run 7 drifts"), ("second", "Run 7 drifts")]
    MailChoice.objects.create(user=second, unwanted=["administration"])
    services.tell_administrators("Run 7 drifts", "Again.")
    services.tell_administrators("Run 7 drifts", "Again.")
    assert Delivery.objects.filter(user=second).count() == 1
    assert Delivery.objects.filter(user=administrator).count() == 3


def test_nobody_is_told_of_what_did_not_happen(administrator):
    @transaction.atomic
    def act():
        services.tell_administrators("Run 7 drifts", "It is 4 % above.")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert told() == []
