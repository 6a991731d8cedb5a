"""Fields for numbers as people write them. `allowed` says in words what a field takes."""

from __future__ import annotations

import math
from typing import Any

from django import forms

from leaderboard.domain.constraints import Constraint, allowed_amount, parse_amount
from leaderboard.domain.cost import ALLOWED_PRICE, parse_price
from leaderboard.domain.greenness import ALLOWED_ACCURACY_WEIGHT, MAX_ACCURACY_WEIGHT
from leaderboard.domain.quality import ALLOWED_QUALITY, parse_quality
from leaderboard.domain.typed_number import Unreadable, read_number, shortened
from leaderboard.domain.usage import ALLOWED_USAGE_INTENSITY, parse_usage_intensity
from leaderboard.domain.usage_range import ALLOWED_RANGE_END, LEAST_USAGE_INTENSITY


class TypedField(forms.Field):
    """A text that `read` makes a number of; its ValueError is the message."""

    widget = forms.TextInput
    allowed = ""
    decimal_comma = False

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def to_python(self, value: Any) -> float | None:
        if value in self.empty_values or not str(value).strip():
            return None
        try:
            return self.read(str(value))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def read(self, text: str) -> float:
        """The number. Raises ValueError that says what is allowed."""
        raise NotImplementedError


class UsageIntensityField(TypedField):
    """Images over the model's life: 2,000,000, 3 million, 3e6."""

    allowed = ALLOWED_USAGE_INTENSITY

    def read(self, text: str) -> float:
        return parse_usage_intensity(text)


class RangeEndField(UsageIntensityField):
    """One end of a range of usage intensities."""

    allowed = ALLOWED_RANGE_END

    def read(self, text: str) -> float:
        try:
            number = super().read(text)
        except ValueError:
            number = math.nan
        if not number >= LEAST_USAGE_INTENSITY:
            raise ValueError(f"is {shortened(text)!r}, but must be {ALLOWED_RANGE_END}")
        return number


class QualityField(TypedField):
    """A quality: 0.75, 75 or 75 %. A fraction."""

    allowed = ALLOWED_QUALITY

    def read(self, text: str) -> float:
        return parse_quality(text)


class LimitField(TypedField):
    """A limit on a figure: 25000000 or 25 M."""

    def __init__(self, constraint: Constraint) -> None:
        super().__init__()
        self.constraint, self.allowed = constraint, allowed_amount(constraint)

    def read(self, text: str) -> float:
        return parse_amount(text, self.constraint)


class PriceField(TypedField):
    """A price per kWh: 0.25 or 0,25."""

    allowed = ALLOWED_PRICE

    def read(self, text: str) -> float:
        return parse_price(text)


class NumberField(TypedField):
    """A number from `least` to `most`, or above `least`. decimal_comma: nobody would type thousands here."""

    def __init__(
        self,
        allowed: str,
        *,
        least: float,
        most: float = math.inf,
        is_above: bool = False,
        decimal_comma: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.allowed, self.decimal_comma = allowed, decimal_comma
        self._least, self._most, self._is_above = least, most, is_above

    def read(self, text: str) -> float:
        try:
            number = read_number(text, decimal_comma=self.decimal_comma)
        except Unreadable:
            number = math.nan
        if (
            not self._least <= number <= self._most
            or number == math.inf
            or (self._is_above and number == self._least)
        ):
            raise ValueError(f"must be {self.allowed}")
        return number


class AccuracyWeightField(NumberField):
    """The τ of greenness."""

    def __init__(self, **options: Any) -> None:
        super().__init__(ALLOWED_ACCURACY_WEIGHT, least=0, most=MAX_ACCURACY_WEIGHT, decimal_comma=True, **options)
