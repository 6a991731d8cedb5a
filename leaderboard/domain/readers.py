"""Who reads: what is private is shown to the account that it is of and to administrators, and to nobody else.

Whatever lists or serves results asks here. Outside `reading_as` everybody reads, and sees what is public alone: a
page that knows nothing of its reader shows nothing private.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """An account by its number, None without one; administrators see all."""

    account: int | None = None
    sees_all: bool = False

    def may_see(self, private_to: int | None) -> bool:
        """Whether the reader sees what is private to the account of this number; None: it is public."""
        return private_to is None or self.sees_all or self.account == private_to

    @property
    def is_everybody(self) -> bool:
        """Whether no more than what is public is seen."""
        return self == EVERYBODY


EVERYBODY = Reader()


@dataclass(slots=True)
class Reading:
    """One answer in the making: for whom, and whether anything private was read for it, so that nobody keeps it."""

    reader: Reader = EVERYBODY
    is_private: bool = False


_reading: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def reading_as(reader: Reader) -> Iterator[Reading]:
    """What the block reads is read for `reader`, or for whom the reading is given to later."""
    reading = Reading(reader)
    token = _reading.set(reading)
    try:
        yield reading
    finally:
        _reading.reset(token)


def reader_now() -> Reader:
    """The reader of the answer in the making; everybody without one."""
    reading = _reading.get()
    return reading.reader if reading is not None else EVERYBODY


def note_read(private_to: int | None) -> None:
    """That something was read which is private to the account of this number, if it is."""
    reading = _reading.get()
    if private_to is not None and reading is not None and not reading.reader.is_everybody:
        reading.is_private = True
