"""Contrastive training pairs: minimal edits of right answers whose labels are known by construction.

`equivalence_pairs` runs every edit of `PARAPHRASES` (still right), `CONFOUNDS` and `HACKS` (wrong) over answered
questions, up to a cap for each kind. Everything is drawn from one seed. Nothing is read from disk here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from judge.answers import AnsweredQuestion, DistractorPool, canonical, is_clean, occurs, tidy, unfolded
from judge.confounds import CONFOUNDS
from judge.hacks import HACKS
from judge.paraphrases import PARAPHRASES
from judge.phrasing import bare
from judge.sentence_edits import SENTENCE_CONFOUNDS, SENTENCE_PARAPHRASES

LONGEST_ANSWER = 8  # words; longer references are texts, and a swap of the whole is no minimal edit
BARE_SHARE = 0.15  # share of candidates put in lower case without punctuation, as small policies write
TABLES = ((PARAPHRASES, 1.0), (CONFOUNDS, 0.0), (HACKS, 0.0))
SENTENCE_TABLES = ((SENTENCE_PARAPHRASES, 1.0), (SENTENCE_CONFOUNDS, 0.0))
KEEP_SURFACE = frozenset({"surface", "sign", "blank", "injection", "unchanged", "percent_as_fraction", "date_format"})


@dataclass(frozen=True, slots=True)
class ContrastPair:
    """A candidate beside its reference.

    Attributes:
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
    sentences: Iterable[tuple[str, str]] = (),
) -> Iterator[ContrastPair]:
    """Pairs of every kind, at most `cap` of each.

    Args:
        questions: (question, names of its one answer, group); other names are used only where they surely agree.
        right_answers: (question, reference, right candidate in natural words, group).
        seed: the same seed and input give the same pairs.
        cap: pairs of one kind.
        sentences: (sentence, group), for edits of meaning inside a sentence; their pairs have no question.
    """
    items = [*_from_right_answers(right_answers), *_from_questions(questions)]
    statements = [AnsweredQuestion("", (tidy(text),), group) for text, group in sentences]
    pool = DistractorPool(items)
    for corpus, tables in ((items, TABLES), (statements, SENTENCE_TABLES)):
        for table, label in tables:
            for kind, edit in table.items():
                rng = Random(f"{seed}/{kind}")
                made = 0
                for item in rng.sample(corpus, len(corpus)):
                    if made == cap:
                        break
                    candidate = edit(item, pool, rng)
                    if candidate is None or (candidate == item.reference) != (kind == "unchanged"):
                        continue
                    if kind not in KEEP_SURFACE and rng.random() < BARE_SHARE:
                        candidate = bare(candidate)
                    made += 1
                    yield ContrastPair(item.question, item.reference, candidate, label, kind, item.group)


def _from_questions(questions: Iterable[tuple[str, Sequence[str], str]]) -> Iterator[AnsweredQuestion]:
    for question, names, group in questions:
        clean = [name for name in dict.fromkeys(map(tidy, unfolded(names))) if is_clean(name)]
        reference = canonical(clean)
        if reference is not None and len(reference.split()) <= LONGEST_ANSWER:
            same = (name for name in clean if name != reference)
            yield AnsweredQuestion(tidy(question), (reference, *same), group)


def _from_right_answers(rows: Iterable[tuple[str, str, str, str]]) -> Iterator[AnsweredQuestion]:
    """One item for each right answer that is longer than its reference and holds it word by word."""
    for question, reference, candidate, group in rows:
        short = is_clean(reference) and len(reference.split()) <= LONGEST_ANSWER
        longer = len(candidate.split()) >= len(reference.split()) + 3
        if question and short and longer and occurs(reference, candidate):
            yield AnsweredQuestion(question, (reference,), group, passage=candidate)
