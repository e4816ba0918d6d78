"""Amounts, dates and lists that are short answers: read, vary, write back.

Reads the answers of question sets, which are short and clean; comparing what running text says is the work of
`judge.lexical.numbers`.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from judge.contrast.answers import MONTHS
from judge.lexical import numerals

TENS = {value: word for word, value in numerals.TENS.items()}
MAGNITUDES = {"hundred": 10**2} | numerals.MAGNITUDES
NUMBER = r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?"
CURRENCIES = "$£€"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its singular and plural; `size` in the base unit of its `family`."""

    one: str
    many: str
    size: Decimal
    family: str


# International and US customary definitions: singular, plural, size in the base unit of the family.
UNITS = tuple(
    Unit(one, many, Decimal(size), family)
    for family, units in {
        "length": (
            ("km", "km", "1000"), ("kilometre", "kilometres", "1000"), ("mile", "miles", "1609.344"),
            ("metre", "metres", "1"), ("m", "m", "1"), ("cm", "cm", "0.01"), ("foot", "feet", "0.3048"),
            ("inch", "inches", "0.0254"), ("yard", "yards", "0.9144"),
        ),
        "mass": (
            ("kg", "kg", "1"), ("kilogram", "kilograms", "1"), ("tonne", "tonnes", "1000"),
            ("gram", "grams", "0.001"), ("pound", "pounds", "0.45359237"),
            ("ounce", "ounces", "0.028349523125"),
        ),
        "time": (
            ("second", "seconds", "1"), ("minute", "minutes", "60"), ("hour", "hours", "3600"),
            ("day", "days", "86400"),
        ),
        "volume": (
            ("litre", "litres", "1"), ("gallon", "gallons", "3.785411784"), ("pint", "pints", "0.473176473"),
        ),
        "speed": (("km/h", "km/h", "1"), ("mph", "mph", "1.609344")),
    }.items()
    for one, many, size in units
)  # fmt: skip
COUNTED = frozenset(
    (
        "year",
        "years",
        "dollar",
        "dollars",
        "people",
        "euros",
        "%",
        "percent",
        "degrees",
        "months",
        "weeks",
        "times",
    )
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with what is counted. `unit` and `currency` may be empty; `currency` is a sign in front."""

    value: Decimal
    unit: str = ""
    currency: str = ""

    def __str__(self) -> str:
        figure = f"{self.value:,.10f}".rstrip("0").rstrip(".")
        return self.say(figure)

    def say(self, figure: str) -> str:
        """`figure` with its currency and unit."""
        return (
            self.currency + figure + (self.unit if self.unit == "%" else f" {self.unit}" if self.unit else "")
        )

    def rounded(self, figures: int) -> "Amount":
        """The same to `figures` significant figures."""
        return replace(self, value=Decimal(f"{self.value:.{figures}g}"))

    def respelled(self) -> "Amount | None":
        """The same with its unit spelled the other way, "km" as "kilometres"; None where there is one way."""
        own = _unit(self.unit)
        ways = [unit.many for unit in UNITS if own and unit.size == own.size and unit.family == own.family]
        return next((replace(self, unit=way) for way in ways if own and way != own.many), None)

    def converted(self, rng: Random) -> "Amount | None":
        """The same in another unit of its family, of a size one would say, to four significant figures."""
        own = _unit(self.unit)
        if own is None or self.value <= 0:
            return None
        ways = [Amount(self.value * own.size / unit.size, unit.many) for unit in _relatives(own)]
        ways = [way for way in ways if 1 < way.value < 100_000]
        return rng.choice(ways).rounded(4) if ways else None

    def other_unit(self, rng: Random) -> "Amount | None":
        """Equal digits, another unit or currency: never the same amount."""
        if self.currency:
            return replace(self, currency=rng.choice(CURRENCIES.replace(self.currency, "")))
        own = _unit(self.unit)
        return replace(self, unit=rng.choice(_relatives(own)).many) if own and self.value else None


def _unit(name: str) -> Unit | None:
    spelled = name.replace("meter", "metre").replace("liter", "litre")
    return next((unit for unit in UNITS if spelled in (unit.one, unit.many)), None)


def _relatives(own: Unit) -> list[Unit]:
    return [unit for unit in UNITS if unit.family == own.family and unit.size != own.size]


def read_amount(text: str) -> Amount | None:
    """The amount that `text` is, as in "1.2 million km", "£5" or "about 27"; None if it is anything else."""
    found = re.fullmatch(
        rf"(?:about |around |approximately |over |almost )?([{CURRENCIES}]?)({NUMBER})"
        r"(?: (hundred|thousand|million|billion|trillion))?(?: ?([a-z/%]+))?",
        text.strip().rstrip("."),
    )
    if not found:
        return None
    currency, figure, magnitude, unit = found.groups(default="")
    if unit and (currency or (_unit(unit) is None and unit not in COUNTED)):
        return None
    return Amount(Decimal(figure.replace(",", "")) * MAGNITUDES.get(magnitude, 1), unit, currency)


def read_number(text: str) -> Decimal | None:
    """The bare number that `text` is, in digits or as one word below twenty."""
    bare = text.strip().rstrip(".").lower()
    if bare in numerals.CARDINALS:
        return Decimal(numerals.CARDINALS.index(bare))
    return Decimal(bare.replace(",", "")) if re.fullmatch(NUMBER, bare) else None


def in_words(number: int) -> str:
    """`number` from 0 to 999,999 in words: 1200 is "one thousand two hundred"."""
    if number < 20:
        return numerals.CARDINALS[number]
    if number < 100:
        tens, ones = TENS[number // 10 * 10], numerals.CARDINALS[number % 10]
        return f"{tens}-{ones}" if number % 10 else tens
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
        name, nth = MONTHS[self.month - 1], f"{self.day}{_ordinal(self.day)}"
        return [
            f"{self.day} {name} {self.year}",
            f"{name} {self.day}, {self.year}",
            f"{name} {nth}, {self.year}",
            f"the {nth} of {name} {self.year}",
            f"{self.year:04}-{self.month:02}-{self.day:02}",
            f"{name[:3]} {self.day}, {self.year}",
            f"{self.day} {name[:3]}. {self.year}",
            f"{name.lower()} {self.day} {self.year}",
        ]


def read_date(text: str) -> Date | None:
    """The day that `text` is, month by name; None for anything else."""
    bare = re.sub(r"(?<=\d)(st|nd|rd|th)\b|,|\.|\b(?:of|the|on)\b", " ", text.lower())
    parts = sorted(bare.split(), key=lambda part: (part.isdigit(), len(part)))
    if len(parts) != 3 or not parts[1].isdigit() or not re.fullmatch(r"\d{4}", parts[2]):
        return None
    months = [
        i for i, month in enumerate(MONTHS, 1) if len(parts[0]) >= 3 and month.lower().startswith(parts[0])
    ]
    day = int(parts[1])
    return Date(int(parts[2]), months[0], day) if months and 1 <= day <= 31 else None


def _ordinal(day: int) -> str:
    return "th" if 4 <= day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def listed(text: str) -> list[str]:
    """The members of a list such as "red, white and blue"; empty where it is none."""
    members = [part.strip(" .") for part in re.split(r",\s*(?:and\s+)?|\s+and\s+|\s*;\s*|\s+&\s+", text)]
    comma_list = "," in text and len(members) >= 3
    pair = bool(re.search(r" (and|&) ", text)) and len(members) == 2
    fit = all(0 < len(member) <= 30 for member in members) and len({m.lower() for m in members}) == len(
        members
    )
    return members if fit and (comma_list or pair) and not re.search(r"\d|\bor\b", text) else []
