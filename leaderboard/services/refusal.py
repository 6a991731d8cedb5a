"""The error of a service that can't do what was asked."""

from __future__ import annotations


class Refused(Exception):
    """A request that can't be met, with the field at fault (may be empty), what is wrong and what to do.

    subject: of `message`, if it lacks one because the field is usually shown with it.
    """

    def __init__(self, field: str, message: str, *, subject: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.sentence = f"{subject} {message}".strip()


class Invalid(Refused):
    """A value that is missing or can't be taken, whatever the state of things."""


class LimitReached(Refused):
    """Something that is allowed again later: there is too much of it now.

    retry_after_s: None if nobody can say when.
    """

    def __init__(self, field: str, message: str, *, subject: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(field, message, subject=subject)
        self.retry_after_s = retry_after_s


class Gone(Refused):
    """Something that could be done once, and no more."""


class TooBig(Refused):
    """Something that is larger than this site takes."""
