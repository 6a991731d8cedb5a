"""The log takes new lines only: the database refuses to change or remove one, whoever asks and however."""

import pytest
from django.db import IntegrityError, connection, transaction

from leaderboard import services
from leaderboard.models import Action, LogLine

pytestmark = pytest.mark.django_db

STATEMENTS = {
    "sqlite": ["REPLACE INTO leaderboard_logline SELECT * FROM leaderboard_logline"],
    "postgresql": [
        "TRUNCATE leaderboard_logline",
        "INSERT INTO leaderboard_logline SELECT * FROM leaderboard_logline"
        " ON CONFLICT (id) DO UPDATE SET actor = 'bob'",
    ],
}


def test_lines_stay_whatever_is_tried(alice):
    services.write_log(Action.CHANGE, alice, by=alice, reason="a first")
    services.write_log(Action.CHANGE, alice, by=None)
    before = list(LogLine.objects.values())
    plain = ["UPDATE leaderboard_logline SET reason = 'other'", "DELETE FROM leaderboard_logline"]
    for statement in plain + STATEMENTS[connection.vendor]:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    line = LogLine.objects.earliest("id")
    for act in (line.save, line.delete, LogLine.objects.all().delete, lambda: LogLine.objects.update(actor="bob")):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            act()
    alice.delete()
    assert list(LogLine.objects.values()) == before
    told = [(line.actor, line.object_name) for line in LogLine.objects.all()]
    assert told == [("system", "alice"), ("alice", "alice")]
