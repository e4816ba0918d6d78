"""What a small encoder cannot read: containment, overlap, numbers, negation, lists, as bounded figures.

One row of figures for a question, a reference and a completion; a combiner joins them with the encoder's
logits. Words are compared in the normal form of `judge.words`. Words of the question are no evidence: a
completion that repeats it has answered nothing. Pure, deterministic, linear in the length of the texts.
"""

import math
import re
from collections.abc import Sequence

from judge.numbers import numbers_in
from judge.words import NEGATIONS, Words, fold, read_words, word_set

STOP_WORDS = word_set(
    """a an the of in on at to for from by with as and or but is are was were be been being it its this that
    these those he she they his her their him them i you we us my your our me who whom which what when where
    why how do does did has have had will would can could may might should also there here s t th st nd rd so
    than then into about over after before if answer"""
)
FEATURE_NAMES: tuple[str, ...] = (
    "exact_match",
    "reference_contained",
    "reference_in_first_clause",
    "reference_position",
    "completion_contained",
    "word_recall",
    "word_precision",
    "word_f1",
    "longest_word_found",
    "last_word_found",
    "spelling_similarity",
    "initials_match",
    "number_recall",
    "number_conflict",
    "reference_has_number",
    "negation_mismatch",
    "reference_negated",
    "polarity_agreement",
    "alternatives",
    "hedged",
    "new_names",
    "question_echo",
    "completion_length",
    "reference_length",
    "length_ratio",
    "empty",
)

_PARENTHESIS = re.compile(r"\s*\([^()]*\)")
_NAME = re.compile(r"(?<![.!?\n:] )(?<!^)\b[A-Z][^\W\d_]+")
_ALTERNATIVES = re.compile(r"\bor\b|\beither\b|,|/", re.IGNORECASE)
_HEDGES = word_set(
    """maybe perhaps possibly probably likely might may could unsure uncertain unclear think believe guess
    suppose seem appear approximately roughly"""
)
_CONTRASTS = word_set("but rather instead actually however")
_YES = frozenset({"yes", "yeah", "yep", "true", "correct"})
_NO = frozenset({"no", "nope", "false", "incorrect", "not", "never"})
_REACH = 5  # words over which a negation is taken to govern what follows
_LENGTH_SCALE = math.log(1000.0)  # a text of 1,000 words and more has length 1


def lexical_features(question: str, reference: str, completion: str) -> dict[str, float]:
    """Figures about one pair, in the order of `FEATURE_NAMES`.

    All lie in [0, 1], but for `polarity_agreement` and `length_ratio`, which lie in [-1, 1].

    >>> lexical_features("Who wrote Emma?", "Jane Austen", "It was Austen.")["last_word_found"]
    1.0
    """
    asked = frozenset(read_words(question).words)
    right = read_words(_PARENTHESIS.sub("", reference))
    if not right.words:
        right = read_words(reference)
    given = read_words(completion)
    values = (
        *_containment(right, given),
        *_overlap(right.words, given.words, asked),
        *_spelling(right.words, given.words, completion),
        *_numbers(right.words, given.words, asked),
        *_polarity(right, given, asked),
        *_commitment(completion, reference, question, given.words),
        *_lengths(right.words, given.words, asked),
    )
    return dict(zip(FEATURE_NAMES, values, strict=True))


def _containment(right: Words, given: Words) -> tuple[float, float, float, float, float]:
    """From exact_match to completion_contained."""
    at = _find(right, given)
    if at < 0:
        inside = bool(given.words) and given.joined in right.joined
        return 0.0, 0.0, 0.0, 0.0, float(inside)
    exact = right.words == given.words
    return float(exact), 1.0, float(at < given.head), 1.0 - at / len(given.words), float(exact)


def _find(right: Words, given: Words) -> int:
    """Index of the first word of the reference in the completion, -1 if it is not there in one run."""
    if not right.words:
        return -1
    joined = given.joined
    at = joined.find(right.joined)
    return joined.count(" ", 0, at) if at >= 0 else -1


def _overlap(
    right: Sequence[str], given: Sequence[str], asked: frozenset[str]
) -> tuple[float, float, float, float, float]:
    """word_recall, word_precision, word_f1, longest_word_found, last_word_found."""
    wanted = _evidence(right, asked)
    offered = _evidence(given, asked)
    if not wanted or not offered:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    present, welcome = frozenset(given), frozenset(right)
    recall = sum(word in present for word in wanted) / len(wanted)
    precision = sum(word in welcome for word in offered) / len(offered)
    f1 = 2 * recall * precision / (recall + precision) if recall and precision else 0.0
    return recall, precision, f1, float(max(wanted, key=len) in present), float(wanted[-1] in present)


def _evidence(words: Sequence[str], asked: frozenset[str]) -> list[str]:
    """The words that could tell a right answer from a wrong one; stop words if there are no others."""
    content = [word for word in words if word not in STOP_WORDS]
    return [word for word in content if word not in asked] or content or list(words)


def _spelling(right: Sequence[str], given: Sequence[str], completion: str) -> tuple[float, float]:
    """spelling_similarity, initials_match."""
    present = frozenset(given)
    wanted = [word for word in right if word not in STOP_WORDS] or right
    if not wanted:
        return 0.0, 0.0
    close = [
        1.0 if word in present else max((_dice(word, other) for other in present), default=0.0)
        for word in wanted
    ]
    return sum(close) / len(close), float(_initials_match(right, given) or _initials_match(given, right))


def _dice(left: str, right: str) -> float:
    """Share of letter pairs that two words have in common, in [0, 1]; 0 at once where it must be low."""
    if len(left) < 4 or len(right) < 4 or abs(len(left) - len(right)) > 3 or left[-1].isdigit():
        return 0.0
    one = {left[i : i + 2] for i in range(len(left) - 1)}
    two = {right[i : i + 2] for i in range(len(right) - 1)}
    return 2 * len(one & two) / (len(one) + len(two))


def _initials_match(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether a one-word answer spells the initials of words in a row: nato, north atlantic treaty ..."""
    if len(short) != 1 or not 2 <= len(short[0]) <= 6:
        return False
    every = "".join(word[0] for word in long)
    content = "".join(word[0] for word in long if word not in STOP_WORDS)
    return short[0] in every or short[0] in content


def _numbers(right: Sequence[str], given: Sequence[str], asked: frozenset[str]) -> tuple[float, float, float]:
    """number_recall, number_conflict, reference_has_number."""
    wanted = numbers_in(right)
    if not wanted:
        return 0.0, 0.0, 0.0
    offered = numbers_in(given)
    recall = len(wanted & offered) / len(wanted)
    return recall, float(recall < 1.0 and bool(offered - wanted - asked)), 1.0


def _polarity(right: Words, given: Words, asked: frozenset[str]) -> tuple[float, float, float]:
    """negation_mismatch, reference_negated, polarity_agreement."""
    negated = not NEGATIONS.isdisjoint(given.words)
    mismatch = negated != (not NEGATIONS.isdisjoint(right.words)) and NEGATIONS.isdisjoint(asked)
    at = _find(right, given)
    before = given.words[max(0, at - _REACH) : at] if at > 0 else ()
    governed = not NEGATIONS.isdisjoint(before) and _CONTRASTS.isdisjoint(before)
    return float(mismatch), float(governed), float(_stance(right.words) * _stance(given.words))


def _stance(words: Sequence[str]) -> int:
    """+1 for a text that opens with yes, -1 with no, 0 otherwise."""
    first = words[0] if words else ""
    return 1 if first in _YES else -1 if first in _NO else 0


def _commitment(
    completion: str, reference: str, question: str, given: Sequence[str]
) -> tuple[float, float, float]:
    """alternatives, hedged, new_names."""
    listed = len(_ALTERNATIVES.findall(completion))
    known = fold(reference + " " + question)
    strangers = {name for name in _NAME.findall(completion) if fold(name) not in known}
    return listed / (listed + 2), float(not _HEDGES.isdisjoint(given)), len(strangers) / (len(strangers) + 2)


def _lengths(
    right: Sequence[str], given: Sequence[str], asked: frozenset[str]
) -> tuple[float, float, float, float, float]:
    """question_echo, completion_length, reference_length, length_ratio, empty."""
    if not given:
        return 0.0, 0.0, _log_length(right), -1.0, 1.0
    echo = sum(word in asked for word in given) / len(given)
    ratio = (len(given) - len(right)) / (len(given) + len(right))
    return echo, _log_length(given), _log_length(right), ratio, 0.0


def _log_length(words: Sequence[str]) -> float:
    """Length in [0, 1]: logarithm of the number of words."""
    return min(1.0, math.log1p(len(words)) / _LENGTH_SCALE)
