"""Several values of one parameter, given by repeating it or with commas between them."""

from __future__ import annotations

from typing import Any

from django import forms

from leaderboard.domain.usage import parse_usage_intensity

MOST_COMPARED = 6
MOST_USAGES = 6


class SeveralField(forms.Field):
    """The parts of a repeated parameter, each stripped, without empty ones."""

    widget = forms.SelectMultiple

    def to_python(self, value: Any) -> Any:
        given = [value] if isinstance(value, str) else value or []
        return [part.strip() for item in given for part in str(item).split(",") if part.strip()]


class SeveralEntriesField(SeveralField):
    """Numbers of entries, each once, at most as many as can be compared."""

    def to_python(self, value: Any) -> tuple[int, ...]:
        parts = super().to_python(value)
        for part in parts:
            if not (part.isascii() and part.isdecimal() and len(part) <= 15):
                raise forms.ValidationError(f"{part[:40]!r} is not an entry's number")
        entries = tuple(dict.fromkeys(map(int, parts)))
        if len(entries) > MOST_COMPARED:
            raise forms.ValidationError(f"has {len(entries)} entries, but at most {MOST_COMPARED} can be compared")
        return entries


class SeveralUsagesField(SeveralField):
    """Usage intensities, ascending, each once."""

    def to_python(self, value: Any) -> tuple[float, ...]:
        parts = super().to_python(value)
        try:
            # In an address, the plus sign of 1e+06 is read as a space.
            usages = sorted({parse_usage_intensity(part.replace("e ", "e+")) for part in parts})
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if len(usages) > MOST_USAGES:
            raise forms.ValidationError(f"has {len(usages)} usage intensities, but at most {MOST_USAGES} are shown")
        return tuple(usages)
