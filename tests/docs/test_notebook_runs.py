"""The notebook of docs/ runs from top to bottom against a site, and its figures are the board's."""

import json

import matplotlib as mpl
import pytest

from tests.browser.boards import make_varied_board
from tests.docs.reading import DOCS

pytestmark = pytest.mark.slow  # it loads pandas, polars and matplotlib

NOTEBOOK = json.loads((DOCS / "board-in-a-notebook.ipynb").read_text("utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg")
def test_every_cell_runs_and_shows_what_the_board_holds(live_server, monkeypatch):
    make_varied_board()
    monkeypatch.setenv("SITE", live_server.url)
    mpl.use("Agg")
    names = {}
    for source in CODE:
        exec(compile(source, "board-in-a-notebook.ipynb", "exec"), names)  # noqa: S102 - our own file
    board, by_family = names["board"], names["by_family"]
    assert len(board) > len(names["whole"]) > 5
    assert board["search_energy_j"].notna().any()  # so that sharing is part of what was recomputed
    assert by_family["entries"].sum() == len(names["whole"])
    assert by_family["least_energy_j"].min() == board.loc[board["complete"], "full_cycle_energy_j"].min()
    assert len(names["axes"].collections[0].get_offsets()) == len(names["whole"])
    assert names["best"]["rank"] == 1
    names["plt"].close("all")


def test_it_is_stored_without_what_one_run_of_it_showed():
    assert NOTEBOOK["nbformat"] == 4
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
    assert all(cell["outputs"] == [] for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code")
