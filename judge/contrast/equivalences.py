"""Contrastive training pairs: minimal edits of right answers whose labels are known by construction.

`equivalence_pairs` runs every edit of every table over answered questions and sentences, up to a cap for each
kind. Everything is drawn from one seed; nothing is read from disk here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from judge.contrast.aliases import LONGEST_ANSWER, answered, is_clean, tidy
from judge.contrast.answers import AnsweredQuestion, content, occurs
from judge.contrast.confounds import CONFOUNDS
from judge.contrast.distractors import DistractorPool, Edit
from judge.contrast.hacks import HACKS
from judge.contrast.made_up import made_up_questions
from judge.contrast.made_up_pairs import made_up_pairs
from judge.contrast.paraphrases import PARAPHRASES
from judge.contrast.phrasing import bare
from judge.contrast.quantity_edits import QUANTITY_CONFOUNDS, QUANTITY_PARAPHRASES
from judge.contrast.relations import relation_pairs
from judge.contrast.sentence_edits import SENTENCE_CONFOUNDS, SENTENCE_PARAPHRASES
from judge.contrast.word_order import REORDERINGS, SWAPS

ANSWER_EDITS: Mapping[str, tuple[float, Edit]] = {
    **{kind: (1.0, edit) for kind, edit in (PARAPHRASES | QUANTITY_PARAPHRASES).items()},
    **{kind: (0.0, edit) for kind, edit in (CONFOUNDS | QUANTITY_CONFOUNDS | HACKS).items()},
}
SENTENCE_EDITS: Mapping[str, tuple[float, Edit]] = {
    **{kind: (1.0, edit) for kind, edit in SENTENCE_PARAPHRASES.items()},
    **{kind: (0.0, edit) for kind, edit in SENTENCE_CONFOUNDS.items()},
}
WORD_ORDER_EDITS: Mapping[str, tuple[float, Edit]] = {
    **{kind: (1.0, edit) for kind, edit in REORDERINGS.items()},
    **{kind: (0.0, edit) for kind, edit in SWAPS.items()},
}
BARE_SHARE = 0.15  # share of candidates put in lower case without punctuation, as small policies write
WRITTEN_AS_MEANT = frozenset(
    {"unchanged", "surface", "blank", "injection"}
)  # kinds that such rewriting would undo
MADE_UP_SHARE = 0.1  # made-up questions for each question given


@dataclass(frozen=True, slots=True)
class ContrastPair:
    """A candidate beside its reference.

    Attributes:
        question: empty where the reference is a sentence that stands alone.
        label: 1.0 where the candidate gives the reference's answer, 0.0 where it does not.
        kind: name of the edit that made it.
        group: rows of one group are never split between training and held-out data.
    """

    question: str
    reference: str
    candidate: str
    label: float
    kind: str
    group: str


def equivalence_pairs(
    questions: Iterable[tuple[str, Sequence[str], str]],
    right_answers: Iterable[tuple[str, str, str, str]],
    *,
    seed: int,
    cap: int,
    word_order_cap: int = 0,
    sentences: Iterable[tuple[str, str, str]] = (),
) -> Iterator[ContrastPair]:
    """Pairs of every kind, at most `cap` of each.

    Args:
        questions: (question, names of its one answer, group); only names that surely agree are used.
        right_answers: (question, reference, right candidate in natural words, group).
        seed: the same seed and input give the same pairs.
        cap: pairs of one kind.
        word_order_cap: pairs of one kind of word order.
        sentences: (sentence, a paraphrase of it or nothing, group), for edits of meaning inside a sentence;
            their pairs have no question.
    """
    items = [item for row in questions if (item := answered(*row))]
    items += _with_passages(right_answers)
    items += made_up_questions(seed=seed, size=int(MADE_UP_SHARE * len(items)))
    distinct = {tidy(text): (tidy(paraphrase), group) for text, paraphrase, group in sentences}
    statements = [
        AnsweredQuestion("", (text,), group, paraphrase) for text, (paraphrase, group) in distinct.items()
    ]
    pool = DistractorPool(items)
    for kind, (label, edit) in ANSWER_EDITS.items():
        yield from _edited(kind, edit, label, items, pool, seed, cap)
    for kind, (label, edit) in SENTENCE_EDITS.items():
        yield from _edited(kind, edit, label, statements, pool, seed, cap)
    for kind, (label, edit) in WORD_ORDER_EDITS.items():
        yield from _edited(kind, edit, label, statements, pool, seed, word_order_cap)
    yield from (ContrastPair(*row) for row in relation_pairs(seed=seed, cap=cap))
    yield from (ContrastPair(*row) for row in made_up_pairs(seed=seed, cap=2 * cap))


def _edited(
    kind: str,
    edit: Edit,
    label: float,
    items: Sequence[AnsweredQuestion],
    pool: DistractorPool,
    seed: int,
    cap: int,
) -> Iterator[ContrastPair]:
    """At most `cap` pairs of one kind, from items in random order."""
    rng = Random(f"{seed}/{kind}")
    made = 0
    for item in rng.sample(items, len(items)):
        if made == cap:
            return
        candidate = edit(item, pool, rng)
        if candidate is None or (candidate == item.reference) != (kind == "unchanged"):
            continue
        if kind not in WRITTEN_AS_MEANT and rng.random() < BARE_SHARE:
            candidate = bare(candidate)
        made += 1
        yield ContrastPair(item.question, item.reference, candidate, label, kind, item.group)


def _with_passages(rows: Iterable[tuple[str, str, str, str]]) -> list[AnsweredQuestion]:
    """One item for each right answer that is longer than its reference and holds it word by word.

    References of one question that stand in its right answers are names of one thing: people judged them so.
    """
    kept = [row for row in rows if _holds_short_answer(*row[:3])]
    names: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for question, reference, _, group in kept:
        names[question, group][reference] = None
    return [
        AnsweredQuestion(
            question,
            (reference, *(name for name in names[question, group] if name != reference)),
            group,
            candidate,
        )
        for question, reference, candidate, group in kept
    ]


def _holds_short_answer(question: str, reference: str, candidate: str) -> bool:
    length = len(reference.split())
    told = content(reference) <= content(
        question
    )  # an answer that the question gives away cannot be swapped out
    longer = len(candidate.split()) >= length + 3
    return (
        bool(question)
        and is_clean(reference)
        and length <= LONGEST_ANSWER
        and longer
        and not told
        and occurs(reference, candidate)
    )
