"""A notice of maintenance is on every page in its time, and nowhere else; a page without a database has none."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from leaderboard import queries
from leaderboard.models import Notice
from leaderboard.queries import notices

pytestmark = pytest.mark.django_db
PAGES = ("/", "/queue/", "/docs/", "/methodology/", "/nothing-here/", "/accounts/login/")


@pytest.fixture(autouse=True)
def _as_a_site_does():
    queries.forget_notice()
    yield
    notices._Kept.text = ""


def shown(client):
    """Read by one page, then kept for the others."""
    queries.forget_notice()
    return {"&lt;Down&gt;" in client.get(page).content.decode() for page in PAGES}


def test_in_its_time_on_every_page(client, django_assert_num_queries, monkeypatch):
    hour = timedelta(hours=1)
    assert shown(client) == {False}
    notice = Notice.objects.create(text="<Down> from 12 to 13 UTC")
    assert shown(client) == {True}
    with django_assert_num_queries(0):
        client.get("/methodology/")
    for shown_from, shown_until, is_shown in ((-hour, hour, True), (hour, None, False), (None, -hour, False)):
        notice.shown_from = shown_from and timezone.now() + shown_from
        notice.shown_until = shown_until and timezone.now() + shown_until
        notice.save()
        assert shown(client) == {is_shown}

    def away():
        raise OperationalError("the database is away")

    monkeypatch.setattr(notices, "_read", away)
    queries.forget_notice()
    assert client.get("/methodology/").status_code == 200
