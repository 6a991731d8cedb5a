"""How a board is displayed: its columns and order, the grid for carbon, the price for cost, a range of an unknown N.

Of this the API has the range alone, at an address of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django import forms

from leaderboard.domain.board_query import changed_fields
from leaderboard.domain.carbon import GRID_REGIONS, GridRegion, grid_region
from leaderboard.domain.cost import MAX_CURRENCY_CHARACTERS, PRICE_REGIONS, Price, PriceRegion
from leaderboard.domain.usage import MAX_USAGE_INTENSITY, RATE_UNITS, usage_intensity_from_rate
from leaderboard.domain.usage_range import check_usage_range
from leaderboard.forms.board import SeveralChoicesField, one_of
from leaderboard.forms.numbers import NumberField, PriceField, RangeEndField
from leaderboard.forms.several import SeveralEntriesField, SeveralUsagesField
from leaderboard.forms.table_columns import ALWAYS, BY_KEY, CHOICES, COLUMNS, DEFAULT

REGIONS = {region.slug: region for region in GRID_REGIONS}
PRICES = {region.slug: region for region in PRICE_REGIONS}
SORTS = [sign + key for key in BY_KEY for sign in ("", "-")]
MOST_PUE = 10
ASSUMPTIONS = {"region", "pue", "price_region", "price_per_kwh", "currency"}
BARS = {"joules": "joules", "shares": "shares"}


@dataclass(frozen=True, slots=True)
class View:
    """columns: their keys, in the table's order; sort: a column's key, with “-” before it for descending.

    rate: images per `per` over `years`, from which the usage intensity is; None if the reader gave that itself.
    bars: whether the bars of phases scale with joules or each shows shares of its own total. at: other usage
    intensities (images) that are ranked side by side. chosen: numbers of the entries to compare.
    price_region: whose published price of electricity is charged, empty for none; price_per_kwh: a price that the
    reader typed, which goes before it, in `currency`.
    n_from, n_to: the range of an unknown usage intensity, images; both None if none is asked for.
    """

    columns: tuple[str, ...] = DEFAULT
    sort: str = "rank"
    region: str = "world"
    pue: float = 1.0
    rate: float | None = None
    per: str = "second"
    years: float | None = None
    bars: str = "joules"
    at: tuple[float, ...] = ()
    chosen: tuple[int, ...] = ()
    price_region: str = ""
    price_per_kwh: float | None = None
    currency: str = ""
    n_from: float | None = None
    n_to: float | None = None

    def parameters(self) -> dict[str, Any]:
        """The view as address parameters, without those at their default."""
        changed = changed_fields(self, View())
        if "columns" in changed:
            changed["columns"] = ",".join(changed["columns"])
        for name in changed.keys() & {"pue", "rate", "years", "price_per_kwh", "n_from", "n_to"}:
            changed[name] = f"{changed[name]:.15g}"
        if "at" in changed:
            changed["at"] = [f"{usage:.15g}" for usage in self.at]
        if "chosen" in changed:
            changed["chosen"] = ",".join(map(str, self.chosen))
        return changed

    def assumptions(self) -> dict[str, Any]:
        """The parameters that a page of one entry takes too: grid, PUE and price."""
        return {name: value for name, value in self.parameters().items() if name in ASSUMPTIONS}

    def on(self, **changes: Any) -> View:
        """The same view with some parts replaced."""
        return replace(self, **changes)

    @property
    def sort_column(self) -> str:
        """Key of the sort column."""
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        """Whether the greatest value comes first."""
        return self.sort.startswith("-")

    @property
    def usage_range(self) -> tuple[float, float] | None:
        """From how many images to how many, None if no range is asked for."""
        return None if self.n_from is None or self.n_to is None else (self.n_from, self.n_to)

    @property
    def grid(self) -> GridRegion:
        """The grid whose carbon is counted."""
        return grid_region(self.region)

    @property
    def published_price(self) -> PriceRegion | None:
        """The published price that is charged; None if the reader typed one, or wants none."""
        return PRICES.get(self.price_region) if self.price_per_kwh is None else None

    @property
    def price(self) -> Price | None:
        """The price that is charged, None if there is none."""
        if self.price_per_kwh is not None:
            return Price(self.price_per_kwh, self.currency)
        published = self.published_price
        return Price(published.price_per_kwh, published.currency) if published else None


class ViewForm(forms.Form):
    """Validates a view, and the rate and lifetime that give a usage intensity."""

    columns = SeveralChoicesField(
        required=False, choices=[(key, key) for key in CHOICES], error_messages=one_of(CHOICES)
    )
    sort = forms.ChoiceField(
        required=False, choices=[(sort, sort) for sort in SORTS], error_messages=one_of([*BY_KEY, "“-” before one"])
    )
    region = forms.ChoiceField(
        required=False,
        choices=[(slug, region.name) for slug, region in REGIONS.items()],
        error_messages=one_of(REGIONS),
    )
    pue = NumberField(f"a number from 1 to {MOST_PUE}", least=1, most=MOST_PUE, decimal_comma=True)
    rate = NumberField(
        f"a number above 0, at most {MAX_USAGE_INTENSITY:g} images over the lifetime", least=0, is_above=True
    )
    per = forms.ChoiceField(
        required=False, choices=[(unit, unit) for unit in RATE_UNITS], error_messages=one_of(RATE_UNITS)
    )
    years = NumberField("a number of years, above 0", least=0, is_above=True, decimal_comma=True)
    bars = forms.ChoiceField(required=False, choices=list(BARS.items()), error_messages=one_of(BARS))
    at = SeveralUsagesField(required=False)
    chosen = SeveralEntriesField(required=False)
    price_region = forms.ChoiceField(
        required=False,
        choices=[(slug, region.name) for slug, region in PRICES.items()],
        error_messages=one_of(PRICES),
    )
    price_per_kwh = PriceField()
    currency = forms.RegexField(
        # A code, a name or a sign: EUR, kr, €.
        r"^[^\W\d_]+\Z|^[^\w\s<>&\"']\Z",
        required=False,
        max_length=MAX_CURRENCY_CHARACTERS,
        error_messages={"invalid": "must be a code, a name or a sign, such as EUR, kr or €"},
    )
    n_from = RangeEndField()
    n_to = RangeEndField()

    def clean(self) -> dict[str, Any]:
        """Check that rate times lifetime is a valid usage intensity, and that a range has two ends in order."""
        data = super().clean() or self.cleaned_data
        rate, years = data.get("rate"), data.get("years")
        if rate is not None and "per" in self.errors:
            self.add_error("rate", f"must be per {', '.join(RATE_UNITS)}")
        elif rate is not None and years is not None:
            try:
                usage_intensity = usage_intensity_from_rate(rate / RATE_UNITS[data.get("per") or "second"], years)
            except ValueError as error:
                self.add_error("rate", str(error))
            else:
                data["usage_intensity"] = float(f"{usage_intensity:.15g}")
        elif rate is not None and "years" not in self.errors:
            self.add_error("years", "must be given with a rate: a number of years, above 0")
        elif years is not None and "rate" not in self.errors:
            self.add_error("rate", "must be given with a lifetime: images per second, minute, hour, day or month")
        self._check_range(data)
        return data

    def _check_range(self, data: dict[str, Any]) -> None:
        ends = {name: data.get(name) for name in ("n_from", "n_to")}
        given = [end for end in ends.values() if end is not None]
        if len(given) == 2:
            try:
                check_usage_range(*given)
            except ValueError as error:
                self.add_error("n_to", str(error))
        elif given and not {"n_from", "n_to"} & set(self.errors):
            missing = next(name for name, end in ends.items() if end is None)
            self.add_error(missing, "is missing; a range needs both n_from and n_to")

    def view(self) -> View:
        """The view, with defaults for what was not given."""
        data = self.cleaned_data
        default = View()
        has_rate = self.usage_intensity() is not None
        chosen = {ALWAYS, *(data.get("columns") or DEFAULT)}
        return View(
            columns=tuple(column.key for column in COLUMNS if column.key in chosen),
            sort=data.get("sort") or default.sort,
            region=data.get("region") or default.region,
            pue=data.get("pue") or default.pue,
            rate=data["rate"] if has_rate else None,
            per=data["per"] or default.per if has_rate else default.per,
            years=data["years"] if has_rate else None,
            bars=data.get("bars") or default.bars,
            at=data.get("at") or default.at,
            chosen=data.get("chosen") or default.chosen,
            price_region=data.get("price_region") or default.price_region,
            price_per_kwh=data.get("price_per_kwh"),
            currency=data.get("currency") or default.currency,
            **self._range(),
        )

    def _range(self) -> dict[str, float | None]:
        ends = {name: self.cleaned_data.get(name) for name in ("n_from", "n_to")}
        return ends if None not in ends.values() else {}

    def usage_intensity(self) -> float | None:
        """Images of the rate over the lifetime, None if either was not given."""
        return self.cleaned_data.get("usage_intensity")
