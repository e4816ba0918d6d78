"""Numbers, quantities with units, dates and lists inside short answers: read, vary, write back.

Reads the answers of question sets, which are short and clean; it is no parser of running text.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from judge.answers import MONTHS

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
MAGNITUDES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
NUMBER = r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?"

# Singular, plural, how many of the base unit, the unit's family. International and US customary definitions.
UNITS = (
    ("km", "km", Decimal(1000), "length"),
    ("kilometre", "kilometres", Decimal(1000), "length"),
    ("mile", "miles", Decimal("1609.344"), "length"),
    ("metre", "metres", Decimal(1), "length"),
    ("m", "m", Decimal(1), "length"),
    ("foot", "feet", Decimal("0.3048"), "length"),
    ("cm", "cm", Decimal("0.01"), "length"),
    ("inch", "inches", Decimal("0.0254"), "length"),
    ("yard", "yards", Decimal("0.9144"), "length"),
    ("kg", "kg", Decimal(1), "mass"),
    ("kilogram", "kilograms", Decimal(1), "mass"),
    ("pound", "pounds", Decimal("0.45359237"), "mass"),
    ("gram", "grams", Decimal("0.001"), "mass"),
    ("ounce", "ounces", Decimal("0.028349523125"), "mass"),
    ("second", "seconds", Decimal(1), "time"),
    ("minute", "minutes", Decimal(60), "time"),
    ("hour", "hours", Decimal(3600), "time"),
    ("day", "days", Decimal(86400), "time"),
    ("litre", "litres", Decimal(1), "volume"),
    ("gallon", "gallons", Decimal("3.785411784"), "volume"),
    ("km/h", "km/h", Decimal(1), "speed"),
    ("mph", "mph", Decimal("1.609344"), "speed"),
)
COUNTED = ("year", "years", "dollar", "dollars", "people", "euros", "%", "percent", "degrees", "months", "weeks", "times")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with what is counted; `unit` may be empty."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        figure = f"{self.value:,.10f}".rstrip("0").rstrip(".")
        return self.say(figure)

    def say(self, figure: str) -> str:
        """`figure` followed by the unit."""
        return figure + (self.unit if self.unit == "%" else f" {self.unit}" if self.unit else "")

    def rounded(self, figures: int) -> "Quantity":
        """The same to `figures` significant figures."""
        return replace(self, value=Decimal(f"{self.value:.{figures}g}"))

    def converted(self, rng: Random) -> "Quantity | None":
        """The same quantity in another unit of its family, of a size one would say, to four significant figures."""
        own = _unit(self.unit)
        if own is None or self.value <= 0:
            return None
        ways = [
            Quantity(self.value * own[2] / size, many)
            for one, many, size, family in UNITS
            if family == own[3] and size != own[2]
        ]
        ways = [way for way in ways if Decimal("0.5") <= way.value < 100_000 and way.value != 1]
        return rng.choice(ways).rounded(4) if ways else None

    def other_unit(self, rng: Random) -> "Quantity | None":
        """Equal digits, another unit: never the same amount."""
        own = _unit(self.unit)
        if own is None or self.value == 0:
            return None
        units = [many for _, many, size, family in UNITS if family == own[3] and size != own[2]]
        return replace(self, unit=rng.choice(units))


def _unit(name: str) -> tuple[str, str, Decimal, str] | None:
    spelled = name.replace("meter", "metre").replace("liter", "litre")
    return next((unit for unit in UNITS if spelled in unit[:2]), None)


def read_quantity(text: str) -> Quantity | None:
    """The quantity that `text` is, as in "1.2 million km" or "about 27"; None if it is anything else."""
    found = re.fullmatch(
        rf"(?:about |around |approximately |over |almost |[$£€])?({NUMBER})(?: (hundred|thousand|million|billion|trillion))?"
        r"(?: ?([a-z/%]+))?",
        text.strip().rstrip("."),
    )
    if not found:
        return None
    unit = found.group(3) or ""
    if text[0] in "$£€" and unit:
        return None
    if unit and _unit(unit) is None and unit not in COUNTED:
        return None
    value = Decimal(found.group(1).replace(",", "")) * MAGNITUDES.get(found.group(2), 1)
    return Quantity(value, unit)


def read_number(text: str) -> Decimal | None:
    """The bare number that `text` is, in digits or as one word up to twelve."""
    bare = text.strip().rstrip(".").lower()
    if bare in ONES:
        return Decimal(ONES.index(bare))
    return Decimal(bare.replace(",", "")) if re.fullmatch(NUMBER, bare) else None


def in_words(number: int) -> str:
    """`number` from 0 to 999,999 in words: 1200 is "one thousand two hundred"."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = number % size
    joint = " and " if rest and (size == 100 or rest < 100) else " "
    return f"{in_words(number // size)} {name}" + (joint + in_words(rest) if rest else "")


@dataclass(frozen=True, slots=True)
class Date:
    """A day: year, month 1 to 12, day of the month."""

    year: int
    month: int
    day: int

    def ways(self) -> list[str]:
        """How the day is written, every way unambiguous."""
        name = MONTHS[self.month - 1]
        return [
            f"{self.day} {name} {self.year}",
            f"{name} {self.day}, {self.year}",
            f"{name} {self.day}{_ordinal(self.day)}, {self.year}",
            f"the {self.day}{_ordinal(self.day)} of {name} {self.year}",
            f"{self.year:04}-{self.month:02}-{self.day:02}",
            f"{name[:3]} {self.day}, {self.year}",
            f"{self.day} {name[:3]}. {self.year}",
            f"{name.lower()} {self.day} {self.year}",
        ]


def read_date(text: str) -> Date | None:
    """The day that `text` is, month by name; None for anything else."""
    bare = re.sub(r"(?<=\d)(st|nd|rd|th)\b|,|\.|\bof\b|\bthe\b|\bon\b", " ", text.lower())
    parts = sorted(bare.split(), key=lambda part: (part.isdigit(), len(part)))
    if len(parts) != 3 or not parts[1].isdigit() or not re.fullmatch(r"\d{4}", parts[2]):
        return None
    months = [i for i, month in enumerate(MONTHS, 1) if len(parts[0]) >= 3 and month.lower().startswith(parts[0])]
    day = int(parts[1])
    return Date(int(parts[2]), months[0], day) if months and 1 <= day <= 31 else None


def _ordinal(day: int) -> str:
    return "th" if 4 <= day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def listed(text: str) -> list[str]:
    """The members of a list such as "red, white and blue"; one member, or none, where it is no list."""
    members = [part.strip(" .") for part in re.split(r",\s*(?:and\s+)?|\s+and\s+|\s*;\s*|\s+&\s+", text)]
    comma_list = "," in text and len(members) >= 3
    pair = " and " in text and len(members) == 2
    fit = all(0 < len(member) <= 30 for member in members) and len({m.lower() for m in members}) == len(members)
    return members if fit and (comma_list or pair) and not re.search(r"\d", text) else []
