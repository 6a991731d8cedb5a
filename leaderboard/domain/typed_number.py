"""Numbers as people type them: 2,000,000, 3 million, 3e6, 2 Mio, 1.5B. Twin of static/leaderboard/typed_number.js.

What the marks mean (tests/vectors/typed_numbers.json holds every rule):

- Spaces and apostrophes divide thousands. So do commas and points that occur more than once, and the first of
  two kinds.
- One comma divides thousands if exactly three digits follow it and no zero comes before it: 1,500 is 1500, and 1,5
  and 0,125 are decimals. Where `decimal_comma` says that nobody would type thousands, it is always decimal.
- One point is always decimal, as programs write numbers: 1.500 is 1.5.
- Three digits after a comma or point behind spaces or apostrophes, as in 2 000,000, may be either: it is refused.
- A billion is 10^9. Sizes are words or letters, capital or not: k, M, B, T, Tsd, Mio, Mrd, lakh, crore.
"""

from __future__ import annotations

import re

SHOWN_CHARACTERS = 40
_MOST_CHARACTERS = 80
_SIZES = {
    3: "k thousand thousands tsd tausend",
    5: "lakh lakhs",
    6: "m mn mln mio million millions millionen",
    7: "crore crores",
    9: "b g bn bln mrd billion billions milliard milliards milliarde milliarden",
    12: "t tn trillion trillions",
    15: "quadrillion quadrillions",
}
SIZE_OF = {word: exponent for exponent, words in _SIZES.items() for word in words.split()}

_THOUSANDS = r"[1-9]\d{0,2}"
_COMMAS = rf"{_THOUSANDS}(?:,\d{{3}})+(?:\.\d*)?|[1-9]\d?(?:,\d\d)+,\d{{3}}(?:\.\d*)?"
_OTHERS = (
    rf"{_THOUSANDS}(?:\.\d{{3}}){{2,}}|{_THOUSANDS}(?:\.\d{{3}})+,\d*"
    rf"|{_THOUSANDS}(?: \d{{3}})+(?:[.,]\d*)?|{_THOUSANDS}(?:'\d{{3}})+(?:[.,]\d*)?"
)
_EITHER = re.compile(rf"{_THOUSANDS}(?:[ ']\d{{3}})+[.,]\d{{3}}")
_PLAIN = r"\d+(?:[.,]\d*)?|[.,]\d+"
_SCALE = (
    r"(?:e ?(?P<exponent>[+-]?\d{1,4})| ?[×x*·] ?10 ?(?:\^|\*\*) ?(?P<power>[+-]?\d{1,4})| ?(?P<size>[a-z]+)\.?)?"
)
_NOUN = r"(?: (?:images?|inferences?|requests?))?"
_NUMBER, _NUMBER_WITH_DECIMAL_COMMA = (
    re.compile(rf"(?P<sign>[+-]?) ?(?P<digits>{digits}){_SCALE}{_NOUN}", re.ASCII | re.IGNORECASE)
    for digits in (f"{_COMMAS}|{_OTHERS}|{_PLAIN}", f"{_OTHERS}|{_PLAIN}")
)
_ALIKE = str.maketrans(dict.fromkeys("\t\xa0\u2007\u2009\u202f", " ") | {"’": "'", "ʼ": "'", "\u2212": "-"})
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


class Unreadable(ValueError):
    """A text that is no number; `why`, if more can be said than that."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


def read_number(text: str, *, decimal_comma: bool = False) -> float:
    """The number that a text says. Raises Unreadable. Infinite above the largest float."""
    written = _plainly(text)
    found = (_NUMBER_WITH_DECIMAL_COMMA if decimal_comma else _NUMBER).fullmatch(written)
    if len(written) > _MOST_CHARACTERS or found is None:
        raise Unreadable(_why(written))
    size = (found["size"] or "").lower()
    if size and size not in SIZE_OF and not re.fullmatch("images?|inferences?|requests?", size):
        raise Unreadable(f"“{found['size']}” is not a known size")
    if _EITHER.fullmatch(found["digits"]):
        raise Unreadable("its last mark may divide thousands or be decimal")
    exponent = int(found["exponent"] or found["power"] or SIZE_OF.get(size, 0))
    return float(f"{found['sign']}{_with_point(found['digits'], decimal_comma=decimal_comma)}e{exponent}")


def shortened(text: str) -> str:
    """A typed text, cut to a length that fits a message."""
    stripped = text.strip()
    return stripped if len(stripped) <= SHOWN_CHARACTERS else stripped[:SHOWN_CHARACTERS] + "…"


def _plainly(text: str) -> str:
    """One kind of space, apostrophe and minus; 10⁶ as 10^6; a power of ten alone as one of 1."""
    written = text.strip().translate(_ALIKE)
    raised = re.fullmatch(r"(.*10)([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+)", written)
    if raised:
        written = f"{raised[1]}^{raised[2].translate(_RAISED)}"
    return f"1*{written}" if re.match(r"10 ?(\^|\*\*)", written) else written


def _with_point(digits: str, *, decimal_comma: bool) -> str:
    """Without marks between thousands, and with a point as the decimal mark."""
    bare = re.sub("[ ']", "", digits)
    last = max(bare.rfind(","), bare.rfind("."))
    if last < 0:
        return bare
    mark, other = bare[last], {",": ".", ".": ","}[bare[last]]
    is_alone = bare.count(mark) == 1
    is_thousands = mark == "," and not decimal_comma and re.fullmatch(rf"{_THOUSANDS},\d{{3}}", digits)
    if not is_alone or is_thousands:
        return bare.replace(mark, "").replace(other, ".")
    return f"{bare[:last].replace(other, '')}.{bare[last + 1 :]}"


def _why(written: str) -> str:
    if re.fullmatch(r"\d[\d., ']*\d", written, re.ASCII):
        return "its marks don't divide it in threes"
    return ""
