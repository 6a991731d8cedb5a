"""The check of a webhook's signature that docs/notices.md shows accepts ours and refuses any other."""

import re
import time

import pytest

from leaderboard import services
from leaderboard.models import Delivery
from leaderboard.sending.webhook import body_of, headers_of
from tests.docs.reading import DOCS

pytestmark = pytest.mark.django_db


def test_the_check_of_the_page(alice):
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "notices.md").read_text("utf-8"), re.DOTALL)
    names: dict = {}
    exec(code, names)  # noqa: S102 - what a reader would paste
    webhook = services.add_webhook(alice, "https://example.org/hook", ["failed"])
    services.test_webhook(webhook)
    delivery, now_s = Delivery.objects.get(), time.time()
    body, is_genuine = body_of(delivery), names["is_genuine"]
    headers = headers_of(delivery, webhook, body, now_s)
    assert is_genuine(webhook.secret, headers, body)
    assert not is_genuine(webhook.secret, headers, body + b" ")
    assert not is_genuine("whsec_" + "A" * 44, headers, body)
    assert not is_genuine(webhook.secret, headers | {"webhook-id": "msg_other"}, body)
    assert not is_genuine(webhook.secret, headers_of(delivery, webhook, body, now_s - 3600), body)
