"""Text as words in one normal form, so that two spellings of one answer compare equal.

Folded: case, diacritics, articles, punctuation, possessives, plural s, dotted and common abbreviations (U.S.,
Jnr.), number words, ordinals, magnitudes, shares and simple fractions, order and figures of dates, signs of
currency and percent. Not folded: synonyms, tense, word order. Pure; linear in the length of the text.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from judge.lexical.dates import dates_spoken, days_first
from judge.lexical.numerals import NUMBER_WORDS, in_figures

NEGATION = "not"  # the normal form of every contraction in n't

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i", "ß": "ss"}
    | dict.fromkeys("’‘ʼ`´", "'")
    | dict.fromkeys("−–—", "-")
    | {"⁄": "/"}
)
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # written without spaces: each character is a word
_TOKEN = re.compile(
    rf"[^\W\d_{_CJK}]+(?:'[^\W\d_]+)*(?:\+\+|#(?!\w))?"  # C++ and C# are not C
    r"|(?<![\w)])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])"  # 1,200,000.5
    r"|\d{1,2}/\d{1,2}(?= \d{4}\b)"  # 9/11 2001, as `dates_spoken` writes it
    r"|(?:(?<![\w)])-)?\d+(?:\.\d+)?(?:(?:'?s|st|nd|rd|th)\b)?"  # 1912, -3.5, 1930s, 4th
    rf"|[{_CJK}]"
    r"|[%$€£¥₹°&]"
    r"|[.!?;\n](?=\s|$)|,"  # between clauses; between items
)
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}|(?<=\b[^\W\d_])\.? (?=[^\W\d_]\b[. ])")
_DIGIT = re.compile(r"\d")
_CURRENCIES = ("$", "€", "£", "¥", "₹", "usd", "eur", "gbp")
_MONEY = re.compile(
    r"(?:\bus)?([$€£¥₹]|\b(?:usd|eur|gbp)\b)\s?(\d[\d,]*(?:\.\d+)?)"
    r"(?:[\s-]?(k|m|mn|million|b|bn|billion|trillion)\b)?"
)
_MAGNITUDES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "mln": "million",
    "b": "billion",
    "bn": "billion",
}
_SCALED = re.compile(r"(\d)(?:\s?(mn|mln|bn)|(?<!\.\d\d)(k))\b")  # 273.15K is a temperature
_POWER = re.compile(r"(\d)\s?([kcm]?m|ft|mi|in)([23])\b")
_POWERS = {"2": "squared", "3": "cubed"}
_FEET_AND_INCHES = re.compile(r"\b(\d)'\s?(\d{1,2})\"")
_VULGAR = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_FRACTION = re.compile(r"(?<![\w/.])(?:(\d{1,3})\s)?(\d{1,2})/(\d|10)(?![\w/])")
_SPELLINGS = {
    "%": "percent", "$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₹": "rupee", "°": "degree",
    "&": "and", "usd": "dollar", "eur": "euro", "gbp": "pound", "pct": "percent",
    "junior": "jr", "jnr": "jr", "senior": "sr", "snr": "sr", "st": "saint", "mt": "mount",
    "doctor": "dr", "professor": "prof", "versus": "vs", "centre": "center", "theatre": "theater",
}  # fmt: skip
_ABBREVIATED = frozenset({"mrs", "prof", "gen", "rev", "col", "capt", "hon", "saint", "mount"})
_CLAUSE_ENDS = frozenset(".!?;\n")
_LEFT_OUT = frozenset({"a", "an", "the", "and", ","})


@dataclass(frozen=True, slots=True)
class Words:
    """A text in normal form.

    Attributes:
        words: in order, without articles and `and`, unless nothing else is there.
        joined: the words between single spaces, one at each end, so that a run of words is a substring.
        clause_ends: index into `words` after the last word of each clause; rising, the last is their number.
    """

    words: tuple[str, ...]
    joined: str
    clause_ends: tuple[int, ...]


def word_set(text: str) -> frozenset[str]:
    """The words of a list that is written as one string."""
    return frozenset(text.split())


@lru_cache(maxsize=4096)
def read_words(text: str) -> Words:
    """Put a text into normal form.

    >>> read_words("The U.S. won twenty-one million dollars on July 4th!").words
    ('us', 'won', '21000000', 'dollar', 'on', '4', 'july')
    """
    tokens = days_first(in_figures([_normal(token) for token in _TOKEN.findall(_spelt_out(fold(text)))]))
    words: list[str] = []
    ends: list[int] = []
    for token in tokens:
        if token in _CLAUSE_ENDS:
            start = ends[-1] if ends else 0
            if len(words) > start and not _is_open(words[-1], alone=len(words) == start + 1):
                ends.append(len(words))
        elif token not in _LEFT_OUT:
            words.append(token)
    if not words:
        words = [token for token in tokens if token not in _CLAUSE_ENDS and token != ","]
    if words and (not ends or ends[-1] < len(words)):
        ends.append(len(words))
    return Words(tuple(words), f" {' '.join(words)} ", tuple(ends))


def fold(text: str) -> str:
    """Lower case, without diacritics, with plain quotes and dashes."""
    text = text.lower()
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", _VULGAR.sub(" ", text))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)


def _spelt_out(text: str) -> str:
    """A folded text with initials, amounts of money, fractions and dates in figures as they are spoken."""
    if " " in text or "." in text:
        text = _INITIALS.sub(lambda match: match.group().replace(".", "").replace(" ", ""), text)
    if "per cent" in text:
        text = text.replace("per cent", "percent")
    if not _DIGIT.search(text):
        return text
    if any(sign in text for sign in _CURRENCIES):
        text = _MONEY.sub(_amount_first, text)
    text = _SCALED.sub(_magnitude, text)
    text = _POWER.sub(lambda match: f"{match[1]} {match[2]} {_POWERS[match[3]]}", text)
    if '"' in text:
        text = _FEET_AND_INCHES.sub(r"\1 feet \2 inches", text)
    if "/" in text:
        text = _FRACTION.sub(_quotient, text)
    return dates_spoken(text) if "/" in text or "-" in text or "." in text else text


def _amount_first(match: re.Match[str]) -> str:
    sign, amount, magnitude = match.groups(default="")
    return f"{amount} {_MAGNITUDES.get(magnitude, magnitude)} {sign} "


def _magnitude(match: re.Match[str]) -> str:
    return f"{match[1]} {_MAGNITUDES[match[2] or match[3]]}"


def _quotient(match: re.Match[str]) -> str:
    whole, over, under = (int(part or 0) for part in match.groups())
    return f"{whole + over / under:.6g}" if 0 < over < under else match.group()


@lru_cache(maxsize=1 << 15)
def _normal(token: str) -> str:
    """A token without separators, ordinal, possessive or plural endings, in one spelling."""
    if token[-1].isdigit():
        return token.replace(",", "")
    if token[0].isdigit() or token[0] == "-":
        return token.replace("'", "") if token[-1] == "s" else token[:-2]
    word = token
    if "'" in word:
        if word.endswith("n't"):
            return NEGATION
        word = word.removesuffix("'s").replace("'", "")
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "su":
        word = word[:-3] + "y" if word.endswith("ies") else word[:-1]
        if word in NUMBER_WORDS:  # five seconds, in the thirties
            return token
    if len(word) > 4 and word.endswith("our"):  # colour, harbour
        word = word[:-2] + "r"
    return _SPELLINGS.get(word, word)


def _is_open(word: str, *, alone: bool) -> bool:
    """Whether a full stop after this word belongs to an initial, an abbreviation or a list number."""
    return word in _ABBREVIATED or (alone and word.isdigit()) or (word.isalpha() and len(word) < 3)
