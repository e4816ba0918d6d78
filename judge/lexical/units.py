"""Units of measure as text spells them, and what they come to by `pint`. Currencies are kinds, not converted.

Pint would read the "a" of "5 a side" as years and the "in" of "5 in all" as inches, so only spellings listed
here are units, and some of them only where nothing goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pint


@dataclass(frozen=True, slots=True)
class Measure:
    """What one unit comes to: `number * scale + offset` in the base unit of its dimension.

    Attributes:
        dimension: the base unit, or the kind of what is counted; empty for a bare number.
        scale: size of the unit; > 0.
        offset: where its zero lies; other than 0 for Celsius and Fahrenheit.
    """

    dimension: str = ""
    scale: float = 1.0
    offset: float = 0.0


BARE = Measure()
SHARE = "dimensionless"  # pint's name for the dimension of a percentage
_MEASURED_BY = {
    "nanometer": "nm nanometer nanometre",
    "micrometer": "um micrometer micrometre micron",
    "millimeter": "mm millimeter millimetre",
    "centimeter": "cm centimeter centimetre",
    "inch": "in inch inche",
    "foot": "ft foot feet",
    "yard": "yd yds yard",
    "meter": "m meter metre",
    "kilometer": "km kms kilometer kilometre",
    "mile": "mi mile",
    "nautical_mile": "nmi nautical_mile",
    "astronomical_unit": "au astronomical_unit",
    "light_year": "ly light_year lightyear",
    "acre": "acre",
    "hectare": "ha hectare",
    "milligram": "mg milligram milligramme",
    "gram": "g gram gramme",
    "kilogram": "kg kgs kilo kilogram kilogramme",
    "metric_ton short_ton long_ton": "ton",
    "metric_ton": "t tonne metric_ton metric_tonne",
    "ounce": "oz ounce",
    "pound": "lb lbs",
    "stone": "stone",
    "nanosecond": "ns nanosecond",
    "microsecond": "microsecond",
    "millisecond": "ms millisecond",
    "second": "s sec second seconds",
    "minute": "min minute",
    "hour": "h hr hrs hour",
    "day": "day",
    "week": "week",
    "fortnight": "fortnight",
    "month": "month",
    "year": "yr yrs year",
    "decade": "decade",
    "century": "century",
    "millennium": "millennium millennia",
    "milliliter": "ml milliliter millilitre",
    "centiliter": "cl centiliter centilitre",
    "liter": "l liter litre",
    "gallon imperial_gallon": "gal gallon",
    "quart imperial_quart": "quart",
    "pint imperial_pint": "pint",
    "fluid_ounce imperial_fluid_ounce": "fl_oz fluid_ounce",
    "mile/hour": "mph",
    "kilometer/hour": "kmh kph kmph",
    "knot": "kn knot",
    "hertz": "hz hertz",
    "kilohertz": "khz kilohertz",
    "megahertz": "mhz megahertz",
    "gigahertz": "ghz gigahertz",
    "watt": "w watt",
    "kilowatt": "kw kilowatt",
    "megawatt": "mw megawatt",
    "gigawatt": "gw gigawatt",
    "horsepower": "hp horsepower",
    "volt": "v volt",
    "joule": "joule",
    "kilojoule": "kj kilojoule",
    "calorie": "cal calory calorie",
    "kilocalorie": "kcal kilocalory kilocalorie",
    "kilowatt_hour": "kwh kilowatt_hour",
    "bit": "bit",
    "byte": "b byte",
    "kilobyte kibibyte": "kb kilobyte",
    "megabyte mebibyte": "mb megabyte",
    "gigabyte gibibyte": "gb gigabyte",
    "terabyte tebibyte": "tb terabyte",
    "percent": "percent",
    "degree degC degF": "degree",
    "degC": "c celsius centigrade degree_c degree_celsius degree_centigrade",
    "degF": "f fahrenheit degree_f degree_fahrenheit",
    "kelvin": "k kelvin degree_kelvin",
}  # spellings have one normal form, that of `judge.lexical.words`; the first unit is the likeliest
_UNITS: Mapping[str, tuple[str, ...]] = {
    spelling.replace("_", " "): tuple(units.split())
    for units, spellings in _MEASURED_BY.items()
    for spelling in spellings.split()
}
_KINDS: Mapping[str, Measure] = {
    spelling.replace("_", " "): Measure(kind)
    for kind, spellings in {
        "dollar": "dollar us_dollar american_dollar",
        "euro": "euro",
        "yen": "yen japanese_yen",
        "rupee": "rupee indian_rupee",
        "yuan": "yuan renminbi",
        "franc": "franc swiss_franc",
        "before Christ": "bc bce",
        "after Christ": "ad ce",
    }.items()
    for spelling in spellings.split()
}
_STERLING = Measure("pound sterling")
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_ALSO_WORDS = frozenset("in c f k s t w v b ad".split())  # units where no word goes on
_GOES_WITH_UNITS = frozenset("tall long wide high deep thick across diameter squared cubed".split())
_TIME_SIGNS = frozenset({"h", "hr", "s", "sec"})  # km/h, m/s
_NO_RATE = frozenset({"percent", "second", "minute", "hour", "day", "week", "month", "year"})
_REACH = 5  # words that a unit may take up, and one more


def unit_at(words: Sequence[str], at: int) -> tuple[tuple[Measure, ...], int]:
    """What the words from index `at` on may measure, likeliest first, and the index after the unit.

    `((BARE,), at)` where no unit begins.

    >>> [kmh], end = unit_at("80 km per hour by day".split(), 1)
    >>> kmh.dimension, round(80 * kmh.scale, 2), end
    ('meter / second', 22.22, 4)
    """
    measures, length = _unit(tuple(words[at : at + _REACH]))
    return measures, at + length


@lru_cache(maxsize=1 << 14)
def _unit(words: tuple[str, ...]) -> tuple[tuple[Measure, ...], int]:
    power, end = (_POWERS[words[0]], 1) if words and words[0] in _POWERS else (1, 0)
    kind = next((size for size in (2, 1) if " ".join(words[:size]) in _KINDS), 0)
    if kind and not _goes_on(words):
        return (_KINDS[" ".join(words[:kind])],), kind
    if words[:1] == ("pound",):
        return (_measure("pound"), _STERLING), 1
    units, end = _named(words, end)
    if not units or (power == 1 and _goes_on(words)):
        return (BARE,), 0
    if power == 1 and words[end : end + 1] and words[end] in _POWERS:
        power, end = _POWERS[words[end]], end + 1
    if power > 1:
        units = tuple(f"{unit}**{power}" for unit in units)
    slash = words[end : end + 1] and words[end] in _TIME_SIGNS
    over, after = (
        _named(words, end if slash else end + 1) if slash or words[end : end + 1] == ("per",) else ((), 0)
    )
    if over and _NO_RATE.isdisjoint(units):
        units, end = tuple(f"{unit}/{other}" for unit, other in product(units, over)), after
    return tuple(map(_measure, units)), end


def _named(words: Sequence[str], at: int) -> tuple[tuple[str, ...], int]:
    """The units that the one or two words from `at` on name, and the index after them."""
    for size in (2, 1):
        units = _UNITS.get(" ".join(words[at : at + size]))
        if units:
            return units, min(at + size, len(words))
    return (), at


def _goes_on(words: Sequence[str]) -> bool:
    """Whether the first word is more likely a word, or somebody's initial, than a unit."""
    following = words[1] if len(words) > 1 else ""
    return (
        words[0] in _ALSO_WORDS
        and bool(following)
        and following not in _GOES_WITH_UNITS
        and not following[-1].isdecimal()
    )


@cache
def _registry() -> "pint.UnitRegistry[float]":
    import pint  # a third of a second, and most texts have no units

    return pint.UnitRegistry()


@cache
def _measure(unit: str) -> Measure:
    nothing, one = (_registry().Quantity(number, unit).to_base_units() for number in (0.0, 1.0))
    offset = float(nothing.magnitude)
    return Measure(str(one.units), float(one.magnitude) - offset, offset)
