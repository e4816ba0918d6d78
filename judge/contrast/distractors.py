"""Hard wrong answers: answers of other questions that could be asked for here.

A question asks for something (a country, a person, a time) and its answer has a shape (year, number, name).
Two answers alike in both could stand in for each other, so each is a hard wrong answer for the other.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from random import Random

from judge.contrast.answers import AnsweredQuestion, Shape, content, occurs, shape

KINDS_ASKED_FOR = {
    "person": (
        "actor actress singer person man woman king queen president minister author writer poet artist"
        " painter composer player footballer golfer boxer driver director scientist inventor explorer"
        " comedian comedienne presenter character monarch emperor musician politician leader"
        " philosopher god goddess pope saint detective designer"
    ),
    "place": (
        "country city town state river mountain island lake sea ocean county capital continent region"
        " village street airport port desert district borough province range"
    ),
    "work": (
        "song film movie book novel album poem play musical opera show series sitcom magazine"
        " newspaper painting game single soap ballet hit"
    ),
    "group": (
        "band group team club company party organisation organization university school airline firm tribe"
    ),
    "creature": ("animal bird fish dog fruit tree flower plant insect vegetable breed creature mammal"),
    "substance": (
        "element metal chemical drink food mineral gas vitamin gemstone liquid cheese spirit wine dish"
    ),
    "word": (
        "word term language nationality religion colour color sport instrument"
        " profession letter occupation living hobby birthplace"
    ),
}
KIND_OF_NOUN = {noun: kind for kind, nouns in KINDS_ASKED_FOR.items() for noun in nouns.split()}
DRAWS = 20  # tries before a question is given up as having no distractor
SMALLEST_BUCKET = 8  # fewer answers than this make a distractor that repeats too often
NOUN_WITHIN = 7  # words after "which" in which the noun it asks for is looked for


def asked_for(question: str) -> str:
    """What the question asks for, in a word or two: "who", "how many", "country"; or nothing."""
    asked = " ".join(re.findall(r"[\w']+", question.lower()))
    found = re.search(
        r"\b(who|whom|whose|when|where|why|how (?:many|much|long|old|far|tall|high|big|deep)|how|what"
        r"|which)\b(.*)",
        asked,
    )
    if not found:
        return ""
    if found.group(1) not in {"what", "which"}:
        return found.group(1)
    following = found.group(2).split()[:NOUN_WITHIN]
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
        """An answer of another question that would fit here and is not right; None if there is none."""
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
