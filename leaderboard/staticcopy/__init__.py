"""A copy of the public site as files, which any file server serves: what readers without an account see.

No tool that does this fits. `wget --mirror` follows every link of a board to every other question, and a board has no
address but its parameters. django-distill and django-bakery write addresses without parameters too; neither makes
links relative, nor knows what is left out.
"""

from leaderboard.staticcopy.addresses import EXPORTED, LEFT_OUT
from leaderboard.staticcopy.making import COPY, Unanswered, make_copy

__all__ = ["COPY", "EXPORTED", "LEFT_OUT", "Unanswered", "make_copy"]
