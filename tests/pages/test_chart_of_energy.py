"""The chart's figure: a line an entry, the champions' envelope with its crossings, the reader's marker."""

import pytest
from django.urls import reverse

from leaderboard.charts import MOST_LINES
from tests.factories import EntryFactory, make_board

pytestmark = pytest.mark.django_db


def figure(client, **parameters):
    return client.get(reverse("energy-chart"), parameters).json()


def traces(drawn, role):
    return [trace for trace in drawn["data"] if trace["meta"]["role"] == role]


def test_lines_envelope_and_marker(client):
    make_board(4)
    drawn = figure(client, usage_intensity="5e5")
    assert len(traces(drawn, "champion") + traces(drawn, "entry")) == 4
    assert drawn["layout"]["shapes"][0]["x0"] == 5e5
    (envelope,) = traces(drawn, "envelope")
    lines = traces(drawn, "champion")
    for x, y in zip(lines[0]["x"], zip(*(line["y"] for line in lines), strict=True), strict=True):
        assert envelope["y"][envelope["x"].index(x)] == min(y)


def test_crossing_is_where_the_lines_meet(client):
    board = make_board(0)
    EntryFactory(board=board, own_energy_j=100, inference_energy_j=0.01)
    EntryFactory(board=board, own_energy_j=1000, inference_energy_j=0.001)
    (crossings,) = traces(figure(client), "crossings")
    assert crossings["x"] == [pytest.approx(100_000)]
    assert crossings["y"] == [pytest.approx(1100)]


def test_empty_board_is_an_empty_chart(client):
    assert figure(client)["data"] == []


def test_a_full_board_draws_its_champions_and_the_best(client):
    make_board(MOST_LINES + 20)
    drawn = figure(client)
    assert len(traces(drawn, "champion") + traces(drawn, "entry")) == MOST_LINES
    assert drawn["layout"]["meta"] == {"drawn": MOST_LINES, "entries": MOST_LINES + 20}
