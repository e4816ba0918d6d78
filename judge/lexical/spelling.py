"""How alike two words are spelt: typos, inflections, transliterations, acronyms. Knows nothing of sound."""

from collections.abc import Sequence
from functools import lru_cache

SHORTEST = 4  # letters; in a shorter word one letter makes another word
_LONGER = 4  # letters by which a word alike may be longer or shorter
SLIP = 0.9  # likeness of two words one slip of the pen apart
ACRONYM_LENGTHS = range(2, 7)


def likeness(word: str, others: frozenset[str]) -> float:
    """How alike a word and the most similar of other words are, in [0, 1].

    The Dice coefficient of their letter pairs, squared so that a chance resemblance counts little.

    >>> likeness("tchaikovsky", frozenset({"by", "chaikovski"})) > 0.5
    True
    """
    if word in others:
        return 1.0
    if len(word) < SHORTEST or not word.isalpha():
        return 0.0
    pairs, best, nearest = _pairs(word), 0.0, ""
    for other in others:
        if abs(len(other) - len(word)) <= _LONGER and len(other) >= SHORTEST:
            theirs = _pairs(other)
            dice = 2 * len(pairs & theirs) / (len(pairs) + len(theirs))
            if (dice, other) > (best, nearest):
                best, nearest = dice, other
    return SLIP if one_slip_apart(word, nearest) else best**2


@lru_cache(maxsize=1 << 15)
def _pairs(word: str) -> frozenset[str]:
    return frozenset(word[i : i + 2] for i in range(len(word) - 1))


def one_slip_apart(word: str, other: str) -> bool:
    """Whether one letter was added, dropped, changed, or swapped with its neighbour, or none was."""
    if abs(len(word) - len(other)) > 1:
        return False
    same = next(
        (i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other))
    )
    left, right = word[same:], other[same:]
    changed = left[1:] == right[1:] or left[1:] == right or left == right[1:]
    return changed or (left[1::-1] == right[:2] and left[2:] == right[2:])


def is_acronym(short: str, names: Sequence[str]) -> bool:
    """Whether a text is the initials of names in a row.

    >>> is_acronym("N.A.T.O.", ["North", "Atlantic", "Treaty", "Organization"])
    True
    """
    letters = short.replace(".", "").strip()
    spelt = "".join(name[0] for name in names)
    return letters.isupper() and len(letters) in ACRONYM_LENGTHS and letters in spelt
