"""Answered questions, and what kind of thing an answer is: the raw material of contrastive pairs.

An answer has a shape (year, number, date, yes or no, name, phrase); a question asks for something (a country, a
person, a time). Answers of one shape to questions that ask for one thing could stand in for each other, so each is
a hard wrong answer to the other's question. Standard library only.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from random import Random

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
FUNCTION_WORDS = frozenset(
    ["a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "by", "with", "from", "as", "is", "was", "are", "were", "be", "been", "it", "its", "his", "her", "their", "this", "that"]
)
KINDS_ASKED_FOR = {
    "person": "actor actress singer person man woman king queen president minister author writer poet artist painter"
    " composer player footballer golfer boxer driver director scientist inventor explorer comedian comedienne presenter"
    " character monarch emperor musician politician leader philosopher god goddess pope saint detective designer",
    "place": "country city town state river mountain island lake sea ocean county capital continent region village"
    " street airport port desert district borough province range",
    "work": "song film movie book novel album poem play musical opera show series sitcom magazine newspaper painting"
    " game single soap ballet hit",
    "group": "band group team club company party organisation organization university school airline firm dynasty tribe",
    "creature": "animal bird fish dog fruit tree flower plant insect vegetable breed creature mammal",
    "substance": "element metal chemical drink food mineral gas vitamin gemstone liquid cheese spirit wine dish meat",
    "word": "word term language nationality religion colour color sport instrument profession letter occupation",
}
KIND_OF_NOUN = {noun: kind for kind, nouns in KINDS_ASKED_FOR.items() for noun in nouns.split()}
DRAWS = 20  # tries before a question is given up as having no distractor
SMALLEST_BUCKET = 8  # fewer answers than this make a distractor that repeats too often


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
    return re.search(whole(name), text, re.IGNORECASE) is not None


def whole(name: str) -> str:
    """Pattern that matches `name` as whole words."""
    return rf"(?<!\w){re.escape(name)}(?!\w)"


def replaced(old: str, new: str, text: str) -> str | None:
    """`text` with every `old` made `new`, as whole words; None where `old` is not in it."""
    changed, count = re.subn(whole(old), lambda found: new, text, flags=re.IGNORECASE)
    return changed if count else None


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


def asked_for(question: str) -> str:
    """What the question asks for, in a word or two: "who", "how many", "country"; empty where it does not say."""
    asked = " ".join(re.findall(r"[\w']+", question.lower()))
    found = re.search(
        r"\b(who|whom|whose|when|where|why|how (?:many|much|long|old|far|tall|high|big|deep)|how|what|which)\b ?(.*)",
        asked,
    )
    if not found:
        return ""
    if found.group(1) not in {"what", "which"}:
        return found.group(1)
    following = found.group(2).split()[:7]
    return next((word for word in following if word in KIND_OF_NOUN), following[0] if following else "")


class DistractorPool:
    """Answers of other questions, by what was asked for and by shape."""

    def __init__(self, items: Iterable[AnsweredQuestion]) -> None:
        self._buckets: defaultdict[tuple[str, Shape], list[tuple[str, frozenset[str]]]] = defaultdict(list)
        for item in items:
            for key in self._keys(item):
                self._buckets[key].append((item.reference, _content_of(item.names)))

    @staticmethod
    def _keys(item: AnsweredQuestion) -> tuple[tuple[str, Shape], ...]:
        """From the closest likeness to the loosest."""
        asked, kind = asked_for(item.question), shape(item.reference)
        family = "person" if asked in {"who", "whom", "whose"} else KIND_OF_NOUN.get(asked, "")
        return (asked, kind), (f"any {family}", kind), ("", kind)

    def draw(self, item: AnsweredQuestion, rng: Random) -> str | None:
        """An answer of another question that could be asked for here and is not right; None if none is found."""
        buckets = (self._buckets[key] for key in self._keys(item))
        bucket = next((bucket for bucket in buckets if len(bucket) >= SMALLEST_BUCKET), None)
        if bucket is None:
            return None
        own = _content_of(item.names)
        for _ in range(DRAWS):
            other, theirs = rng.choice(bucket)
            if theirs and not own & theirs and not occurs(other, f"{item.question} {item.passage}"):
                return other
        return None


Edit = Callable[[AnsweredQuestion, DistractorPool, Random], str | None]
"""Makes a candidate of an answered question; None where the edit does not apply."""


@lru_cache(maxsize=1 << 16)
def _content_of(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset[str]().union(*map(content, names))
