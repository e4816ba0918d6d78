"""Text as words in one normal form, so that two spellings of one answer compare equal.

Folded: case, diacritics, articles, punctuation, possessives, plural s, dotted abbreviations (u.s. -> us),
number words and magnitudes (nineteen thirty-six -> 1936, 1.2 million -> 1200000), ordinals, signs of
currency and percent. Not folded: synonyms, tense, word order. Pure; linear in the length of the text.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from judge.numbers import MAGNITUDES, NUMBER_WORDS, merge_number_words


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as one string."""
    return frozenset(text.split())


ARTICLES = word_set("a an the")
NEGATIONS = word_set(
    """not no never neither nor none nothing nobody without cannot cant dont isnt wasnt incorrect wrong false
    untrue unlike except"""
)
NEGATION = "not"  # every contraction in n't ends in this word

_UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"}
    | dict.fromkeys("’‘ʼ`´", "'")
    | dict.fromkeys("−–—", "-")
)
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # written without spaces: each character is a word
_ABBREVIATION = re.compile(r"\b(?:[^\W\d_]\.){2,}|(?<=\b[^\W\d_])\.? (?=[^\W\d_]\b[. ])")
_CURRENCY = re.compile(r"([$€£])\s?(\d[\d,]*(?:\.\d+)?(?:\s(?:thousand|million|billion|trillion))?)")
_SIGNS = {"%": "percent", "$": "dollar", "€": "euro", "£": "pound", "°": "degree"}
_ORDINAL_ENDINGS = frozenset({"st", "nd", "rd", "th"})
_WORD = re.compile(
    r"(?<![\w)])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])"  # 1,200,000.5
    r"|(?:(?<![\w)])-)?\d+(?:\.\d+)?"  # 1912, -3.5
    rf"|[{_CJK}]"
    rf"|[^\W\d_{_CJK}]+(?:'[^\W\d_]+)*"
    r"|[%$€£°]"
    r"|[.!?;\n](?=\s|$)"  # ends a clause
)
_CLAUSE_ENDS = frozenset(".!?;\n")
_FIRST_CLAUSE_MIN_WORDS = 3  # "Dr. No" and "1. Paris" do not end one


@dataclass(frozen=True, slots=True)
class Words:
    """A text in normal form.

    Attributes:
        words: in order, articles left out unless nothing else is there.
        head: how many of them stand in the first clause.
    """

    words: tuple[str, ...]
    head: int

    @property
    def joined(self) -> str:
        """The words between single spaces, one at each end: a run of words is then a substring."""
        return f" {' '.join(self.words)} "


def fold(text: str) -> str:
    """Lower case, without diacritics, with plain quotes and dashes."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in decomposed if not unicodedata.combining(c))
    return text.lower().translate(_UNDECOMPOSED) if not text.isascii() else text.lower()


def stem(word: str) -> str:
    """The word without possessive or plural ending; `n't` becomes `not`."""
    if "'" in word:
        if word.endswith("n't"):
            return NEGATION
        word = word.removesuffix("'s").replace("'", "")
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "su":
        return word[:-3] + "y" if word.endswith("ies") else word[:-1]
    return word


@lru_cache(maxsize=4096)
def read_words(text: str) -> Words:
    """Put a text into normal form.

    >>> read_words("The U.S. won twenty-one million dollars!").words
    ('us', 'won', '21000000', 'dollar')
    """
    text = fold(text)
    if "." in text:
        text = _ABBREVIATION.sub(lambda match: match.group().replace(".", "").replace(" ", ""), text)
    if "$" in text or "€" in text or "£" in text:
        text = _CURRENCY.sub(r"\2\1", text)
    found = _WORD.findall(text)
    words: list[str] = []
    head = 0
    for word in found:
        if word in _CLAUSE_ENDS:
            if not head and len(words) >= _FIRST_CLAUSE_MIN_WORDS:
                head = len(words)
        elif word[-1].isdigit():
            words.append(word.replace(",", ""))
        elif word in _ORDINAL_ENDINGS and words and words[-1][-1].isdigit():
            continue
        elif word in _SIGNS:
            words.append(_SIGNS[word])
        else:
            words.append(word if word in NUMBER_WORDS or word in MAGNITUDES else stem(word))
    words = merge_number_words(words)
    head = min(head, len(words)) or len(words)
    kept = tuple(word for word in words if word not in ARTICLES)
    if not kept:
        return Words(tuple(words), head)
    return Words(kept, max(1, head - sum(word in ARTICLES for word in words[:head])))
