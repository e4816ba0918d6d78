"""What a small encoder cannot read: containment, overlap, numbers, negation, lists, as bounded figures.

One row of figures for a question, a reference and a completion; a combiner joins them with the encoder's
logits. Words are compared in the normal form of `words.py`. Words of the question are no evidence: a
completion that repeats it has answered nothing. Pure, deterministic, linear in the length of the texts.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from judge.lexical.numbers import Comparison, compare_quantities, read_quantities
from judge.lexical.spelling import is_acronym, likeness
from judge.lexical.stance import NEGATIONS, opening, stance_towards
from judge.lexical.words import Words, fold, read_words, word_set

FEATURES: Mapping[str, str] = {
    "exact_match": "0 or 1: the same words in the same order",
    "reference_contained": "0 or 1: the whole reference stands in the completion, in one run of words",
    "reference_in_first_clause": "0 or 1: and it begins in the first clause",
    "completion_contained": "0 or 1: the whole completion stands in the reference",
    "reference_in_question": "0 or 1: the question itself names the whole reference",
    "word_recall": "0 to 1: share of the reference's telling words found in the completion",
    "word_precision": "0 to 1: share of the completion's telling words found in the reference",
    "word_f1": "0 to 1: harmonic mean of the two",
    "pair_recall": "0 to 1: share of the reference's word pairs in a row that the completion has in a row",
    "weakest_item": "0 to 1: word_recall of the least covered item, where the reference is a list",
    "last_word_found": "0 or 1: the reference's last telling word (a surname) is found",
    "name_conflict": "0 or 1: that last word follows another name than in the reference",
    "spelling_similarity": "0 to 1: word_recall where a word spelt alike counts in part",
    "initials_match": "0 or 1: one text spells the initials of the other",
    "reference_has_number": "0 or 1: the reference gives a number",
    "number_recall": "0 to 1: share of its numbers that the completion gives; a rounded one counts half",
    "number_conflict": "0 or 1: one is missing, and the completion gives a number that the question does not",
    "negation_mismatch": "0 or 1: one text negates and the other does not, nor the question",
    "reference_negated": "0 or 1: a negation governs the reference where the completion names it",
    "reference_withdrawn": "0 or 1: words of denial or correction follow it",
    "reference_affirmed": "0 or 1: it is set against something denied: not X but R; R, not X",
    "polarity_agreement": "-1, 0 or 1: both open with yes or no, and differ (-1) or agree (1)",
    "alternatives": "0 to 1: how often the completion says 'or' more than the reference",
    "other_choice": "0 or 1: it names what the question sets against the reference by 'or', undenied",
    "listed": "0 to 1: how many more commas it has than the reference",
    "declined": "0 or 1: it is sorry, unable, cannot ...",
    "new_names": "0 to 1: how many names it gives that neither reference nor question has",
    "question_echo": "0 to 1: share of its words that the question has",
    "repetition": "0 to 1: share of its words that it has said before",
    "question_given": "0 or 1: there is a question; without one two texts are compared",
    "completion_length": "0 to 1: logarithm of its number of words",
    "reference_length": "0 to 1: the same for the reference",
    "length_ratio": "-1 to 1: from all reference (-1) over equal lengths (0) to all completion (1)",
}
FEATURE_NAMES: tuple[str, ...] = tuple(FEATURES)

_STOP_WORDS = word_set(
    """a an the of in on at to for from by with as and or but is are was were be been being it its this thi
    that these those he she they his hi her their him them i you we us my your our me who whom which what when
    where why how do doe did has ha have had will would can could may might should also there here s t so than
    then into about over after before if answer called known sir mr mrs dr lord"""
)
_REFUSALS = word_set("sorry unable apologize apology unknown insufficient cannot")
_PARENTHESIS = re.compile(r"\([^()]*\)")
_ITEM_ENDS = re.compile(r"[;&\n]|[,/](?!\d)|\band\b")
_NAME = re.compile(r"\b[A-ZÀ-Þ][^\W\d_]+")
_NAME_INSIDE = re.compile(r"(?<=[^.!?\n:\s]\s)[A-ZÀ-Þ][^\W\d_]+")  # not the first word of a clause
_SPELT_WORDS = 32  # words of a reference whose spelling is looked into
_SHORTEST_UNSPACED = 5  # letters of a reference that may be written as one word, or as more
_ROUNDED = 0.5  # what a word of a rounded quantity counts
_LENGTH_SCALE = math.log(1000.0)  # a text of 1,000 words and more has length 1


@dataclass(frozen=True, slots=True)
class _Pair:
    """The texts as the groups of features read them."""

    asked: frozenset[str]  # words of the question
    right: Words  # the reference, without what stands in parentheses
    given: Words  # the completion, with quantities that agree said as the reference says them
    quantities: Comparison
    present: frozenset[str]  # words of the completion, but for quantities that do not agree
    wanted: tuple[str, ...]  # telling words of the reference
    at: int  # index in `given` where the reference begins, -1 if it is not there in one run


def lexical_features(question: str, reference: str, completion: str) -> dict[str, float]:
    """Figures about one pair, in the order of `FEATURE_NAMES`; `FEATURES` has their meanings and ranges.

    >>> lexical_features("Who wrote Emma?", "Jane Austen", "It was Austen.")["last_word_found"]
    1.0
    """
    core = _PARENTHESIS.sub(" ", reference) if "(" in reference else reference
    right = read_words(core)
    if not right.words:
        right = read_words(reference)
    asked = read_words(question)
    quantities = compare_quantities(right, read_words(completion))
    given = quantities.given
    pair = _Pair(
        asked=frozenset(asked.words),
        right=right,
        given=given,
        quantities=quantities,
        present=quantities.present,
        wanted=_telling(right.words, frozenset(asked.words)),
        at=_find(right, given),
    )
    values = (
        _containment(pair, asked)
        | _overlap(pair)
        | {"weakest_item": _weakest_item(pair, core)}
        | _names(pair, question, reference, completion)
        | _numbers(pair, asked)
        | _polarity(pair)
        | _commitment(pair, asked, reference, completion)
        | {"question_given": float(bool(asked.words))}
        | _lengths(pair)
    )
    return {name: values[name] for name in FEATURE_NAMES}


def _telling(words: tuple[str, ...], asked: frozenset[str]) -> tuple[str, ...]:
    """The words that could tell a right answer from a wrong one; what there is, if there are none."""
    content = tuple(word for word in words if word not in _STOP_WORDS)
    return tuple(word for word in content if word not in asked) or content or words


def _find(right: Words, given: Words) -> int:
    """Index of the first word of the reference in the completion, -1 if it is not there in one run."""
    if not right.words or not given.words:
        return -1
    at = given.joined.find(right.joined)
    if at >= 0:
        return given.joined.count(" ", 0, at)
    target = "".join(right.words)
    if len(target) < _SHORTEST_UNSPACED or not target.isalpha():
        return -1
    at = "".join(given.words).find(target)  # sea shells for seashells
    if at < 0:
        return -1
    edges = [0, *accumulate(map(len, given.words))]
    return edges.index(at) if at in edges and at + len(target) in edges else -1


def _share(words: Sequence[str], found_in: frozenset[str], rounded: frozenset[str] = frozenset()) -> float:
    found: float = sum(map(found_in.__contains__, words))
    if rounded:
        found += _ROUNDED * sum(map((rounded - found_in).__contains__, words))
    return found / len(words) if words else 0.0


def _containment(pair: _Pair, asked: Words) -> dict[str, float]:
    given, right = pair.given, pair.right
    return {
        "exact_match": float(pair.at == 0 and "".join(given.words) == "".join(right.words)),
        "reference_contained": float(pair.at >= 0),
        "reference_in_first_clause": float(pair.at >= 0 and pair.at < given.clause_ends[0]),
        "completion_contained": float(bool(given.words) and given.joined in right.joined),
        "reference_in_question": float(bool(right.words) and right.joined in asked.joined),
    }


def _overlap(pair: _Pair) -> dict[str, float]:
    wanted, rounded = pair.wanted, pair.quantities.rounded
    recall = _share(wanted, pair.present, rounded)
    precision = _share(_telling(pair.given.words, pair.asked), pair.quantities.known, rounded)
    neighbours = [f" {left} {right} " in pair.given.joined for left, right in pairwise(pair.right.words)]
    spelt = [likeness(word, pair.present) for word in wanted[:_SPELT_WORDS]]
    return {
        "word_recall": recall,
        "word_precision": precision,
        "word_f1": 2 * recall * precision / (recall + precision) if recall and precision else 0.0,
        "pair_recall": sum(neighbours) / len(neighbours) if neighbours else recall,
        "last_word_found": float(bool(wanted) and wanted[-1] in pair.present),
        "spelling_similarity": sum(spelt) / len(spelt) if spelt else 0.0,
    }


def _weakest_item(pair: _Pair, reference: str) -> float:
    items = [item for item in _ITEM_ENDS.split(reference) if item.strip()]
    if len(items) < 2:
        return _share(pair.wanted, pair.present)
    return min(_share(_telling(read_words(item).words, pair.asked), pair.present) for item in items)


def _names(pair: _Pair, question: str, reference: str, completion: str) -> dict[str, float]:
    known = fold(f"{reference} {question}")
    strangers = {name for name in map(fold, _NAME_INSIDE.findall(completion)) if name not in known}
    initials = is_acronym(reference, _NAME.findall(completion)) or is_acronym(
        completion, _NAME.findall(reference)
    )
    return {
        "name_conflict": float(_name_conflict(pair)),
        "initials_match": float(initials),
        "new_names": len(strangers) / (len(strangers) + 2),
    }


def _name_conflict(pair: _Pair) -> bool:
    right, given = pair.right.words, pair.given
    surname = pair.wanted[-1] if pair.wanted else ""
    if pair.at >= 0 or len(right) < 2 or right[-1] != surname or surname not in pair.present:
        return False
    at = given.words.index(surname)
    if at == 0 or at in given.clause_ends:
        return False
    first = given.words[at - 1]
    is_name = first.isalpha() and first not in _STOP_WORDS and first not in pair.asked
    return is_name and first not in right and first[0] != right[0][0]


def _numbers(pair: _Pair, asked: Words) -> dict[str, float]:
    agreements = pair.quantities.agreements
    if not agreements:
        return {"reference_has_number": 0.0, "number_recall": 0.0, "number_conflict": 0.0}
    strays = pair.quantities.strays
    known = {quantity.number for quantity in read_quantities(asked.words)} if strays else set()
    return {
        "reference_has_number": 1.0,
        "number_recall": sum(agreements) / len(agreements),
        "number_conflict": float(
            min(agreements) == 0.0 and any(other.number not in known for other in strays)
        ),
    }


def _polarity(pair: _Pair) -> dict[str, float]:
    given, right = pair.given.words, pair.right.words
    mismatch = NEGATIONS.isdisjoint(given) != NEGATIONS.isdisjoint(right) and NEGATIONS.isdisjoint(pair.asked)
    at, length = pair.at, len(right)
    if at < 0:
        at, length = next((given.index(word) for word in pair.wanted if word in pair.present), -1), 1
    return {
        "negation_mismatch": float(mismatch),
        "polarity_agreement": float(opening(right) * opening(given)),
    } | stance_towards(pair.given, at, length)


def _commitment(pair: _Pair, asked: Words, reference: str, completion: str) -> dict[str, float]:
    alternatives = max(0, _choices(pair.given, completion) - _choices(pair.right, reference))
    listed = max(0, completion.count(",") - reference.count(","))
    return {
        "alternatives": alternatives / (alternatives + 1),
        "other_choice": float(_other_choice(pair, asked.words)),
        "listed": listed / (listed + 2),
        "declined": float(not _REFUSALS.isdisjoint(pair.present)),
    }


def _other_choice(pair: _Pair, asked: tuple[str, ...]) -> bool:
    given = pair.given
    for at, word in enumerate(asked):
        if word != "or":
            continue
        sides = [
            next((side for side in words if side not in _STOP_WORDS), "")
            for words in (reversed(asked[:at]), asked[at + 1 :])
        ]
        others = [side for side in sides if side not in pair.right.words]
        if len(others) == 1 and others[0] in pair.present:
            return not stance_towards(given, given.words.index(others[0]), 1)["reference_negated"]
    return False


def _choices(words: Words, text: str) -> int:
    return words.words.count("or") + words.words.count("either") + text.count("/")


def _lengths(pair: _Pair) -> dict[str, float]:
    given, right = pair.given.words, pair.right.words
    total = len(given) + len(right)
    return {
        "question_echo": _share(given, pair.asked),
        "repetition": 1.0 - len(set(given)) / len(given) if given else 0.0,
        "completion_length": min(1.0, math.log1p(len(given)) / _LENGTH_SCALE),
        "reference_length": min(1.0, math.log1p(len(right)) / _LENGTH_SCALE),
        "length_ratio": (len(given) - len(right)) / total if total else 0.0,
    }
