"""Who submits a work first does not own it: another's names are shown beside, until an administrator decides."""

import pytest

from leaderboard import queries, services
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Claim, Method
from leaderboard.services import Refused
from tests.pages.reading import text
from tests.records import make_recipe
from tests.services.verifying import verify

pytestmark = pytest.mark.django_db


def named(title, *authors, **changes):
    method = {"title": title, "family": "compact", "authors": list(authors)}
    return make_recipe(method=method, **changes)


@pytest.fixture
def squatted(hardware, alice):
    """Alice has submitted Bob's work as hers, and it is on the boards."""
    run, _ = verify(named("Alice's network", "Alice A."), hardware, alice)
    return run.submission


def title_on_board():
    (row,) = queries.ranked_board(LeaderboardQuery(min_quality=0.0)).rows
    return row.entry.method.title, row.entry.also_claimed_as


@pytest.mark.parametrize("changes", [{}, {"seed": 3}, {"budget": {"time_s": 99.0}}])
def test_both_names_are_shown_until_an_administrator_decides(hardware, squatted, bob, client, changes):
    submission, _ = services.submit(named("Bob's network", "Bob B.", **changes), hardware=hardware, submitter=bob)

    assert title_on_board() == ("Alice's network", "Bob's network")
    entry = queries.entries().first()
    for address in ("/?min_quality=0", entry.get_absolute_url(), submission.get_absolute_url()):
        page = text(client.get(address))
        assert "Alice's network" in page
        assert "Bob's network" in page
    (row,) = client.get("/api/v1/leaderboard?min_quality=0").json()["results"]
    assert (row["method"], row["also_claimed_as"]) == ("Alice's network", "Bob's network")
    answer = client.get(f"/api/v1/entries/{entry.pk}").json()
    assert answer["also_claimed_as"] == [{"title": "Bob's network", "authors": ["Bob B."], "paper": None}]


def test_an_accepted_claim_gives_the_work_its_names_and_loses_none(hardware, squatted, bob, administrator):
    services.submit(named("Bob's network"), hardware=hardware, submitter=bob)
    services.submit(named("Eve's network"), hardware=hardware, submitter=administrator)
    claim = Claim.objects.get(method__submitter=bob)
    services.decide(claim, accept=True, by=administrator)
    assert title_on_board() == ("Bob's network", None)
    states = dict(Claim.objects.values_list("method__title", "state"))
    assert states == {"Alice's network": "refused", "Bob's network": "accepted", "Eve's network": "refused"}
    with pytest.raises(Refused, match="has been decided already"):
        services.decide(claim, accept=False, by=administrator)


def test_a_refused_claim_is_shown_no_more_and_not_made_again(hardware, squatted, bob, administrator):
    services.submit(named("Bob's network"), hardware=hardware, submitter=bob)
    services.decide(Claim.objects.get(), accept=False, by=administrator)
    services.submit(named("Bob's network again"), hardware=hardware, submitter=bob)
    assert title_on_board() == ("Alice's network", None)
    assert Claim.objects.count() == 1


def test_the_names_that_stand_claim_nothing_and_take_a_claim_back(hardware, squatted, bob, alice):
    same = named("alice's network", "Alice A.")
    services.submit(same, hardware=hardware, submitter=bob)
    assert not Claim.objects.exists()
    services.submit(named("Bob's network"), hardware=hardware, submitter=bob)
    services.submit(same, hardware=hardware, submitter=bob)
    services.submit(named("Alice's network, again"), hardware=hardware, submitter=alice)
    assert not Claim.objects.exists()
    assert Method.objects.get().title == "Alice's network"


def test_administrators_decide_claims_in_the_admin_site(hardware, squatted, bob, admin_client):
    services.submit(named("Bob's network"), hardware=hardware, submitter=bob)
    chosen = {"action": "accept", "_selected_action": Claim.objects.get().pk}
    page = admin_client.post("/admin/leaderboard/claim/", chosen, follow=True)
    assert "accepted" in text(page)
    assert title_on_board() == ("Bob's network", None)
