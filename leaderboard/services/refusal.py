"""What a service says to a request that it can't meet."""

from __future__ import annotations


class Refused(Exception):
    """A request that can't be met, with the field at fault (may be empty) and what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
