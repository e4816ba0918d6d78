"""Quantities in text, and whether two of them agree across units and rounding. Not a parser of formulas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from judge.lexical.dates import MONTH_NUMBERS, is_either_day
from judge.lexical.numerals import is_number
from judge.lexical.units import BARE, SHARE, Measure, unit_at
from judge.lexical.words import Words, word_set

_FIRST_YEAR, _LAST_YEAR = 1000, 2100  # whole numbers between are exact, however many noughts they end in
_CONVERSION_TOLERANCE = 0.01  # relative; what a conversion of units may lose in rounding
_NO_GAP = 1e-9  # relative; what floating point may lose
_DAY_OF_YEAR = Measure("day of the year")  # as a number, a month is a hundred days: 4 July is 704
_MONTH_LENGTH = 100.0
_MOST_WANTED = 256  # quantities of a reference; those that follow are words alone
_MOST_PAIRS = 1 << 16  # of quantities held against each other: a few hundredths of a second
_FALLS = word_set(
    "fell fall fallen drop dropped decline declined decrease decreased down lost shrank contracted"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a quantity.

    Attributes:
        number: as written, in the unit written.
        measure: what that unit comes to.
        amount: the number in the base unit of its dimension.
        grain: the weight of its last significant figure, in that base unit; > 0.
    """

    number: float
    measure: Measure
    amount: float
    grain: float


@lru_cache(maxsize=1 << 14)
def _reading(number: float, resolution: float, measure: Measure = BARE) -> Reading:
    return Reading(
        number, measure, amount=number * measure.scale + measure.offset, grain=resolution * measure.scale
    )


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, or a day of the year: words [start, end) of a text.

    `readings` are all there may be, likeliest first: 11/9 is a day in September or in November.
    """

    readings: tuple[Reading, ...]
    start: int
    end: int

    @property
    def number(self) -> float:
        """As written, before any unit."""
        return self.readings[0].number


def read_quantities(words: Sequence[str]) -> tuple[Quantity, ...]:
    """The numbers among words in normal form, each with the unit after it, and the days of the year."""
    found: list[Quantity] = []
    end = 0
    for at, word in enumerate(words):
        if at < end or not word[-1].isdecimal():
            continue
        if at > end and words[at - 1] in MONTH_NUMBERS:
            found.append(_month(words, at - 1))
        day = _day(words, at)
        if day or is_number(word):
            found.append(day or _measured(words, at))
            end = found[-1].end
    return tuple(found)


def _month(words: Sequence[str], at: int) -> Quantity:
    middle = (MONTH_NUMBERS[words[at]] + 0.5) * _MONTH_LENGTH
    return Quantity((_reading(middle, _MONTH_LENGTH, _DAY_OF_YEAR),), at, at + 1)


def _day(words: Sequence[str], at: int) -> Quantity | None:
    """The day of the year that begins at index `at`, as 4 july or 11/9."""
    if is_either_day(words[at]):
        one, other = map(int, words[at].split("/"))
        days, end = [(one, other), (other, one)], at + 1
    elif (
        at + 1 < len(words)
        and words[at + 1] in MONTH_NUMBERS
        and words[at].isdecimal()
        and len(words[at]) < 3
    ):
        days, end = [(MONTH_NUMBERS[words[at + 1]], int(words[at]))], at + 2
    else:
        return None
    return Quantity(
        tuple(_reading(month * _MONTH_LENGTH + day, 1.0, _DAY_OF_YEAR) for month, day in days), at, end
    )


def _measured(words: Sequence[str], at: int) -> Quantity:
    """The number at index `at` with its unit and what follows in a smaller one: 5 feet 10 inches."""
    measures, end = unit_at(words, at + 1)
    number, resolution = float(words[at]), _resolution(words[at], measured=measures[0] != BARE)
    while end < len(words) and is_number(words[end]) and measures[0].dimension:
        [finer, *_], after = unit_at(words, end + 1)
        if finer.dimension != measures[0].dimension or finer.scale >= measures[0].scale:
            break
        number = number * measures[0].scale / finer.scale + float(words[end])
        resolution, measures, end = _resolution(words[end], measured=True), (finer,), after
    falls = measures[0].dimension == SHARE and not _FALLS.isdisjoint(words[max(0, at - 2) : at])
    numbers = (number, -number) if falls else (number,)  # fell by 3 % is -3 %
    readings = [_reading(number, resolution, measure) for measure in measures for number in numbers]
    return Quantity(tuple(readings), at, end)


def _resolution(figure: str, *, measured: bool) -> float:
    """Weight of the last significant figure; two or more closing noughts are rounding, but in a year."""
    whole, _, decimals = figure.lstrip("-").partition(".")
    if decimals:
        return float(10.0 ** -len(decimals))
    noughts = len(whole) - len(whole.rstrip("0"))
    if noughts < 2 or (not measured and len(whole) == 4 and _FIRST_YEAR <= int(whole) <= _LAST_YEAR):
        return 1.0
    return float(10.0 ** min(noughts, max(0, len(whole) - 2)))


def agreement(wanted: Quantity, offered: Quantity) -> float:
    """1 for the same amount, 0.5 if one is the other rounded, 0 otherwise or in units of another kind.

    A day within the month that was wanted is the same; the month of a wanted day is that day rounded.

    >>> [mile], [km] = read_quantities(["5", "mile"]), read_quantities(["8.05", "km"])
    >>> agreement(mile, km)
    1.0
    """
    if len(wanted.readings) == len(offered.readings) == 1:
        return _agreement(wanted.readings[0], offered.readings[0])
    best = 0.0
    for one in wanted.readings:
        for other in offered.readings:
            best = max(best, _agreement(one, other))
    return best


def _agreement(wanted: Reading, offered: Reading) -> float:
    if wanted.measure is not offered.measure and wanted.measure.dimension != offered.measure.dimension:
        if wanted.measure.dimension and offered.measure.dimension:
            return 0.0
        if wanted.number == offered.number:
            return 1.0
        if SHARE not in {wanted.measure.dimension, offered.measure.dimension}:
            return 0.0
    one, other = wanted.amount, offered.amount
    gap, coarser = abs(one - other), max(wanted.grain, offered.grain)
    if gap > coarser / 2:
        return 0.0
    largest = max(abs(one), abs(other))
    converted = wanted.measure is not offered.measure and gap <= _CONVERSION_TOLERANCE * largest
    narrowed = wanted.measure is _DAY_OF_YEAR and wanted.grain > offered.grain
    if converted or narrowed or gap <= _NO_GAP * largest:
        return 1.0
    return 0.5 if wanted.grain != offered.grain else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A completion's quantities held against those of its reference.

    Attributes:
        agreements: for each quantity of the reference, the best `agreement` of any in the completion.
        strays: quantities of the completion that agree with none.
        given: the completion, with each quantity that agrees in the words of the reference.
        present: its words, without those of quantities that do not fully agree.
        known: the same of the reference.
        rounded: words of quantities, in either text, that agree by rounding alone.
    """

    agreements: tuple[float, ...]
    strays: tuple[Quantity, ...]
    given: Words
    present: frozenset[str]
    known: frozenset[str]
    rounded: frozenset[str]


def compare_quantities(right: Words, given: Words) -> Comparison:
    """Hold the quantities of a completion against those of its reference; in long tables, the first ones.

    >>> from judge.lexical.words import read_words
    >>> compare_quantities(read_words("1.5 kg"), read_words("It weighs 1,500 grams.")).given.words
    ('it', 'weigh', '1.5', 'kg')
    """
    wanted = read_quantities(right.words)[:_MOST_WANTED]
    offered = read_quantities(given.words)[: _MOST_PAIRS // len(wanted)] if wanted else ()
    if not offered:
        present, known = frozenset(given.words), frozenset(right.words)
        return Comparison((0.0,) * len(wanted), (), given, present, known, frozenset())
    table = [[agreement(one, other) for other in offered] for one in wanted]
    by_wanted = {one: max(row) for one, row in zip(wanted, table, strict=True)}
    by_offered = {other: max(column) for other, *column in zip(offered, *table, strict=True)}
    swaps = {
        other.start: (other.end, right.words[one.start : one.end])
        for one, row in zip(wanted, table, strict=True)
        for other, agreed in zip(offered, row, strict=True)
        if agreed == 1.0 and not _lacks_unit(one, other)
    }
    restated = _restated(given, swaps) if swaps else given
    return Comparison(
        agreements=tuple(by_wanted.values()),
        strays=tuple(other for other, agreed in by_offered.items() if not agreed),
        given=restated,
        present=_outside(
            given, [other for other, agreed in by_offered.items() if agreed < 1 or other.start in swaps]
        )
        | {word for _, words in swaps.values() for word in words},
        known=_outside(right, [one for one, agreed in by_wanted.items() if agreed < 1]),
        rounded=_inside(right, [one for one, agreed in by_wanted.items() if 0 < agreed < 1])
        | _inside(given, [other for other, agreed in by_offered.items() if 0 < agreed < 1]),
    )


def _lacks_unit(one: Quantity, other: Quantity) -> bool:
    """Whether the two are one figure, once with a unit and once without."""
    dimensions = {quantity.readings[0].measure.dimension for quantity in (one, other)}
    return len(dimensions) == 2 and "" in dimensions and one.number == other.number


def _restated(text: Words, swaps: Mapping[int, tuple[int, Sequence[str]]]) -> Words:
    """A text in which other words stand for some: by their start, their end and what replaces them."""
    words: list[str] = []
    moved: list[int] = []  # where each word of the text begins in `words`
    for at, word in enumerate(text.words):
        if at < len(moved):
            continue
        end, instead = swaps.get(at, (at + 1, (word,)))
        moved.append(len(words))
        words.extend(instead)
        moved.extend([len(words)] * (end - at - 1))
    moved.append(len(words))
    ends = sorted({moved[end] for end in text.clause_ends})
    return Words(tuple(words), f" {' '.join(words)} ", tuple(ends))


def _inside(text: Words, quantities: Sequence[Quantity]) -> frozenset[str]:
    return frozenset(word for quantity in quantities for word in text.words[quantity.start : quantity.end])


def _outside(text: Words, quantities: Sequence[Quantity]) -> frozenset[str]:
    taken = {at for quantity in quantities for at in range(quantity.start, quantity.end)}
    return frozenset(word for at, word in enumerate(text.words) if at not in taken)
