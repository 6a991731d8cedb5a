"""`manage.py token USERNAME`: an API token for a user, printed once."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from leaderboard import services


class Command(BaseCommand):
    help = "Print a new API token of a user. It is stored hashed and can't be shown again."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            raise CommandError(
                f"username: there is no user {username!r}; create one with `manage.py createsuperuser`"
            )
        self.stdout.write(services.create_token(user, by=None))
