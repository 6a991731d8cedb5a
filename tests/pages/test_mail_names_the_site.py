"""Mail is from the site by its name, whatever address it is served at; the mark is where browsers ask for it."""

import io

from django.core import mail
from django.urls import reverse
from PIL import Image

from leaderboard.sending.deliver import deliver_due

SITE = "Full-Cycle Energy Leaderboard"


def test_a_mail_greets_with_the_sites_name(client, alice, db):
    passwords = dict.fromkeys(("password1", "password2"), "a long secret 7")
    fields = {"username": "newcomer", "email": "new@example.org"} | passwords
    client.post(reverse("account_signup"), fields)
    client.post(reverse("account_reset_password"), {"email": alice.email})
    deliver_due()
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        assert message.subject.startswith(f"[{SITE}] ")
        assert message.body.startswith(f"Hello from {SITE}!")
        assert "example.com" not in message.subject + message.body


def test_the_icon_answers(client):
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/x-icon")
    icon = Image.open(io.BytesIO(answer.content))
    assert icon.format == "ICO"
    assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}
