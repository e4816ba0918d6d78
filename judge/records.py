"""What is judged and what a judge says: the nouns that every other module shares.

Standard library only, so that nothing heavy is imported to speak of a record.
"""

from dataclasses import dataclass
from enum import StrEnum


class Explain(StrEnum):
    """What a score carries besides its numbers."""

    NONE = "none"
    FACTS = "facts"


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


class Standing(StrEnum):
    """Where a fact of one text stands in another: said there, denied there, or neither."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class CheckedFact:
    """A fact of one text, looked for in another.

    Attributes:
        text: the fact, in words that stand for themselves.
        start, end: the characters of its text that it was taken from.
        support: probability in [0, 1] that the other text says it.
        contradiction: probability in [0, 1] that the other text says it is not so.
        standing: the outcome at the judge's thresholds.
    """

    text: str
    start: int
    end: int
    support: float
    contradiction: float
    standing: Standing


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a reference a completion says, and how much of a completion its reference says.

    Attributes:
        reference: the reference it was measured against; of several, the one that agrees best.
        reference_facts: what there is to say; none in a text without a word.
        completion_facts: what was said; none where the completion declines to answer.
    """

    reference: str
    reference_facts: tuple[CheckedFact, ...]
    completion_facts: tuple[CheckedFact, ...]

    @property
    def recall(self) -> float | None:
        """Share of the reference's facts that the completion says, in [0, 1]; None if there are none."""
        return _supported_share(self.reference_facts)

    @property
    def precision(self) -> float | None:
        """Share of the completion's facts that the reference says, in [0, 1]; None if there are none."""
        return _supported_share(self.completion_facts)

    @property
    def missing(self) -> tuple[CheckedFact, ...]:
        """Facts of the reference that the completion does not say, or denies."""
        return _unsupported(self.reference_facts)

    @property
    def added(self) -> tuple[CheckedFact, ...]:
        """Facts of the completion that the reference does not say, or denies."""
        return _unsupported(self.completion_facts)


def _supported_share(facts: tuple[CheckedFact, ...]) -> float | None:
    return 1.0 - len(_unsupported(facts)) / len(facts) if facts else None


def _unsupported(facts: tuple[CheckedFact, ...]) -> tuple[CheckedFact, ...]:
    return tuple(fact for fact in facts if fact.standing is not Standing.SUPPORTED)


@dataclass(frozen=True, slots=True)
class Score:
    """What a judge says of one completion.

    Attributes:
        equivalence: probability in [0, 1] that the completion gives an answer that a reference gives.
        abstention: probability in [0, 1] that the completion declines to answer.
        verdict: the outcome at the judge's thresholds.
        coverage: of its facts, where the judge was told to explain by facts; the verdict is without it.
    """

    equivalence: float
    abstention: float
    verdict: Verdict
    coverage: Coverage | None = None

    def probabilities(self) -> dict[Verdict, float]:
        """Probability of each verdict: abstain first, the rest shared out by equivalence. Sums to 1."""
        answered = 1.0 - self.abstention
        return {
            Verdict.CORRECT: answered * self.equivalence,
            Verdict.ABSTAIN: self.abstention,
            Verdict.WRONG: answered * (1.0 - self.equivalence),
        }
