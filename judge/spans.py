"""The parts of a sentence that can be asked for: numbers, dates, names, roles, noun phrases.

Known by their form, without a parser: what is capitalised, what follows a determiner or a preposition, what a
form of "be" says somebody is. This looks widely: a part cut out badly makes a question that its own text does
not answer, and such questions are dropped later (`judge.questions`). English alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from judge.lexical.numerals import CARDINALS, MAGNITUDES, MONTHS, TENS


class Kind(StrEnum):
    """What is asked for."""

    DATE = "date"
    NUMBER = "number"
    NAME = "name"
    ROLE = "role"
    PHRASE = "phrase"
    WHOLE = "whole"
    """All of a text: the question of its record asks for it."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text.

    Attributes:
        start: index of its first character.
        end: index after its last.
        kind: what it is.
    """

    start: int
    end: int
    kind: Kind


def _any_of(*words: str) -> str:
    """Pattern of any of the words in some strings, longer ones first."""
    return "|".join(sorted({word for part in words for word in part.split()}, key=lambda w: (-len(w), w)))


_DETERMINERS = "a an the his her their its our my your some any each every another"
_PREPOSITIONS = """in on at of for with from by about into onto over under between among through during before
    after against without within near behind beside across around as per towards toward upon inside"""
_BE = "is are was were be been being become becomes became remain remains remained"
_AUXILIARIES = "am has have had do does did will would can could shall should may might must cannot"
_PRONOUNS = """i you he she it we they me him us them this that these those there here one who whom whose
    which what where when while how why something someone nobody everyone nothing everything everybody"""
_CONNECTIVES = """and or but nor so than then because if although though since until unless whether both all
    not no up out off down also just only very too more most again still yet even ever never always often to
    said says say told made makes make used took takes take got gets get went goes go came comes come"""
FUNCTION_WORDS = frozenset(
    " ".join((_DETERMINERS, _PREPOSITIONS, _BE, _AUXILIARIES, _PRONOUNS, _CONNECTIVES)).split()
)
_FUNCTION_WORD = _any_of(*FUNCTION_WORDS)

_WORD = rf"(?!(?i:{_FUNCTION_WORD})\b)[^\W\d_][\w'’&-]*"  # that carries meaning
_NAME_WORD = r"(?:[A-Z\u00c0-\u00de]|[a-z]{1,3}(?=[A-Z]))(?:[\w'’&-]*\w)?(?:\.(?=\w|\s[A-Z])\w*)*"
_MONTH = _any_of(*(f"{month.capitalize()} {month[:3].capitalize()}" for month in MONTHS), "Sept")
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:1\d{3}|20\d{2})"
_FIGURE = r"\d+(?:[.,]\d+)*"
_NUMBER_WORD = _any_of(*CARDINALS[1:], *TENS, *MAGNITUDES, "hundred dozen")
_DATES = re.compile(
    rf"\b(?:{_DAY}\s(?:of\s)?)?(?:{_MONTH})\b\.?(?:\s{_DAY}\b)?(?:,?\s(?:of\s)?{_YEAR}\b)?"
    rf"|\b\d{{4}}-\d\d-\d\d\b|(?<![\w$£€.,-])(?:{_YEAR}(?:s|\s?[-–]\s?{_YEAR})?)(?![\w%]|[.,-]\d)"
    r"|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
)
_NUMBERS = re.compile(
    rf"(?<![\w.,-])(?:[$£€]\s?)?-?{_FIGURE}(?:\s?[-–/:]\s?{_FIGURE})?(?:st|nd|rd|th)?"
    rf"(?:\s?%|\s(?:percent|per\scent|{_any_of(*MAGNITUDES)})\b)*(?!\w)"
    rf"|\b(?:{_NUMBER_WORD})(?:[\s-](?:{_NUMBER_WORD}))*\b",
    re.IGNORECASE,
)
_NAMES = re.compile(rf"\b{_NAME_WORD}(?:\s(?:(?:of|de|van|von|la|le|du|bin|for)\s(?:the\s)?)?{_NAME_WORD})*")
_NEXT_WORD = rf"\s(?:of\s(?:the\s|an?\s)?)?{_WORD}"
_ROLES = re.compile(
    rf"\b(?:{_any_of(_BE, 'as')})\s(?:an?|the|his|her|their|its)\s({_WORD}(?:{_NEXT_WORD}){{0,5}})",
    re.IGNORECASE,
)
_PHRASES = re.compile(
    rf"\b(?:{_any_of(_DETERMINERS, _PREPOSITIONS)})\s({_WORD}(?:{_NEXT_WORD}){{0,3}})",
    re.IGNORECASE,
)
_SUBJECTS = re.compile(
    rf"^(?:(?:{_any_of(_DETERMINERS)})\s)?({_WORD}(?:{_NEXT_WORD}){{0,4}})"
    rf"(?=\s(?:{_any_of(_BE, _AUXILIARIES)})\b)",
    re.IGNORECASE,
)
_ANY_WORD = re.compile(r"[^\W_][\w'’&-]*")
_OPENING_WORDS = re.compile(rf"(?:(?:{_FUNCTION_WORD})\b\s*)+", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’]s?$")
_VERB_AT_END = re.compile(r"\s\w+(?:ed|ing)$")


def find_spans(sentence: str) -> list[Span]:
    """What of a sentence can be asked for, in the order it stands there; no two overlap.

    >>> text = "Jane Austen wrote six novels in 1815."
    >>> [(text[span.start : span.end], span.kind.value) for span in find_spans(text)]
    [('Jane Austen', 'name'), ('six', 'number'), ('1815', 'date')]
    """
    found: list[Span] = []
    free = [True] * len(sentence)
    for span in _candidates(sentence):
        if all(free[span.start : span.end]):
            found.append(span)
            free[span.start : span.end] = [False] * (span.end - span.start)
    return sorted(found, key=lambda span: span.start)


def content_words(text: str) -> list[str]:
    """The words of a text that carry meaning, as they stand.

    >>> content_words("She was born in Lima, in 1912.")
    ['born', 'Lima', '1912']
    """
    return [word for word in _ANY_WORD.findall(text) if word.lower() not in FUNCTION_WORDS]


def _candidates(sentence: str) -> Iterator[Span]:
    """Every part that some pattern knows, the surest patterns first."""
    for match in _DATES.finditer(sentence):
        yield Span(*match.span(), Kind.DATE)
    for match in _NUMBERS.finditer(sentence):
        yield Span(*match.span(), Kind.NUMBER)
    yield from _without_verbs(_ROLES, sentence, Kind.ROLE)
    for match in _NAMES.finditer(sentence):
        opening = _OPENING_WORDS.match(match.group())
        start = match.start() + (opening.end() if opening else 0)
        end = match.start() + len(_POSSESSIVE.sub("", match.group()))
        if start < end:
            yield Span(start, end, Kind.NAME)
    yield from _without_verbs(_SUBJECTS, sentence, Kind.PHRASE)
    yield from _without_verbs(_PHRASES, sentence, Kind.PHRASE)


def _without_verbs(pattern: re.Pattern[str], sentence: str, kind: Kind) -> Iterator[Span]:
    """What the group of a pattern holds, but for a verb that ended up at its end."""
    for match in pattern.finditer(sentence):
        verb = _VERB_AT_END.search(match.group(1))
        yield Span(match.start(1), match.end(1) - (len(verb.group()) if verb else 0), kind)
