"""What is judged and what a judge says: the nouns that every other module shares.

Standard library only, so that nothing heavy is imported to speak of a record.
"""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The three outcomes. A completion that cannot be judged has no `Score` at all, never `WRONG`."""

    CORRECT = "correct"
    ABSTAIN = "abstain"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Record:
    """One completion to judge.

    Attributes:
        prompt: the question as the policy saw it; may be empty.
        references: right answers, at least one; any of them may match.
        completion: the text to judge; empty until it is generated.
        id: unique within its file.
    """

    prompt: str
    references: tuple[str, ...]
    completion: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if not self.references:
            raise ValueError(f"record {self.id!r} has no reference; at least one is needed")


@dataclass(frozen=True, slots=True)
class Score:
    """What a judge says of one completion.

    Attributes:
        equivalence: probability in [0, 1] that the completion gives an answer that a reference gives.
        abstention: probability in [0, 1] that the completion declines to answer.
        verdict: the outcome at the judge's thresholds.
    """

    equivalence: float
    abstention: float
    verdict: Verdict

    def probabilities(self) -> dict[Verdict, float]:
        """Probability of each verdict: abstain first, the rest shared out by equivalence. Sums to 1."""
        answered = 1.0 - self.abstention
        return {
            Verdict.CORRECT: answered * self.equivalence,
            Verdict.ABSTAIN: self.abstention,
            Verdict.WRONG: answered * (1.0 - self.equivalence),
        }
