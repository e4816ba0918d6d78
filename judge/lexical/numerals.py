"""Numbers and dates in words, rewritten in figures: nineteen thirty-six -> 1936, July 4 -> 4 july.

Works on lists of folded words (see `judge.lexical.words`) in which commas are left in. English alone.
"""

from collections.abc import Sequence


def _in_turn(words: str) -> tuple[str, ...]:
    return tuple(words.split())


CARDINALS = _in_turn(
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
)
_ORDINALS = _in_turn(
    """zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"""
)
TENS = {
    word: 10 * value
    for value, word in enumerate(_in_turn("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
_ROMAN = {"ii": 2, "iii": 3, "iv": 4, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "xi": 11, "xii": 12, "xiii": 13}
NUMBER_WORDS: dict[str, int] = (
    {word: value for words in (CARDINALS, _ORDINALS) for value, word in enumerate(words)}
    | TENS
    | {f"{word[:-1]}ieth": value for word, value in TENS.items()}
    | _ROMAN
)
_HUNDRED = 100
MAGNITUDES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2,
    "third": 3,
    "thirds": 3,
    "quarter": 4,
    "quarters": 4,
    "fifths": 5,
    "tenth": 10,
    "tenths": 10,
}
_OPENERS = frozenset(NUMBER_WORDS) | frozenset(MAGNITUDES) | {"hundred", "half"}

MONTHS = _in_turn("january february march april may june july august september october november december")
_MONTH_OF = (
    {month: month for month in MONTHS} | {month[:3]: month for month in MONTHS} | {"sept": "september"}
)
_LONGEST_MONTH = 31  # days
MAX_DIGITS = 30  # a longer run of digits is a name, not a number


def is_number(word: str) -> bool:
    """Whether a word in normal form is a decimal number."""
    return word[-1].isdecimal() and word.isascii() and len(word) <= MAX_DIGITS


def in_figures(words: list[str]) -> list[str]:
    """Replace each run of number words, and each magnitude after a figure, by one figure.

    >>> in_figures("won in nineteen thirty six or 1.2 million".split())
    ['won', 'in', '1936', 'or', '1200000']
    """
    if _OPENERS.isdisjoint(words):
        return words
    figures: list[str] = []
    at = 0
    while at < len(words):
        value, end = _number_at(words, at) if words[at] in _OPENERS or words[at][0].isdecimal() else (0.0, at)
        figures.append(words[at] if end == at else f"{value:.6f}".rstrip("0").rstrip("."))
        at = max(end, at + 1)
    return figures


def _number_at(words: Sequence[str], start: int) -> tuple[float, int]:
    """The number that begins at `start`, and the index after its last word; (0, start) if there is none."""
    value, end = _below_hundred(words, start)
    if end == start and words[start] == "half":
        return 0.5, start + 1
    if end > start and words[start] in CARDINALS and value < _PARTS.get(_word(words, end), 0):  # two thirds
        return value / _PARTS[words[end]], end + 1
    if end == start and is_number(words[start]) and _word(words, start + 1) in MAGNITUDES:
        value, end = float(words[start]), start + 1
    total = 0.0
    while _word(words, end) == "hundred" or _word(words, end) in MAGNITUDES:
        if words[end] == "hundred":
            value, end = (value or 1) * _HUNDRED, end + 1
        else:
            total, value, end = total + (value or 1) * MAGNITUDES[words[end]], 0.0, end + 1
        following = end
        while _word(words, following) in {"and", ","}:
            following += 1
        more, after = _below_hundred(words, following)
        if after > following:
            value, end = value + more, after
    return total + value, end


def _below_hundred(words: Sequence[str], start: int) -> tuple[float, int]:
    """A number below a hundred, or a year said in two halves; (0, start) if there is none."""
    first, second = NUMBER_WORDS.get(_word(words, start)), NUMBER_WORDS.get(_word(words, start + 1))
    if first is None:
        return 0.0, start
    if second is None or first < 10:
        return first, start + 1
    if first >= 20 and first % 10 == 0 and 0 < second < 10:  # twenty one
        return first + second, start + 2
    if second >= 10:  # nineteen thirty six
        unit = NUMBER_WORDS.get(_word(words, start + 2), 0) if second >= 20 else 0
        return (
            (_HUNDRED * first + second + unit, start + 3)
            if 0 < unit < 10
            else (_HUNDRED * first + second, start + 2)
        )
    return first, start + 1


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if at < len(words) else ""


def days_first(words: list[str]) -> list[str]:
    """Put each day before its month and write the month in full: July 4 and 4th of Jul. are both 4 july.

    >>> days_first(["jul", "4", "1776"])
    ['4', 'july', '1776']
    """
    if _MONTH_OF.keys().isdisjoint(words):
        return words
    ordered = list(words)
    for at, word in enumerate(words):
        if word not in _MONTH_OF:
            continue
        before, after = ordered[max(0, at - 2) : at], _word(ordered, at + 1)
        if before and _is_day(before[-1]):
            ordered[at] = _MONTH_OF[word]
        elif before[-1:] == ["of"] and _is_day(before[0]):
            ordered[at - 1 : at + 1] = [",", _MONTH_OF[word]]
        elif _is_day(after):
            ordered[at : at + 2] = [after, _MONTH_OF[word]]
        elif after.isdecimal():
            ordered[at] = _MONTH_OF[word]
    return ordered


def _is_day(word: str) -> bool:
    return word.isdecimal() and len(word) <= 2 and 1 <= int(word) <= _LONGEST_MONTH
