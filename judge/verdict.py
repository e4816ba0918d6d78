"""Probabilities and thresholds to a verdict. Pure."""

from dataclasses import dataclass

from judge.records import Verdict


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where probabilities become verdicts; chosen on held-out training data, stored with the judge.

    Attributes:
        equivalence: in [0, 1]; at or above it an answer is correct.
        abstention: in [0, 1]; at or above it the text declines to answer, whatever else it says.
    """

    equivalence: float
    abstention: float


def decide(*, equivalence: float, abstention: float, thresholds: Thresholds) -> Verdict:
    """Abstention first: a text that declines gives no answer that could be right or wrong."""
    if abstention >= thresholds.abstention:
        return Verdict.ABSTAIN
    return Verdict.CORRECT if equivalence >= thresholds.equivalence else Verdict.WRONG
