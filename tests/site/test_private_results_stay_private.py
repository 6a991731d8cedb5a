"""Whatever is asked, with whatever number: a private result is for everybody else as if it were not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from leaderboard import services
from leaderboard.models import ApiToken, Board, Entry, LogLine
from leaderboard.queries import glance
from measurement.tracks import find_track, private_to, track_title
from tests.pages.reading import text
from tests.site.private_results import LISTS, OF_THINGS, WORD, Site, ask, path_of, recipe, signed_in
from tests.site.walking import table
from tests.site.whole_site import settle

pytestmark = pytest.mark.django_db

BOARD = "track={track}&min_quality=0"
QUESTIONS = (
    *(f"/{page}?{BOARD}" for page in ("", "activity/", "card.png", "hardware/", "findings/")),
    "/compare/?entry={entry}&entry={public}",
    "/compare/card.png?entry={entry}",
    "/runs/compare/?run={run}&run={public_run}",
    "/models/?entry={entry}",
    "/submit/?entry={entry}",
    "/submit/?run={run}",
    *(f"/api/v1/leaderboard{kind}?{BOARD}" for kind in ("", "/champions", ".csv", ".json", ".parquet")),
    f"/api/v1/leaderboard/range?{BOARD}&n_from=1e3&n_to=1e6",
    "/api/v1/leaderboard/snapshot?track={track}",
    f"/api/v1/findings?{BOARD}",
)
NO_TITLE = {"entry-power", "run-power", "api-entry-trace", "entry-card", "submission-status", "api-run-record"}


@pytest.fixture
def before(hardware: Any, alice: Any, bob: Any, settings: Any, tmp_path: Any) -> Iterator[Site]:
    settle(settings, tmp_path)
    yield Site(hardware, alice, bob)
    cache.clear()


@pytest.fixture
def site(before: Site, bob: Any) -> Site:
    before.add_the_private_one(bob)
    return before


def questions(names: dict[str, Any]) -> list[tuple[str, str]]:
    """Method and address of everything that can be asked of one thing."""
    of_things = [(method.lower(), path_of(address, names)) for address in OF_THINGS for method in address.methods]
    return [*of_things, *(("get", question.format(**names)) for question in QUESTIONS)]


def test_for_others_it_is_not_there(before: Site, bob: Any, administrator: Any) -> None:
    site, public = before, before.public_answers()
    site.add_the_private_one(bob)
    rows = table()
    # First: whatever a cache would keep of it, others would now get.
    for role, user in (("owner", site.alice), ("administrator", administrator)):
        client = signed_in(user)
        for address in OF_THINGS:
            status, headers, body = ask(client, path := path_of(address, site.there))
            assert str(status) == rows[address.name, "GET"].answers[role], path
            if status in (200, 286):
                assert "no-store" in headers["cache-control"], path
                assert WORD in body.decode("latin-1") or address.name in NO_TITLE, path
        for question in QUESTIONS:
            status, headers, body = ask(client, path := question.format(**site.there))
            assert status in (200, 286) or "/runs/compare" in path, path  # which are of two works
            assert "no-store" in headers["cache-control"], path
            is_said = "card.png" in path or "activity" in path or WORD.encode() in body
            assert is_said or "/findings" in path or "/runs/compare" in path or "/submit/" in path, path
    for client in (Client(), signed_in(bob)):
        for (method, path), (_, other) in zip(questions(site.there), questions(site.nowhere), strict=True):
            asked, missing = ask(client, path, method, site.there), ask(client, other, method, site.nowhere)
            assert asked == missing, (method, path)
            assert WORD.encode() not in asked[2], path
        for address in LISTS:
            status, headers, body = ask(client, address.route)
            said = body + repr(headers).encode()
            assert WORD.encode() not in said, address.route
            assert site.entry.board.track.encode() not in said, address.route
        assert "of my birds" not in text(client.get(f"/models/?name={WORD}"))
    after = site.public_answers()
    assert [path for path, answer in public.items() if after[path] != answer] == []


def test_the_owner_finds_it(site: Site) -> None:
    owner = signed_in(site.alice)
    track = site.entry.board.track
    assert (private_to(track), find_track(track).slug) == (site.alice.pk, "imagefolder")
    assert track_title(track).endswith("(uploaded, private)")
    banner = "Private: only you and the administrators see this."
    board, submission = f"/?track={track}&min_quality=0", site.run.submission.get_absolute_url()
    for path in (board, f"/entries/{site.entry.pk}/", submission):
        assert banner in text(owner.get(path)), path
    assert track in text(owner.get("/submissions/"))
    assert f'value="{track}"' in owner.get("/").content.decode(), "in the menu of tracks"
    mine = owner.get("/api/v1/submissions?mine=true").json()["results"]
    assert [(line["track"], line["rank"]) for line in mine] == [(track, 1)]
    rows = owner.get(f"/api/v1/leaderboard?track={track}&search=nothing&min_quality=0").json()["results"]
    assert rows == [], "it is filtered as any other"
    token = services.create_token(site.alice, by=None, name="a program", scope="submit")
    by_program = Client(headers={"Authorization": f"Token {token}"})
    assert by_program.get(f"/api/v1/runs/{site.run.pk}").json()["track"] == track
    assert by_program.get(f"/api/v1/leaderboard?track={track}&min_quality=0").json()["count"] == 1


def test_an_administrators_other_tokens_see_nothing(site: Site, administrator: Any, settings: Any) -> None:
    path = f"/api/v1/entries/{site.entry.pk}"
    seen = {}
    for scope in ("submit", "administer", "worker"):
        token = services.create_token(administrator, by=None, name=scope, scope=scope)
        seen[scope] = Client(headers={"Authorization": f"Token {token}"}).get(path).status_code
    ApiToken.objects.all().delete()
    settings.ADMIN_2FA = True
    by_password = signed_in(administrator)
    assert [by_password.get(one).status_code for one in (path, f"/entries/{site.entry.pk}/")] == [404, 404]
    assert seen == {"submit": 404, "administer": 200, "worker": 404}
    assert Client(headers={"Authorization": f"Token {token}"}).get(path).status_code == 404


def test_while_it_waits_its_place_alone_is_seen(site: Site, bob: Any) -> None:
    again = services.rerun(site.run, by=site.alice)
    assert services.claim(again.pk, "worker")
    for client in (Client(), signed_in(bob)):
        page = text(client.get("/queue/"))
        assert "A private submission" in page
        (line,) = client.get("/api/v1/queue").json()["results"]
        assert (line["method"], line["track"], line["submission"], line["progress"]) == (
            "A private submission",
            "",
            None,
            {},
        )
        for path in ("/", "/activity/", "/queue/", "/api/v1/queue"):
            body = client.get(path).content.decode()
            assert not re.search(f"{WORD}|-private-|{site.run.submission_id}", body), path
    assert WORD in text(signed_in(site.alice).get("/queue/"))


def test_what_leaves_its_board_leaves_no_trace(site: Site, bob: Any, administrator: Any) -> None:
    path, other = (f"/entries/{names['entry']}/" for names in (site.there, site.nowhere))

    def is_as_if_it_never_was() -> bool:
        paths = [(path, other), (f"/api/v1{path[:-1]}", f"/api/v1{other[:-1]}")]
        return all(
            ask(client, one, names=site.there) == ask(client, missing, names=site.nowhere)
            for client in (Client(), signed_in(bob))
            for one, missing in paths
        )

    services.take_down(Entry.objects.filter(pk=site.entry.pk), by=administrator, reason=f"{WORD} is not true")
    assert LogLine.objects.filter(action="take_down").exists()
    assert (signed_in(site.alice).get(path).status_code, is_as_if_it_never_was()) == (410, True)
    site.run.refresh_from_db()
    services.release_hold(site.run, by=administrator)
    services.withdraw(site.run.submission, by=site.alice)
    assert (signed_in(site.alice).get(path).status_code, is_as_if_it_never_was()) == (410, True)


def test_the_same_in_public_is_another_work(site: Site, bob: Any, administrator: Any) -> None:
    entry = Entry.objects.select_related("board").get(pk=site.public["entry"])
    assert (entry.work_id != site.entry.work_id, entry.board_id != site.entry.board_id) == (True, True)
    assert (entry.results, entry.inference_energy_j, site.entry.results) == (1, 0.01, 1)
    mine, created = services.submit(
        recipe(site.found, site.content, epochs=2), hardware=site.hardware, submitter=site.alice
    )
    assert created
    by_bob, _ = services.submit(site.private, hardware=site.hardware, submitter=bob)
    assert by_bob.pk != site.run.submission_id
    assert len({by_bob.recipe.track, site.entry.board.track, entry.board.track}) == 3
    again, created = services.submit(site.private, hardware=site.hardware, submitter=site.alice)
    assert (again.pk, created) == (site.run.submission_id, False)
    with pytest.raises(services.Refused, match="a new version is on the same track"):
        services.submit(
            recipe(site.found, site.content, title="Another", visibility="private"),
            hardware=site.hardware,
            submitter=site.alice,
            version_of=mine.pk,
        )
    with pytest.raises(services.Refused, match="not the number of your account"):
        services.submit(site.private.kept_private_to(site.alice.pk), hardware=site.hardware, submitter=bob)
    with pytest.raises(services.Refused, match="nobody submits it"):
        services.submit(site.private, hardware=site.hardware, submitter=None)
    site.alice.delete()
    assert signed_in(administrator).get(f"/entries/{site.entry.pk}/").status_code == 200
    assert Client().get(f"/entries/{site.entry.pk}/").status_code == 404, "it stays private"
    with pytest.raises(IntegrityError), transaction.atomic():
        Board.objects.filter(pk=site.entry.board_id).update(private_to=None)


def test_an_export_leaves_it_here(site: Site, tmp_path: Any) -> None:
    call_command("export_results", str(tmp_path / "moved"))
    said = b"".join(path.read_bytes() for path in (tmp_path / "moved").rglob("*") if path.is_file())
    assert (b"Everybody's birds" in said, WORD.encode() in said, b"-private-" in said) == (True, False, False)


def test_public_pages_ask_no_more(site: Site, django_assert_num_queries: Any) -> None:
    owner, others = signed_in(site.alice), Client()
    public = f"/?track={site.entry.board.track.partition('-private-')[0]}&min_quality=0"
    for client in (owner, others):
        client.get(public)
    with django_assert_num_queries(1):
        glance()
    for number in (2, 1):  # the board's too, until the answer is at hand
        with django_assert_num_queries(number):
            others.get("/api/v1/leaderboard/snapshot")
    board = f"/api/v1/leaderboard/snapshot?track={site.entry.board.track}"
    owner.get(board)
    with django_assert_num_queries(3):  # the session and its account come first
        assert owner.get(board).status_code == 200
