"""`manage.py token USERNAME`: makes an API token for a user and prints it once; or lists, renames or revokes them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from leaderboard import queries, services
from leaderboard.models import TokenScope

DEFAULT_NAME = "Made on the server"


class Command(BaseCommand):
    help = "Print a new API token of a user. It is stored hashed and can't be shown again."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", help=f"what the token is for (default: {DEFAULT_NAME})")
        parser.add_argument(
            "--scope",
            choices=TokenScope.values,
            default=TokenScope.SUBMIT.value,
            help="what it may do (default: submit)",
        )
        parser.add_argument("--days", type=int, default=90, help="until it expires; 0: never (default: 90)")
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument("--list", action="store_true", help="print the user's tokens, without their texts")
        instead.add_argument("--revoke", metavar="BEGINNING", help="revoke the token that begins so")
        instead.add_argument("--rename", metavar="BEGINNING", help="call the token that begins so by --name")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(
                f"username: there is no user {username!r}; create one with `manage.py createsuperuser`"
            )
        if options["days"] < 0:
            raise CommandError(f"--days: must be at least 0, which means never (got {options['days']})")
        try:
            self._do(user, options)
        except services.Refused as refusal:
            raise CommandError(f"--{refusal.field}: {refusal.message}") from None

    def _do(self, user: User, options: dict[str, Any]) -> None:
        if options["list"]:
            self._list(user)
        elif options["revoke"]:
            self._check(services.revoke_token(user, options["revoke"], by=None), user, "--revoke", options["revoke"])
        elif options["rename"]:
            name = options["name"] or ""
            self._check(
                services.rename_token(user, options["rename"], name, by=None), user, "--rename", options["rename"]
            )
        else:
            name, days = options["name"] or DEFAULT_NAME, options["days"] or None
            self.stdout.write(services.create_token(user, by=None, name=name, scope=options["scope"], days=days))

    def _check(self, done: bool, user: User, option: str, beginning: str) -> None:
        if not done:
            raise CommandError(
                f"{option}: {user} has no token that begins with {beginning!r}; --list shows which there are"
            )

    def _list(self, user: User) -> None:
        live, ended = queries.tokens_of(user)
        for token in [*live, *ended]:
            state = "ended" if token in ended else "live"
            until = f"{token.ended_at:%Y-%m-%d %H:%M}" if token.ended_at else "never"
            used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
            self.stdout.write(f"{token.token_key}\t{token.scope}\t{state}\tends {until}\tused {used}\t{token.name}")
