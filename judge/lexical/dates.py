"""Dates in one form, day before month before year, whatever order they are written in. English months.

A date in figures is read by `dateutil`. Where day and month may be either, 11/9/1989, both readings are kept.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from judge.lexical.numerals import MONTHS

MONTH_NUMBERS = {month: number for number, month in enumerate(MONTHS, start=1)}
_MONTH_OF = (
    {month: month for month in MONTHS} | {month[:3]: month for month in MONTHS} | {"sept": "september"}
)
_LONGEST_MONTH = 31  # days
_PERHAPS = re.compile(r"\d[./-]\d\d?[./-]\d")  # starts with a digit, hence is found fast
_IN_FIGURES = re.compile(
    r"(?<![\w./-])(?:(?P<year>\d{4})([./-])\d{1,2}\2\d{1,2}|\d{1,2}([./-])\d{1,2}\3\d{4}|\d{1,2}/\d{1,2}/\d\d)"
    r"(?![\w/-]|\.\d)"
)


def dates_spoken(text: str) -> str:
    """Write dates in figures as day, month, year; as 11/9 and the year if the day may be the month.

    >>> dates_spoken("from 1989-11-09 to 25.12.1991, not 11/9/2001")
    'from 9 november 1989 to 25 december 1991, not 9/11 2001'
    """
    return _IN_FIGURES.sub(_spoken, text) if _PERHAPS.search(text) else text


def _spoken(match: re.Match[str]) -> str:
    return _day_month_year(match.group(), year_first=bool(match["year"]))


@lru_cache(maxsize=1 << 12)
def _day_month_year(figures: str, *, year_first: bool) -> str:
    from dateutil import parser  # most texts have no dates in figures

    try:
        dates = [
            parser.parse(figures, dayfirst=first) for first in ((False,) if year_first else (True, False))
        ]
    except ValueError:
        return figures
    date = dates[0]
    if date != dates[-1]:
        return f"{min(date.day, date.month)}/{max(date.day, date.month)} {date.year}"
    return f"{date.day} {MONTHS[date.month - 1]} {date.year}"


def is_either_day(word: str) -> bool:
    """Whether a word is a day and a month in unknown order."""
    one, slash, other = word.partition("/")
    return (
        bool(slash) and one.isdecimal() and other.isdecimal() and 1 <= int(one) <= int(other) <= len(MONTHS)
    )


def days_first(words: list[str]) -> list[str]:
    """Put each day before its month and write the month in full: July 4 and 4th of Jul. are both 4 july.

    >>> days_first(["jul", ".", "4", "1776"])
    ['4', 'july', '1776']
    """
    if _MONTH_OF.keys().isdisjoint(words):
        return words
    ordered = list(words)
    for at, word in enumerate(words):
        if word not in _MONTH_OF:
            continue
        before, after = ordered[max(0, at - 2) : at], at + 1
        while _word(ordered, after) in {".", "the"} and _word(ordered, after + 1).isdecimal():
            after += 1
        if before and _is_day(before[-1]):
            ordered[at] = _MONTH_OF[word]
        elif before[-1:] == ["of"] and _is_day(before[0]):
            ordered[at - 1 : at + 1] = [",", _MONTH_OF[word]]
        elif _is_day(_word(ordered, after)):
            ordered[at : after + 1] = [ordered[after], _MONTH_OF[word], *[","] * (after - at - 1)]
        elif _word(ordered, after).isdecimal():
            ordered[at] = _MONTH_OF[word]
    return ordered


def _is_day(word: str) -> bool:
    return word.isdecimal() and len(word) <= 2 and 1 <= int(word) <= _LONGEST_MONTH


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if at < len(words) else ""
