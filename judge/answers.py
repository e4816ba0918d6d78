"""Answered questions, and what kind of thing an answer is: the raw material of contrastive pairs.

An answer has a shape (year, number, date, yes or no, name, phrase) and its question a head ("which country").
Two answers of one shape and head could stand in for each other, so each is a hard wrong answer to the other's
question. Standard library only.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from random import Random

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
FUNCTION_WORDS = frozenset(
    "a an the of in on at to for and or by with from as is was are were be been it its his her their this that".split()
)
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
        passage: a right answer in natural words, longer than the reference; empty where there is none.
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


def shape(answer: str) -> Shape:
    """The shape of `answer`."""
    bare = answer.strip(" .").lower()
    if re.fullmatch(r"(c\. ?)?1\d{3}|20\d{2}", bare):
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


def head(question: str) -> str:
    """The question word with the noun it asks for: "which country", "who", "how many"; "" if there is none."""
    found = re.search(
        r"\b(who|whom|whose|when|where|why|how (?:many|much|long|old|far|tall|high|big)|(?:what|which) \w+|how)\b",
        question.lower(),
    )
    return found.group(1) if found else ""


class DistractorPool:
    """Answers of other questions, by head and shape."""

    def __init__(self, items: Iterable[AnsweredQuestion]) -> None:
        self._buckets: defaultdict[tuple[str, Shape], list[tuple[str, frozenset[str]]]] = defaultdict(list)
        for item in items:
            kind, answer = shape(item.reference), (item.reference, _content_of(item.names))
            self._buckets[head(item.question), kind].append(answer)
            self._buckets["", kind].append(answer)

    def draw(self, item: AnsweredQuestion, rng: Random) -> str | None:
        """An answer of another question that could be asked for here and is not right; None if none is found."""
        kind = shape(item.reference)
        bucket = self._buckets[head(item.question), kind]
        if len(bucket) < SMALLEST_BUCKET:
            bucket = self._buckets["", kind]
        own = _content_of(item.names)
        for _ in range(DRAWS if bucket else 0):
            other, theirs = rng.choice(bucket)
            if theirs and not own & theirs and not occurs(other, f"{item.question} {item.passage}"):
                return other
        return None


@lru_cache(maxsize=1 << 16)
def _content_of(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*map(content, names))


def tidy(text: str) -> str:
    """`text` with the spaces of tokenized sources taken out: "July 16 , 2017" becomes "July 16, 2017"."""
    text = re.sub(r"``|''|\"\"+", '"', text)
    text = re.sub(r" ([,.;:!?%)]|'s\b|n ?'t\b)", lambda found: found.group(1).replace(" ", ""), text)
    return re.sub(r"(?<=\w) -+ (?=\w)", "-", text.replace("( ", "(")).strip().strip('"').strip()


def unfolded(names: Sequence[str]) -> list[str]:
    """`names`, with a list that was written as one string taken apart."""
    if len(names) == 1 and names[0].startswith("['"):
        return [part.strip(" '\"") for part in re.split(r"'?, '|', '?", names[0].strip("[]"))]
    return list(names)


JUNK = re.compile(
    r"disambiguation|^(list|history|geography|demographics|economy|politics|wildlife|etymology|culture|education|sport"
    r"|subdivisions|health|name|names|template|iso|portal|early life|personal life) |'s |\d{4}:|[\[\]{}|:/\\]|filmography"
    r"|discography|in popular culture|bibliography",
    re.IGNORECASE,
)


def is_clean(name: str) -> bool:
    """Whether `name` reads like an answer and not like a page title, an emoji or a list."""
    return 0 < len(name) <= 60 and not JUNK.search(name) and name.isprintable() and bool(re.search(r"[A-Za-z0-9]", name))


def same_thing(name: str, other: str) -> bool:
    """Whether two listed names of one answer surely mean the same: spelling, initials, or a person's fuller name.

    Lists of redirects hold much that is only related ("Blood oxygen" under "Blood"), so most pairs are refused.
    """
    a, b = plain(name), plain(other)
    if not a or not b or re.findall(r"\d+", a) != re.findall(r"\d+", b):
        return False
    if a.replace(" ", "") == b.replace(" ", "") or _initials(name, b) or _initials(other, a):
        return True
    return _spelling(a, b) or _fuller_name(name, other) or _fuller_name(other, name)


def _initials(short: str, long: str) -> bool:
    letters = short.replace(".", "").replace(" ", "")
    spelled = "".join(word[0] for word in long.split() if word not in FUNCTION_WORDS)
    return len(letters) >= 3 and letters.isupper() and letters.lower() == spelled


def _spelling(a: str, b: str) -> bool:
    """One letter added, dropped or changed inside a word of five letters or more (misspellings, plurals)."""
    if min(len(a), len(b)) < 5 or abs(len(a) - len(b)) > 1 or a[0] != b[0]:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[start + 1 :] == b[start:] or a[start:] == b[start + 1 :] or a[start + 1 :] == b[start + 1 :]


def _fuller_name(name: str, fuller: str) -> bool:
    """A person's first and last name, with a middle name or a title between or before them."""
    short, long = name.split(), fuller.split()
    capitalised = all(word[0].isupper() for word in short + long)
    return (
        capitalised
        and len(short) == 2
        and 3 <= len(long) <= 4
        and "," not in fuller
        and plain(short[-1]) == plain(long[-1])
        and plain(short[0]) in {plain(long[0]), plain(long[1])}
    )


def canonical(names: Sequence[str]) -> str | None:
    """The name of a redirect list that most others spell or contain; None where the list does not agree."""
    clean = [name for name in dict.fromkeys(names) if is_clean(name)]
    if not clean:
        return None
    if len(clean) == 1:
        return clean[0]
    padded = [f" {plain(name)} " for name in clean]
    votes = [sum(f" {plain(name)} " in other for other in padded) for name in clean]
    best = max(votes)
    if best < 2 and len(clean) > 2:
        return None
    winners = [name for name, vote in zip(clean, votes, strict=True) if vote == best]
    return max(winners, key=lambda name: (name[:1].isupper() and not name.isupper(), name.istitle(), -len(name)))
