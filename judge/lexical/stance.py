"""What a completion does with an answer it names: gives it, denies it, takes it back, prefers it to another.

Reads a few words on either side; a judge of scope in long sentences it is not.
"""

from collections.abc import Sequence

from judge.lexical.words import Words, word_set

NEGATIONS = word_set(
    """not no never neither nor none nothing nobody without cannot cant dont isnt wasnt incorrect wrong false
    untrue unlike except"""
)
_TURNS = word_set("but rather instead actually however fact meant mean wait correction")
_RETRACTIONS = NEGATIONS | word_set("actually wait sorry correction instead but though thought")
_OPPOSES = word_set("not rather instead")  # directly after an answer: Paris, not Rome
_YES = word_set("yes yeah yep true correct")
_NO = word_set("no nope false incorrect not never")
REACH = 5  # words over which such a word is taken to govern an answer


def stance_towards(given: Words, at: int, length: int) -> dict[str, float]:
    """Whether the completion denies, withdraws or affirms the answer that is its words [at, at + length).

    Each is 0 or 1. A negative `at` stands for an answer that is not there.

    >>> from judge.lexical.words import read_words
    >>> stance_towards(read_words("It is Rome, not Paris."), at=4, length=1)["reference_negated"]
    1.0
    """
    if at < 0:
        return {"reference_negated": 0.0, "reference_withdrawn": 0.0, "reference_affirmed": 0.0}
    words = given.words
    start = max(0, at - REACH)
    clause = max((end for end in given.clause_ends if start < end <= at), default=start)
    before, after = words[clause:at], words[at + length : at + length + REACH]
    passed_over = before[-1:] == ("than",) or before[-2:] == ("instead", "of")
    denied = passed_over or not NEGATIONS.isdisjoint(before)
    turned = not passed_over and not _TURNS.isdisjoint(before)
    opposed = not _OPPOSES.isdisjoint(after[:1]) or not NEGATIONS.isdisjoint(words[start:clause])
    return {
        "reference_negated": float(denied and not turned),
        "reference_withdrawn": float(not opposed and not _RETRACTIONS.isdisjoint(after)),
        "reference_affirmed": float(turned or (opposed and not denied)),
    }


def opening(words: Sequence[str]) -> int:
    """+1 for words that open with yes, -1 with no, 0 otherwise."""
    first = words[0] if words else ""
    return 1 if first in _YES else -1 if first in _NO else 0
