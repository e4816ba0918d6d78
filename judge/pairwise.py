"""Judges that measure a completion against one reference at a time: the best reference counts.

They see no abstention, only right and wrong: right from a threshold on. That is the one a measure was
published with, .5 where it has none; it is never tuned on the rows that are judged.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rouge_score.rouge_scorer import RougeScorer

from judge.baselines import contains, exact_match, token_f1
from judge.records import Record, Score, Verdict

THRESHOLD = 0.5


class Pair(NamedTuple):
    """What is measured; `question` may be empty."""

    question: str
    reference: str
    completion: str


Measure = Callable[[Sequence[Pair]], Sequence[float]]
"""N distinct pairs to N numbers, the higher the more alike; NaN where it cannot say. Below 0 counts as 0."""


class PairJudge:
    """A judge made of a measure.

    Example:
        >>> judge = PairJudge(rouge_l)
        >>> judge.score([Record("Where?", ("London", "in Kent"), "in London")])
        [Score(equivalence=0.6666666666666666, abstention=0.0, verdict=<Verdict.CORRECT: 'correct'>)]
    """

    def __init__(self, measure: Measure, *, threshold: float = THRESHOLD):
        self.measure = measure
        self.threshold = threshold

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """Score each record, in order; equal pairs are measured once.

        Returns:
            N scores; None where no reference gives a number.
        """
        pairs = list(dict.fromkeys(pair for record in records for pair in pairs_of(record)))
        measured = dict(zip(pairs, self.measure(pairs), strict=True))
        return [
            binary_score(best([measured[pair] for pair in pairs_of(record)]), self.threshold)
            for record in records
        ]


def pairs_of(record: Record) -> list[Pair]:
    """The completion beside each of its references."""
    return [Pair(record.prompt, reference, record.completion) for reference in record.references]


def best(values: Sequence[float]) -> float:
    """The highest number there is; NaN if there is none."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def binary_score(value: float, threshold: float) -> Score | None:
    """Right from the threshold on, else wrong; None for NaN."""
    if math.isnan(value):
        return None
    verdict = Verdict.CORRECT if value >= threshold else Verdict.WRONG
    return Score(equivalence=min(max(value, 0.0), 1.0), abstention=0.0, verdict=verdict)


def _of_strings(match: Callable[[str, str], float]) -> Measure:
    return lambda pairs: [match(pair.completion, pair.reference) for pair in pairs]


def rouge_l(pairs: Sequence[Pair]) -> list[float]:
    """ROUGE-L (Lin 2004), F-measure, without stemming."""
    scorer = RougeScorer(["rougeL"])
    return [float(scorer.score(pair.reference, pair.completion)["rougeL"].fmeasure) for pair in pairs]


STRING_MEASURES: dict[str, Measure] = {
    "exact match": _of_strings(exact_match),
    "contains": _of_strings(contains),
    "token F1": _of_strings(token_f1),
    "ROUGE-L": rouge_l,
}
