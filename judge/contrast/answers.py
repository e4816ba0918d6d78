"""Answered questions, and what kind of thing an answer is: the raw material of contrastive pairs.

Words, shapes and names alone; which answers could stand in for each other is decided in `distractors`.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from judge.lexical import numerals

MONTHS = tuple(month.capitalize() for month in numerals.MONTHS)
FUNCTION_WORDS = frozenset(
    ("a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "by", "with", "from", "as", "is",
     "was", "are", "were", "be", "been", "it", "its", "his", "her", "their", "this", "that")
)  # fmt: skip


class Shape(StrEnum):
    """What an answer looks like, whatever it is about."""

    YEAR = "year"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"
    NAME = "name"
    PHRASE = "phrase"


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question with the names of its one right answer.

    Attributes:
        question: may be empty, when the answer is a sentence that stands alone.
        names: at least one; the first is the reference, the rest other names of the same thing.
        group: rows of one group are never split between training and held-out data.
        passage: a right answer in natural words that holds the reference; empty where there is none.
    """

    question: str
    names: tuple[str, ...]
    group: str
    passage: str = ""

    @property
    def reference(self) -> str:
        """The name that stands for the answer."""
        return self.names[0]


def unaccented(text: str) -> str:
    """`text` without diacritics: "Cézanne" becomes "Cezanne"."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """Lower-case words and numbers of `text`, unaccented, without punctuation."""
    return re.findall(r"[^\W_]+", unaccented(text).lower())


def plain(text: str) -> str:
    """`text` as its words alone, articles left out: equal for surface variants of one answer."""
    return " ".join(word for word in words(text) if word not in {"a", "an", "the"})


def content(text: str) -> set[str]:
    """The words of `text` that carry meaning."""
    return {word for word in words(text) if word not in FUNCTION_WORDS}


def occurs(name: str, text: str) -> bool:
    """Whether `name` stands in `text` as whole words, case aside."""
    return name.lower() in text.lower() and re.search(whole(name), text, re.IGNORECASE) is not None


def whole(name: str) -> str:
    """Pattern that matches `name` as whole words."""
    return rf"(?<!\w){re.escape(name)}(?!\w)"


def replaced(old: str, new: str, text: str) -> str | None:
    """`text` with every `old` made `new`, as whole words; None where `old` is not in it."""
    if not occurs(old, text):
        return None
    return re.sub(whole(old), lambda found: new, text, flags=re.IGNORECASE)


def shape(answer: str) -> Shape:
    """The shape of `answer`."""
    bare = answer.strip(" .").lower()
    if re.fullmatch(r"(in )?(1\d{3}|20\d{2})", bare):
        return Shape.YEAR
    if bare in {"yes", "no", "true", "false"}:
        return Shape.YES_NO
    if re.search(r"\d", bare) and any(month.lower() in bare for month in MONTHS):
        return Shape.DATE
    if re.match(r"[-$£€]?\d", bare):
        return Shape.NUMBER
    if re.fullmatch(r"([A-Z][\w'’.-]*)( (of|de|the|van|von|and|[A-Z][\w'’.-]*))*", answer.strip()):
        return Shape.NAME
    return Shape.PHRASE
