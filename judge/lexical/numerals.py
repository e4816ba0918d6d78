"""Numbers in words, rewritten in figures: nineteen thirty-six -> 1936, a quarter and one in four -> 0.25.

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
_DOZEN = 12
_MULTIPLES = MAGNITUDES | {"dozen": _DOZEN}
_PARTS = (
    {"half": 2, "quarter": 4, "fourth": 4}
    | {word: value for value, word in enumerate(_ORDINALS[:11]) if value > 2}
    | {f"{word}s": value for value, word in enumerate(_ORDINALS[:11]) if value > 2}
)
_ARTICLES = frozenset({"a", "an"})
_SIGNS = frozenset({"minus", "negative"})
_OPENERS = frozenset(NUMBER_WORDS) | frozenset(_MULTIPLES) | {"hundred", "half", "quarter"} | _SIGNS
_STARTS = _OPENERS | _ARTICLES
_CLOSES = frozenset({"of", ",", ".", ";", "!", "?", "\n", ""})  # a third of it; not a third party
_PERIODS = frozenset(
    "seconds minute hour day week month year season game match".split()
)  # three in five days
_EVERY = _ARTICLES | {"every", "each"}
_YEAR_DIGITS = 4

MONTHS = _in_turn("january february march april may june july august september october november december")
MAX_DIGITS = 30  # a longer run of digits is a name, not a number
_ENDLESS = 10**MAX_DIGITS


def is_number(word: str) -> bool:
    """Whether a word in normal form is a decimal number."""
    return word[-1].isdecimal() and word.isascii() and len(word) <= MAX_DIGITS and "/" not in word


def in_figures(words: list[str]) -> list[str]:
    """Replace each run of number words, each magnitude after a figure, and each share by one figure.

    >>> in_figures("won in nineteen thirty six or 1.2 million".split())
    ['won', 'in', '1936', 'or', '1200000']
    >>> in_figures("a quarter of us , two in three".split())
    ['0.25', 'of', 'us', ',', '0.666667']
    """
    if _OPENERS.isdisjoint(words):
        return _shares(words)
    figures: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        value, end = _signed_at(words, at) if word in _STARTS or word[0].isdecimal() else (0.0, at)
        if word == "second" and at and _counts_seconds(words[at - 1]):
            word, end = "seconds", at
        figures.append(word if end == at else _figure(value))
        at = max(end, at + 1)
    return _shares(figures)


def _figure(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _counts_seconds(word: str) -> bool:
    return word == "per" or word in CARDINALS or (is_number(word) and len(word) < _YEAR_DIGITS)


def _signed_at(words: Sequence[str], start: int) -> tuple[float, int]:
    """As `_number_at`, with the sign said before it unless that takes it from another number."""
    if words[start] not in _SIGNS:
        return _number_at(words, start)
    taken_from = words[start - 1] if start else "from nothing"
    if is_number(taken_from) or taken_from in NUMBER_WORDS or start + 1 == len(words):
        return 0.0, start
    value, end = _number_at(words, start + 1)
    if end == start + 1 and is_number(words[end]):
        value, end = float(words[end]), end + 1
    return (-value, end) if end > start + 1 else (0.0, start)


def _number_at(words: Sequence[str], start: int) -> tuple[float, int]:
    """The number that begins at `start`, and the index after its last word; (0, start) if there is none."""
    value, end = _fraction_at(words, start)
    if end > start:
        following = end
        while _word(words, following) == "of" or _word(words, following) in _ARTICLES:
            following += 1
        if _word(words, following) not in _MULTIPLES:
            return value, end
        end = following  # half a million
    else:
        value, end = _with_fraction_at(words, start)
        if end == start and is_number(words[start]) and _word(words, start + 1) in _MULTIPLES:
            value, end = float(words[start]), start + 1
    total = 0.0
    # Hundred upon hundred, as a policy may repeat itself, would in time be more than a float holds.
    while value < _ENDLESS and (_word(words, end) == "hundred" or _word(words, end) in _MULTIPLES):
        if words[end] == "hundred":
            value, end = (value or 1) * _HUNDRED, end + 1
        else:
            total, value, end = total + (value or 1) * _MULTIPLES[words[end]], 0.0, end + 1
        following = end
        while _word(words, following) in {"and", ","}:
            following += 1
        more, after = _below_hundred(words, following)
        if after > following:
            value, end = value + more, after
    return total + value, end


def _fraction_at(words: Sequence[str], start: int) -> tuple[float, int]:
    """A fraction: half, a quarter, two thirds; (0, start) if there is none."""
    word, under = words[start], _PARTS.get(_word(words, start + 1), 0)
    if word == "half":
        return 0.5, start + 1
    if not under:
        return 0.0, start
    if word in _ARTICLES:
        is_share = words[start + 1] in {"half", "quarter"} or _word(words, start + 2) in _CLOSES
        return (1 / under, start + 2) if is_share else (0.0, start)
    over = (
        CARDINALS.index(word)
        if word in CARDINALS
        else int(word)
        if word.isdecimal() and len(word) == 1
        else 0
    )
    return (over / under, start + 2) if 0 < over < under else (0.0, start)


def _with_fraction_at(words: Sequence[str], start: int) -> tuple[float, int]:
    """A number below a hundred in words, or one in either form and a half; (0, start) if there is none."""
    value, end = _below_hundred(words, start)
    is_figure = end == start and is_number(words[start])
    joint = start + 1 if is_figure else end
    if (
        joint > start
        and _word(words, joint) == "and"
        and (_word(words, joint + 1) in _ARTICLES or _word(words, joint + 1) in CARDINALS)
    ):
        more, after = _fraction_at(words, joint + 1)
        if after > joint + 1:
            return (float(words[start]) if is_figure else value) + more, after
    return value, end


def _shares(words: list[str]) -> list[str]:
    """Write each share said as 1 in 4 or 1 out of 4 as one figure."""
    if ("in" not in words and "out" not in words) or not any(map(str.isdecimal, words)):
        return words
    figures: list[str] = []
    at = 0
    while at < len(words):
        share, end = _share_at(words, at) if words[at][0].isdecimal() else (0.0, at)
        figures.append(words[at] if end == at else _figure(share))
        at = max(end, at + 1)
    return figures


def _share_at(words: Sequence[str], start: int) -> tuple[float, int]:
    is_open = _word(words, start + 1) == "in"
    at = start + 2 if is_open else start + 3
    if not is_open and words[start + 1 : at] != ["out", "of"]:
        return 0.0, start
    if _word(words, at) in _EVERY:
        at += 1
    over, under = words[start], _word(words, at)
    if not (over.isdecimal() and under.isdecimal()) or max(len(over), len(under)) > MAX_DIGITS:
        return 0.0, start
    if is_open and (_word(words, at + 1) in _PERIODS or (len(under) > 2 and under.strip("0") != "1")):
        return 0.0, start  # three in five days, one in 1998
    return (int(over) / int(under), at + 1) if 0 < int(over) < int(under) else (0.0, start)


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
