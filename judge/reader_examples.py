"""Reading exercises made from labelled pairs of texts: a question, a text, and where in it the answer is.

A claim that its text supports is asked of that text, part by part, wherever the text has the answer in the
same words; a claim that the text does not support, a sentence cut out of it, a claim about other people and a
claim of another text have no answer there; a claim that the text contradicts has the text's own value.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from judge.contrast.answers import whole
from judge.pairs import Task, TrainingRow
from judge.questions import Question, cloze_questions
from judge.spans import Kind, content_words, find_spans

_CLOSE_GRADE = 0.8  # of graded similarity: as good as the same
_QUESTIONS_PER_CLAIM = 2
_SAME_TOPIC = 0.6  # share of a question's words in the text: it may be about what the text tells
_OTHER_TOPIC = 0.5  # below: surely not answered there
_WINDOW = 80  # characters on either side in which the right occurrence of an answer shares words
_EXACT_KINDS = frozenset({Kind.DATE, Kind.NUMBER, Kind.NAME})
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'“])|(?<=\s[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Example:
    """One exercise.

    Attributes:
        question: what is asked.
        text: what is read.
        start: index in the text of the answer's first character; `end` where there is no answer.
        end: index after its last character; 0 where there is no answer.
        source: the data set, and what was done with it.
    """

    question: str
    text: str
    start: int
    end: int
    source: str

    @property
    def answer(self) -> str:
        """The words of the text that answer; empty where it has no answer."""
        return self.text[self.start : self.end]


def make_examples(rows: Sequence[TrainingRow], *, seed: int) -> list[Example]:
    """Every exercise that labelled rows give; those of one seed are always the same."""
    maker = _Maker(
        random.Random(seed),
        texts=[row.text for row in rows if " " in row.text],
        names=[
            row.reference[span.start : span.end]
            for row in rows
            for span in find_spans(row.reference)
            if span.kind is Kind.NAME
        ],
    )
    return [example for row in rows for example in maker.of_row(row)]


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes exercises of a row, with other rows' texts and names at hand."""

    rng: random.Random
    texts: Sequence[str]
    names: Sequence[str]

    def of_row(self, row: TrainingRow) -> Iterator[Example]:
        """Every exercise of one row."""
        same = row.targets.get(row.task, 0.0) >= _CLOSE_GRADE
        if row.task is Task.ABSTENTION:
            if same:
                yield _unanswered(row.question, row.text, row, "abstention")
        elif row.question:
            if same:
                yield from self._asked(row)
        elif same:
            yield from self._supported(row, row.reference, row.text)
            if row.task is Task.EQUIVALENCE:
                yield from self._supported(row, row.text, row.reference)
            yield from self._cut_out(row)
            yield from self._elsewhere(row)
        elif row.targets.get(Task.CONTRADICTION) == 1.0:
            yield from _contradicted(row)
        elif row.task is Task.SUPPORT:
            yield from self._unsupported(row)

    def _asked(self, row: TrainingRow) -> Iterator[Example]:
        """A question in the usual form: its answer in what was said, or in question and bare answer; none
        in what was said of something else."""
        whole = row.text if len(row.text) > len(row.reference) + 3 else f"{row.question} {row.text}"
        found = _locate(row.reference, row.question, whole)
        if found:
            yield Example(row.question, whole, *found, f"{_origin(row)}/asked")
            yield _unanswered(row.question, self.rng.choice(self.texts), row, "elsewhere")

    def _supported(self, row: TrainingRow, claim: str, text: str) -> Iterator[Example]:
        """Parts of a claim, where the text has them; and the same of somebody else, where it has not."""
        for question in self._some(cloze_questions(claim), _QUESTIONS_PER_CLAIM):
            found = _locate(question.answer, question.text, text)
            if found:
                yield Example(question.text, text, *found, f"{_origin(row)}/supported")
        named = [question for question in cloze_questions(claim) if _names(question)]
        for question in self._some(named, 1):
            name, other = self.rng.choice(_names(question)), self.rng.choice(self.names)
            if other.lower() not in text.lower():
                yield _unanswered(question.text.replace(name, other), text, row, "renamed")

    def _cut_out(self, row: TrainingRow) -> Iterator[Example]:
        """A sentence of the text is asked of the text, with the sentence and without."""
        sentences = _SENTENCE_END.split(row.text)
        sentence = self.rng.choice(sentences)
        for question in self._some(cloze_questions(sentence), 1):
            found = _locate(question.answer, question.text, row.text)
            if found:
                yield Example(question.text, row.text, *found, f"{_origin(row)}/itself")
            rest = row.text.replace(sentence, " ").strip()
            if len(sentences) > 1 and question.answer.lower() not in rest.lower():
                yield _unanswered(question.text, rest, row, "cut_out")

    def _elsewhere(self, row: TrainingRow) -> Iterator[Example]:
        """The claim is asked of another text."""
        other = self.rng.choice(self.texts)
        for question in self._some(cloze_questions(row.reference), 1):
            if _share(row.reference, other) < _OTHER_TOPIC:
                yield _unanswered(question.text, other, row, "elsewhere")

    def _unsupported(self, row: TrainingRow) -> Iterator[Example]:
        """What a text does not say; left out where it says nearly the same, which may hold an answer."""
        questions = [
            question
            for question in cloze_questions(row.reference)
            if question.answer.lower() not in row.text.lower()
            and _share(question.text, row.text) < _SAME_TOPIC
        ]
        for question in self._some(questions, 1):
            yield _unanswered(question.text, row.text, row, "unsupported")

    def _some(self, questions: list[Question], size: int) -> list[Question]:
        return self.rng.sample(questions, size) if len(questions) > size else questions


def _contradicted(row: TrainingRow) -> Iterator[Example]:
    """Where the text has one value of the kind that the claim has not, and the rest is alike: that value."""
    for question in cloze_questions(row.reference):
        values = [
            span
            for span in find_spans(row.text)
            if span.kind is question.kind and row.text[span.start : span.end] not in row.reference
        ]
        alike = _share(question.text, row.text) >= _SAME_TOPIC
        if question.kind in _EXACT_KINDS and question.answer not in row.text and len(values) == 1 and alike:
            yield Example(
                question.text, row.text, values[0].start, values[0].end, f"{_origin(row)}/contradicted"
            )


def _names(question: Question) -> list[str]:
    """The names in a question."""
    spans = find_spans(question.text)
    return [question.text[s.start : s.end] for s in spans if s.kind is Kind.NAME]


def _unanswered(question: str, text: str, row: TrainingRow, kind: str) -> Example:
    return Example(question, text, 0, 0, f"{_origin(row)}/{kind}")


def _origin(row: TrainingRow) -> str:
    return row.source.partition("/")[0]


def _locate(answer: str, question: str, text: str) -> tuple[int, int] | None:
    """Where a text has an answer as whole words; of several places the one most like the question."""
    places = [match.span() for match in re.finditer(whole(answer), text, re.IGNORECASE)]
    if not places:
        return None
    return max(
        places, key=lambda place: _share(question, text[max(0, place[0] - _WINDOW) : place[1] + _WINDOW])
    )


def _share(question: str, text: str) -> float:
    """Share in [0, 1] of a question's content words that a text has."""
    asked = {word.lower() for word in content_words(question)}
    return len(asked & {word.lower() for word in content_words(text)}) / max(1, len(asked))
