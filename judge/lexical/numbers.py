"""Quantities in text, and whether two of them agree across units and rounding. Not a parser of formulas."""

from collections.abc import Sequence
from dataclasses import dataclass

from judge.lexical.numerals import is_number

_UNITS: dict[str, tuple[str, float]] = {
    name: (dimension, factor)
    for dimension, units in {
        "length": {
            "mm millimeter millimetre": 1e-3, "cm centimeter centimetre": 1e-2, "inch inche": 0.0254,
            "ft foot feet": 0.3048, "yd yard": 0.9144, "m meter metre": 1.0, "km kilometer kilometre": 1e3,
            "mi mile": 1609.344,
        },
        "mass": {
            "mg milligram": 1e-6, "g gram": 1e-3, "oz ounce": 0.028349523125, "lb pound": 0.45359237,
            "kg kilogram": 1.0, "stone": 6.35029318, "ton tonne": 1e3,
        },
        "time": {
            "seconds": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 2.63e6,
            "year": 3.156e7, "decade": 3.156e8, "century": 3.156e9,
        },
        "volume": {"ml milliliter millilitre": 1e-3, "liter litre": 1.0, "gallon": 3.785411784},
        "speed": {"kmh kph": 1.0, "mph": 1.609344},
        "share": {"percent": 0.01},
        "dollar": {"dollar": 1.0},
        "euro": {"euro": 1.0},
        "degree": {"degree": 1.0},
    }.items()
    for names, factor in units.items()
    for name in names.split()
}  # fmt: skip
_FIRST_YEAR, _LAST_YEAR = 1000, 2100  # whole numbers between are exact, however many noughts they end in
_CONVERSION_TOLERANCE = 0.01  # relative; what a conversion of units may lose in rounding
_NO_GAP = 1e-9  # relative; what floating point may lose


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written, and what it comes to.

    Attributes:
        number: as written, before any unit.
        resolution: the weight of its last significant figure, in the unit written; > 0.
        dimension: length, mass, ...; empty for a bare number.
        factor: size of the unit written in the base unit of its dimension; 1 for a bare number.
    """

    number: float
    resolution: float
    dimension: str
    factor: float


def read_quantities(words: Sequence[str]) -> tuple[Quantity, ...]:
    """The numbers among words in normal form, each with the unit that follows it."""
    found = []
    for at, word in enumerate(words):
        if is_number(word):
            dimension, factor = _UNITS.get(words[at + 1], ("", 1.0)) if at + 1 < len(words) else ("", 1.0)
            found.append(Quantity(float(word), _resolution(word), dimension, factor))
    return tuple(found)


def _resolution(figure: str) -> float:
    """Weight of the last significant figure; two or more closing noughts are rounding, but in a year."""
    whole, _, decimals = figure.lstrip("-").partition(".")
    if decimals:
        return float(10.0 ** -len(decimals))
    noughts = len(whole) - len(whole.rstrip("0"))
    if noughts < 2 or (len(whole) == 4 and _FIRST_YEAR <= int(whole) <= _LAST_YEAR):
        return 1.0
    return float(10.0 ** min(noughts, max(0, len(whole) - 2)))


def agreement(left: Quantity, right: Quantity) -> float:
    """1 for the same amount, 0.5 if one is the other rounded, 0 otherwise or in units of another kind.

    >>> [mile], [km] = read_quantities(["5", "mile"]), read_quantities(["8.05", "km"])
    >>> agreement(mile, km)
    1.0
    """
    both_have_units = bool(left.dimension and right.dimension)
    if both_have_units and left.dimension != right.dimension:
        return 0.0
    if left.number == right.number and (left.factor == right.factor or not both_have_units):
        return 1.0
    one, other = left.number * left.factor, right.number * right.factor
    gap, largest = abs(one - other), max(abs(one), abs(other))
    if (
        left.factor != right.factor
        and gap <= (_CONVERSION_TOLERANCE if both_have_units else _NO_GAP) * largest
    ):
        return 1.0
    coarser = max(left.resolution * left.factor, right.resolution * right.factor)
    rounded = coarser != min(left.resolution * left.factor, right.resolution * right.factor)
    same_kind = both_have_units or left.factor == right.factor
    return 0.5 if same_kind and rounded and gap <= coarser / 2 else 0.0
