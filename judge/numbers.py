"""Numbers in words: written out, with magnitudes, with units, in dates; and whether two texts agree on them.

Works on the normal form of `judge.words`. Not a parser of formulas.
"""

import re
from collections.abc import Sequence

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
)
_UNITS += " seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
)
_ORDINALS += " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
_ROMAN = "ii iii iv vi vii viii ix xi xii xiii xiv xv xvi xvii xviii"

NUMBER_WORDS: dict[str, int] = (
    {word: value for value, word in enumerate(_UNITS.split())}
    | {word: value for value, word in enumerate(_ORDINALS.split())}
    | {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
    | {word[:-1] + "ieth": 10 * value for value, word in enumerate(_TENS.split(), start=2)}
    | dict(zip(_ROMAN.split(), (2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18), strict=True))
)
MAGNITUDES = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "billion": 1_000_000_000,
    "trillion": 1_000_000_000_000,
    "dozen": 12,
}
_STARTERS = frozenset(NUMBER_WORDS) | frozenset(MAGNITUDES)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z")
MAX_DIGITS = 30  # beyond this a run of digits is a name, not a number


def plain(value: float) -> str:
    """A number as the shortest decimal text: 36, 1.5, 1200000."""
    return str(int(value)) if value == int(value) else repr(value)


def merge_number_words(words: list[str]) -> list[str]:
    """Replace each run of number words and magnitudes with one decimal text.

    >>> merge_number_words("won nineteen thirty six or 1.2 million".split())
    ['won', '1936', 'or', '1200000']
    """
    if _STARTERS.isdisjoint(words):
        return words
    merged: list[str] = []
    at = 0
    while at < len(words):
        value, end = _number_run(words, at)
        merged.append(words[at] if end == at else plain(value))
        at = max(end, at + 1)
    return merged


def _number_run(words: Sequence[str], start: int) -> tuple[float, int]:
    """The number that starts at `start` and the index after it; `start` itself if there is none."""
    total, group, at, last = 0.0, 0.0, start, -1.0  # last: the number word before, -1 at the start
    while at < len(words):
        word = words[at]
        if word in NUMBER_WORDS:
            value = NUMBER_WORDS[word]
            if last < 0 or (20 <= last < 100 and value < 10):
                group += value
            elif 10 <= last < 100 and 10 <= value < 100 and at == start + 1:
                group = group * 100 + value
            else:
                break
            last = value
        elif word in MAGNITUDES and (at > start or word != "dozen"):
            scale = MAGNITUDES[word]
            if scale == 100 or scale == 12:
                group = (group or 1) * scale
            else:
                total, group = total + (group or 1) * scale, 0.0
            last = -1.0
        elif at == start and _NUMBER.match(word) and len(word) <= MAX_DIGITS:
            group, last = float(word), 1000.0
            if at + 1 == len(words) or words[at + 1] not in MAGNITUDES:
                return 0.0, start
        elif (
            word == "and"
            and at > start
            and last < 0
            and at + 1 < len(words)
            and words[at + 1] in NUMBER_WORDS
        ):
            pass
        else:
            break
        at += 1
    return total + group, at


def numbers_in(words: Sequence[str]) -> frozenset[str]:
    """The numbers among words in normal form."""
    return frozenset(word for word in words if word[-1].isdigit())
