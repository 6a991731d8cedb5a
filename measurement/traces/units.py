"""What the title of a column says: its bare name and the unit that people write with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

WATTS = {"uW": 1e-6, "mW": 1e-3, "W": 1.0, "kW": 1e3}
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}

AMBIGUOUS = "MW"
"""Megawatts, which no machine draws, or milliwatts in capitals: never guessed."""

_POWER_UNITS = {
    **dict.fromkeys(("w", "watt", "watts"), "W"),
    **dict.fromkeys(("mw", "milliwatt", "milliwatts"), "mW"),
    **dict.fromkeys(("kw", "kilowatt", "kilowatts"), "kW"),
    **dict.fromkeys(("uw", "\u00b5w", "\u03bcw", "microwatt", "microwatts"), "uW"),
}
_TIME_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs", "usec", "micros", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanosecond", "nanoseconds"), "ns"),
}
_OTHER_UNITS = frozenset((
    "j", "kj", "joule", "joules", "wh", "kwh", "mwh", "mj", "uj", "va", "var", "v", "mv", "volt", "volts", "a",
    "ma", "amp", "amps", "c", "degc", "celsius", "f", "k", "hz", "khz", "mhz", "ghz", "pct", "percent", "rpm", "b",
    "kb", "mb", "gb", "kib", "mib", "gib", "bytes",
))  # fmt: skip
# Words that make a column with watts something other than the power drawn.
_LIMITS = frozenset((
    "limit", "limits", "cap", "caps", "capped", "max", "maximum", "min", "minimum", "tdp", "budget", "threshold",
    "default", "enforced", "requested", "rated", "setpoint", "target",
))  # fmt: skip
_POWER_WORDS = frozenset(("power", "pwr", "powr", "draw", "wattage"))
_ENERGY_WORDS = frozenset(("energy", "hour", "hours", "h", "j", "joule", "joules", "wh", "kwh", "mwh"))

_BRACKETS = re.compile(r"\s*(?:\[([^\[\]]*)\]|\(([^()]*)\))")
_AFTER_SLASH = re.compile(r"\s*/\s*(\S+)$")
_WORD = re.compile(r"[^\W_]+|%")
# `PkgWatt` and `powerW`, but not the last letter of `powermW`.
_IN_CAPITALS = re.compile(r"(?:(?<=[a-z])(?:Milli|Kilo|Micro)|(?<=[A-Za-z]))(Watts?)$|(?<=[a-z])(?<![mku])(W)$")


@dataclass(frozen=True, slots=True)
class Title:
    """A column's title as read. `unit` is a key of WATTS, AMBIGUOUS, or empty; `other` is a unit that isn't power."""

    text: str
    name: str
    unit: str = ""
    other: str = ""
    time_unit: str = ""

    @property
    def words(self) -> list[str]:
        return [word.lower() for word in _WORD.findall(self.name)]

    @property
    def is_limit(self) -> bool:
        """A cap or an extreme, not what was drawn."""
        return not _LIMITS.isdisjoint(self.words)

    @property
    def is_called_power(self) -> bool:
        """Whether the name says power, whatever its unit."""
        return not _POWER_WORDS.isdisjoint(re.sub(r"\d", "", word) for word in self.words)


def title_of(text: str) -> Title:
    """What a title says. `power.draw [W]` is power.draw in W, as are `Power (W)`, `power_w` and `PkgWatt`."""
    whole = " ".join(text.split())
    said = [inside.strip() for found in _BRACKETS.findall(whole) for inside in found if inside.strip()]
    name = _BRACKETS.sub("", whole).strip()
    if slash := _AFTER_SLASH.search(name):
        unit = slash[1]
        if power_unit(unit) or _time_unit(unit):
            said.append(unit)
            name = name[: slash.start()]
    name = (name or whole).lower()
    powers = [unit for unit in map(power_unit, said) if unit]
    times = [unit for unit in map(_time_unit, said) if unit]
    if powers:
        return Title(whole, name, unit=powers[0] if len(set(powers)) == 1 else AMBIGUOUS)
    if times:
        return Title(whole, name, time_unit=times[0])
    if said:
        return Title(whole, name, other=said[-1])
    return _from_words(whole, name)


def power_unit(text: str) -> str:
    """The unit that a text is: a key of WATTS, AMBIGUOUS for MW, empty if it is none."""
    text = text.strip()
    if text == "MW":
        return AMBIGUOUS
    return _POWER_UNITS.get(text.lower(), "") if not text.startswith("M") or len(text) > 2 else ""


def _time_unit(text: str) -> str:
    return _TIME_UNITS.get(text.strip().lower(), "")


def _from_words(whole: str, name: str) -> Title:
    """A unit that the name ends with, or that follows its power: `gpu_w`, `total_watts`, `power_w_gpu0`."""
    words = _WORD.findall(whole)
    if not words:
        return Title(whole, name)
    last = words[-1]
    lower = [word.lower() for word in words]
    unit = power_unit(last)
    if not unit and len(words) > 1 and last[-1].isdigit():
        unit = power_unit(last.rstrip("0123456789") or words[-2])
    if not unit:
        named = [
            power_unit(word)
            for before, word in zip(["", *lower], words, strict=False)
            if len(word) > 2 or re.sub(r"\d", "", before) in _POWER_WORDS
        ]
        unit = next(filter(None, named), "")
    if not unit and (inside := _IN_CAPITALS.search(last)):
        unit = power_unit(inside[0])
    if unit and _ENERGY_WORDS.isdisjoint(lower):
        return Title(whole, name, unit=unit)
    if not unit and len(words) > 1 and (time := _time_unit(last)):
        return Title(whole, name, time_unit=time)
    if not unit and len(words) == 1 and len(last) > 2 and (time := _time_unit(last)):
        return Title(whole, name, time_unit=time)
    if unit or (len(words) > 1 and (last.lower() in _OTHER_UNITS or last == "%")):
        return Title(whole, name, other=last)
    return Title(whole, name)
