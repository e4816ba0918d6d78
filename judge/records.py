"""What is judged and what a judge says: the nouns that every other module shares.

Standard library only, so that nothing heavy is imported to speak of a record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Explain(StrEnum):
    """What a score carries besides its numbers."""

    NONE = "none"
    FACTS = "facts"
    QA = "qa"


class Verdict(StrEnum):
    """The three outcomes. A completion that cannot be judged has no `Score` at all, never `WRONG`."""

    CORRECT = "correct"
    ABSTAIN = "abstain"
    WRONG = "wrong"


class Turn(NamedTuple):
    """One message of a chat."""

    role: str
    content: str


Prompt = str | Sequence[Turn]
"""What a policy is asked: text, or a chat."""


@dataclass(frozen=True, slots=True)
class Record:
    """One completion to judge.

    Attributes:
        prompt: the question as the judge reads it; may be empty.
        references: right answers, at least one; any of them may match.
        completion: the text to judge; empty until it is generated.
        id: unique within its file.
        chat: the messages that end with the question, where the policy is asked in a chat.
    """

    prompt: str
    references: tuple[str, ...]
    completion: str = ""
    id: str = ""
    chat: tuple[Turn, ...] = ()

    def __post_init__(self) -> None:
        if not self.references:
            raise ValueError(f"record {self.id!r} has no reference; at least one is needed")

    @property
    def asked(self) -> Prompt:
        """What the policy is asked: the chat, or else the prompt as it stands."""
        return self.chat or self.prompt


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
        contradiction: probability in [0, 1] that the other text says it is not so; None if the judge was
            never taught to tell.
        standing: the outcome at the judge's thresholds.
    """

    text: str
    start: int
    end: int
    support: float
    contradiction: float | None
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
    def agreement(self) -> tuple[float, float]:
        """By which the best of several references is chosen: the harmonic mean of both, then recall."""
        return _agreement(self.recall, self.precision)

    @property
    def missing(self) -> tuple[CheckedFact, ...]:
        """Facts of the reference that the completion does not say, or denies."""
        return _unsupported(self.reference_facts)

    @property
    def added(self) -> tuple[CheckedFact, ...]:
        """Facts of the completion that the reference does not say, or denies."""
        return _unsupported(self.completion_facts)


def _supported_share(facts: tuple[CheckedFact, ...]) -> float | None:
    return (len(facts) - len(_unsupported(facts))) / len(facts) if facts else None


def _unsupported(facts: tuple[CheckedFact, ...]) -> tuple[CheckedFact, ...]:
    return tuple(fact for fact in facts if fact.standing is not Standing.SUPPORTED)


class Answered(StrEnum):
    """How a text answers a question that another text answers: alike, otherwise, not at all."""

    ALIKE = "alike"
    DIFFERENT = "different"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class CheckedQuestion:
    """A question that one text answers, put to another.

    Attributes:
        text: the question; "____" stands where the answer was.
        kind: of the answer: date, number, name, role, phrase, or whole for the record's own question.
        answer: what the text that it was made from answers.
        found: what the other text answers; None for nothing.
        equivalence: probability in [0, 1] that the two answers are the same; None where there is but one.
        outcome: at the judge's threshold.
    """

    text: str
    kind: str
    answer: str
    found: str | None
    equivalence: float | None
    outcome: Answered


@dataclass(frozen=True, slots=True)
class Questioning:
    """What a completion answers of what its reference answers, and the other way round.

    Attributes:
        reference: the reference it was questioned with; of several, the one that agrees best.
        reference_questions: that the reference answers, put to the completion.
        completion_questions: that the completion answers, put to the reference; none where it declines to.
    """

    reference: str
    reference_questions: tuple[CheckedQuestion, ...]
    completion_questions: tuple[CheckedQuestion, ...]

    @property
    def recall(self) -> float | None:
        """Share in [0, 1] of the questions of the reference that are answered alike; None without any."""
        return _alike_share(self.reference_questions)

    @property
    def precision(self) -> float | None:
        """Share in [0, 1] of the questions of the completion that are answered alike; None without any."""
        return _alike_share(self.completion_questions)

    @property
    def agreement(self) -> tuple[float, float]:
        """By which the best of several references is chosen: the harmonic mean of both, then recall."""
        return _agreement(self.recall, self.precision)


def _agreement(recall: float | None, precision: float | None) -> tuple[float, float]:
    recall, precision = recall or 0.0, precision or 0.0
    return (2 * recall * precision / (recall + precision) if recall + precision else 0.0), recall


def _alike_share(questions: tuple[CheckedQuestion, ...]) -> float | None:
    if not questions:
        return None
    return sum(question.outcome is Answered.ALIKE for question in questions) / len(questions)


@dataclass(frozen=True, slots=True)
class Score:
    """What a judge says of one completion.

    Attributes:
        equivalence: probability in [0, 1] that the completion gives an answer that a reference gives.
        abstention: probability in [0, 1] that the completion declines to answer.
        verdict: the outcome at the judge's thresholds.
        coverage: of its facts, where the judge was told to explain by facts; the verdict is without it.
        questioning: by questions, where the judge was told to explain by them; the verdict is without it.
    """

    equivalence: float
    abstention: float
    verdict: Verdict
    coverage: Coverage | None = None
    questioning: Questioning | None = None

    def probabilities(self) -> dict[Verdict, float]:
        """Probability of each verdict: abstain first, the rest shared out by equivalence. Sums to 1."""
        answered = 1.0 - self.abstention
        return {
            Verdict.CORRECT: answered * self.equivalence,
            Verdict.ABSTAIN: self.abstention,
            Verdict.WRONG: answered * (1.0 - self.equivalence),
        }
