"""What tests of notices share."""

import pytest

from leaderboard.models import Delivery
from tests.notices import servers


@pytest.fixture
def mailbox(settings):
    with servers.mail_server(settings) as box:
        yield box


@pytest.fixture
def receiver(settings):
    settings.WEBHOOKS_PRIVATE = True
    with servers.receiver() as found:
        yield found


@pytest.fixture
def states():
    """The deliveries by kind: state, tries and answer of each."""

    def read(**of):
        found = Delivery.objects.filter(**of).order_by("at")
        return [(one.kind, one.state, one.tries, one.answer) for one in found]

    return read
