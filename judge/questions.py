"""Coverage by questions: what one text answers, asked of the other, both ways.

From each fact of a text come questions with their answers, by default the fact with a part of it blanked. A
question is kept if a reader finds the answer in the very text that it came from; then it is put to the other
text, where the reader may find none, and the two answers are compared by the judge.
The idea is that of QAEval (Deutsch et al. 2021, arXiv:2010.00490) and Q2 (Honovich et al. 2021,
arXiv:2104.08202).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter
from typing import NamedTuple, Protocol

from judge.clauses import is_bare
from judge.facts import read_facts
from judge.lexical.words import read_words
from judge.reader import Reader
from judge.records import Answered, CheckedQuestion, Questioning, Record, Score, Verdict
from judge.spans import Kind, Span, content_words, find_spans

BLANK = "____"
"""Stands where the answer was."""
_LEAST_CONTEXT = 2  # content words beside the blank; with fewer, a question asks for anything at all


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the answer that its text gives.

    Attributes:
        text: a sentence with `BLANK` in it, or a question in the usual form.
        answer: words of the text that it was made from.
        kind: of the answer.
    """

    text: str
    answer: str
    kind: Kind

    @property
    def asks(self) -> bool:
        """Whether it says enough to ask for one thing, and does not give it away."""
        given_away = self.answer.lower() in self.text.lower()
        return len(content_words(self.text)) >= _LEAST_CONTEXT and not given_away


class Comparer(Protocol):
    """Whatever says whether a completion gives a reference's answer: `judge.scorer.Judge`."""

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """One score a record, in order; None for what cannot be judged."""
        ...


Ask = Callable[[Sequence[str]], Sequence[Sequence[Question]]]
"""Facts to the questions that each of them answers."""


def cloze(fact: str, span: Span) -> Question:
    """The fact with a part of it blanked."""
    return Question(fact[: span.start] + BLANK + fact[span.end :], fact[span.start : span.end], span.kind)


def cloze_questions(fact: str) -> list[Question]:
    """A question for each part that can be asked for, where enough of the fact is left to ask with.

    >>> [question.text for question in cloze_questions("Jane Austen wrote Emma.")]
    ['____ wrote Emma.', 'Jane Austen wrote ____.']
    """
    questions = [cloze(fact, span) for span in find_spans(fact)]
    return [question for question in questions if question.asks]


def ask_cloze(facts: Sequence[str]) -> list[list[Question]]:
    """The cloze questions of each fact."""
    return [cloze_questions(fact) for fact in facts]


class Side(NamedTuple):
    """One of two texts, and the question that both are to answer.

    Attributes:
        prompt: may be empty.
        text: a reference or a completion.
    """

    prompt: str
    text: str

    @property
    def bare(self) -> bool:
        """Whether the text is an answer that says nothing without its question: 'Lima'."""
        return bool(self.prompt and self.has_words) and is_bare(self.text)

    @property
    def has_words(self) -> bool:
        """Whether there is anything to read."""
        return bool(read_words(self.text).words)

    @property
    def passage(self) -> str:
        """What there is to read."""
        return f"{self.prompt} {self.text}" if self.bare else self.text

    def answers(self, question: Question) -> bool:
        """Whether all of the text is the answer."""
        return self.bare and question.text == self.prompt


class Interviewer:
    """A judge whose scores also tell what each completion and its reference answer of each other's questions.

    Args:
        judge: gives the scores, and compares the answers.
        reader: finds them.
        ask: makes the questions.

    Example:
        >>> interviewer = Interviewer(Judge.from_pretrained(), ExtractiveReader.from_pretrained())
        >>> record = Record("", ("Jane Austen wrote Emma in 1815.",), "Emma was written by Jane Austen.")
        >>> interviewer.score([record])[0].questioning.precision
        1.0
    """

    def __init__(self, judge: Comparer, reader: Reader, *, ask: Ask = ask_cloze):
        self.judge = judge
        self.reader = reader
        self.ask = ask

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """The judge's scores, each with its `questioning`.

        Args:
            records: N records.

        Returns:
            N scores; None where the judge gives none.
        """
        scores = self.judge.score(records)
        judged = [(record, score) for record, score in zip(records, scores, strict=True) if score]
        outcomes = iter(
            self.interview(
                [record for record, _ in judged],
                declined=[score.verdict is Verdict.ABSTAIN for _, score in judged],
            )
        )
        return [score and replace(score, questioning=next(outcomes)) for score in scores]

    def interview(self, records: Sequence[Record], declined: Sequence[bool]) -> list[Questioning]:
        """What each completion and its references answer of what the other answers.

        Args:
            records: N records.
            declined: whether each completion declines to answer: it then answers nothing that could be asked.

        Returns:
            N outcomes, each with the reference that agrees best.
        """
        pairs = [
            (Side(record.prompt, reference), Side(record.prompt, record.completion))
            for record in records
            for reference in record.references
        ]
        silent = {
            Side(record.prompt, record.completion)
            for record, declines in zip(records, declined, strict=True)
            if declines
        }
        sides = dict.fromkeys(side for pair in pairs for side in pair)
        questions = self._questions([side for side in sides if side not in silent])
        questions |= {side: [] for side in silent}
        to_completions = [(q, completion) for reference, completion in pairs for q in questions[reference]]
        to_references = [(q, reference) for reference, completion in pairs for q in questions[completion]]
        forward = iter(self._put(to_completions))
        back = iter(self._put(to_references, to_reference=True))
        outcomes = iter(
            [
                Questioning(
                    reference.text,
                    reference_questions=tuple(islice(forward, len(questions[reference]))),
                    completion_questions=tuple(islice(back, len(questions[completion]))),
                )
                for reference, completion in pairs
            ]
        )
        return [
            max(islice(outcomes, len(record.references)), key=attrgetter("agreement")) for record in records
        ]

    def _questions(self, sides: Sequence[Side]) -> dict[Side, list[Question]]:
        """The questions that each text answers as they were made from it; each once.

        A text of which there is nothing to ask in particular is the answer to the question of its record.
        """
        facts = [(side, fact.text) for side in sides if not side.bare for fact in read_facts(side.text)]
        drafts = dict.fromkeys(
            (side, question)
            for (side, _), questions in zip(facts, self.ask([fact for _, fact in facts]), strict=True)
            for question in questions
        )
        kept: dict[Side, list[Question]] = {side: [] for side in sides}
        own = self._put([(question, side) for side, question in drafts])
        for (side, question), checked in zip(drafts, own, strict=True):
            if checked.outcome is Answered.ALIKE:
                kept[side].append(question)
        for side, questions in kept.items():
            if not questions and side.prompt and side.has_words:
                questions.append(Question(side.prompt, side.text, Kind.WHOLE))
        return kept

    def _put(
        self, questions: Sequence[tuple[Question, Side]], *, to_reference: bool = False
    ) -> list[CheckedQuestion]:
        """Put each question to the text beside it, and compare the answers.

        Args:
            questions: each with the text to put it to.
            to_reference: whether the texts are references, and the answers known those of completions.
        """
        found = self._found(questions)
        records = [
            Record(question.text, (answer,), question.answer)
            if to_reference
            else Record(question.text, (question.answer,), answer)
            for (question, _), answer in zip(questions, found, strict=True)
            if answer
        ]
        scores = iter(self.judge.score(records))
        return [
            _checked(question, answer, next(scores) if answer else None)
            for (question, _), answer in zip(questions, found, strict=True)
        ]

    def _found(self, questions: Sequence[tuple[Question, Side]]) -> list[str | None]:
        """What each text answers; a bare answer to its own question answers with all of it."""
        to_read = list(
            dict.fromkeys(
                (question.text, side.passage) for question, side in questions if not side.answers(question)
            )
        )
        readings = self.reader.read(questions=[q for q, _ in to_read], texts=[text for _, text in to_read])
        answers = {key: reading.answer for key, reading in zip(to_read, readings, strict=True)}
        return [
            side.text if side.answers(question) else answers[question.text, side.passage]
            for question, side in questions
        ]


def _checked(question: Question, found: str | None, score: Score | None) -> CheckedQuestion:
    """A question with its outcome; an answer that cannot be compared, or is none, counts as none."""
    if score is None or score.verdict is Verdict.ABSTAIN:
        outcome = Answered.UNANSWERED
    else:
        outcome = Answered.ALIKE if score.verdict is Verdict.CORRECT else Answered.DIFFERENT
    return CheckedQuestion(
        text=question.text,
        kind=question.kind.value,
        answer=question.answer,
        found=found,
        equivalence=None if score is None else score.equivalence,
        outcome=outcome,
    )
