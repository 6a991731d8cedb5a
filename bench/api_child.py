"""Helpers of `bench.api` outside the server, on the site of DATA_ROOT: fill it, raise a revision, query inside."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from bench import page_board

ENTRIES = 100_000
FULL, ONE = "Full", "Lonely"
OTHERS = ("Other A", "Other B", "Other C")


def fill(entries: int = ENTRIES) -> None:
    """One group of 100,000 entries, three of 1,000, one of 1. Static files too."""
    from leaderboard.management.one_machine import collect_static_once

    collect_static_once(lambda words: None)
    page_board.fill(entries, 1, FULL)
    for seed, name in enumerate(OTHERS, start=2):
        page_board.fill(1_000, seed, name)
    page_board.fill(1, 9, ONE)


def inside(addresses: list[str]) -> dict[str, Any]:
    """Seconds of each address through all of Django, without a server; queries of the first and the last."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client, seconds, queries = Client(), [], []
    for address in addresses:
        started = time.perf_counter()
        with CaptureQueriesContext(connection) as seen:
            answer = client.get(address, headers={"host": "localhost"})
        seconds.append(time.perf_counter() - started)
        queries.append(len(seen))
        assert answer.status_code == 200, (address, answer.content)
    return {"seconds": seconds, "queries": queries}


def raise_revision() -> None:
    """What publishing a result does to the fullest group."""
    from leaderboard.models import Method
    from leaderboard.services import boards_changed

    boards_changed(Method.objects.filter(recipes__entries__board__hardware__slug=FULL.lower()).first())


def main(words: list[str]) -> None:
    import django

    django.setup()
    if words[0] == "fill":
        fill(*map(int, words[1:]))
    elif words[0] == "raise":
        raise_revision()
    else:
        print(json.dumps(inside(json.load(sys.stdin))))


if __name__ == "__main__":
    main(sys.argv[1:])
