from collections.abc import Sequence

import pytest

from judge.questions import BLANK, Interviewer, Question, cloze_questions
from judge.reader import Reading
from judge.records import Answered, Questioning, Record, Score, Verdict
from judge.spans import Kind


class Literal:
    """A reader that finds an answer where the text has the question's words around it, and nothing else."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def read(self, *, questions: Sequence[str], texts: Sequence[str]) -> list[Reading]:
        self.asked += zip(questions, texts, strict=True)
        return [self._read(*pair) for pair in zip(questions, texts, strict=True)]

    def _read(self, question: str, text: str) -> Reading:
        before, _, after = question.rstrip(".").partition(BLANK)
        at = text.find(before)
        end = text.find(after or ".", at + len(before))
        if BLANK not in question or at < 0 or end < 0:
            return Reading("", -1.0)
        return Reading(text[at + len(before) : end], 1.0)


class SameWords:
    """A judge to whom two answers are alike when they are written alike."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        self.records += records
        return [self._score(record) for record in records]

    def _score(self, record: Record) -> Score | None:
        if "?" in record.completion:
            return None
        if "don't know" in record.completion:
            return Score(0.0, 1.0, Verdict.ABSTAIN)
        alike = record.completion.lower() == record.references[0].lower()
        return Score(float(alike), 0.0, Verdict.CORRECT if alike else Verdict.WRONG)


def interview(*records: Record, declined: bool = False) -> list[Questioning]:
    return Interviewer(SameWords(), Literal()).interview(records, [declined] * len(records))


def outcomes(questioning: Questioning) -> dict[str, tuple[str, str | None, Answered]]:
    return {q.text: (q.answer, q.found, q.outcome) for q in questioning.reference_questions}


def test_each_part_of_a_fact_is_blanked_in_turn() -> None:
    questions = cloze_questions("Jane Austen wrote Emma in 1815.")
    assert [(q.text, q.answer, q.kind) for q in questions] == [
        ("____ wrote Emma in 1815.", "Jane Austen", Kind.NAME),
        ("Jane Austen wrote ____ in 1815.", "Emma", Kind.NAME),
        ("Jane Austen wrote Emma in ____.", "1815", Kind.DATE),
    ]


@pytest.mark.parametrize("fact", ["Emma.", "It was Emma.", "The supermarket apologised.", "Emma wrote Emma."])
def test_a_fact_that_leaves_too_little_or_gives_its_answer_away_asks_nothing(fact: str) -> None:
    assert cloze_questions(fact) == []


def test_a_text_that_says_the_same_answers_everything_alike() -> None:
    text = "Jane Austen wrote Emma in 1815."
    (questioning,) = interview(Record("", (text,), text))
    assert (questioning.recall, questioning.precision) == (1.0, 1.0)
    assert len(questioning.reference_questions) == 3


def test_another_value_is_told_apart_from_none() -> None:
    reference, completion = "Jane Austen wrote Emma in 1815.", "Jane Austen wrote Emma in 1816."
    (questioning,) = interview(Record("", (reference,), completion))
    # Of who and what in 1815 the completion says nothing; asked for the year, it says another.
    assert outcomes(questioning) == {
        "____ wrote Emma in 1815.": ("Jane Austen", None, Answered.UNANSWERED),
        "Jane Austen wrote ____ in 1815.": ("Emma", None, Answered.UNANSWERED),
        "Jane Austen wrote Emma in ____.": ("1815", "1816", Answered.DIFFERENT),
    }
    assert questioning.recall == 0.0


def test_what_a_completion_adds_lowers_its_precision_alone() -> None:
    reference = "Jane Austen wrote Emma in 1815."
    (questioning,) = interview(Record("", (reference,), f"{reference} She moved from Bath to Chawton."))
    assert questioning.recall == 1.0
    # three questions from the first sentence; "from ____ to Chawton" and "from Bath to ____" from the other
    assert questioning.precision == pytest.approx(3 / 5)


def test_a_question_that_its_own_text_does_not_answer_is_dropped() -> None:
    class Blind(Literal):
        def _read(self, question: str, text: str) -> Reading:
            return Reading("", -1.0) if "1815" in question else super()._read(question, text)

    text = "Jane Austen wrote Emma in 1815."
    (questioning,) = Interviewer(SameWords(), Blind()).interview([Record("", (text,), text)], [False])
    assert [q.answer for q in questioning.reference_questions] == ["1815"]


def test_a_bare_answer_is_asked_for_by_the_question_of_its_record() -> None:
    (questioning,) = interview(Record("What is the capital of Peru?", ("Lima",), "lima"))
    (question,) = questioning.reference_questions
    assert (question.text, question.kind) == ("What is the capital of Peru?", "whole")
    assert (questioning.recall, questioning.precision) == (1.0, 1.0)


def test_a_bare_answer_is_read_behind_its_question() -> None:
    reader = Literal()
    record = Record("Which city is the capital of Peru?", ("Lima",), "The capital of Peru is Quito.")
    Interviewer(SameWords(), reader).interview([record], [False])
    assert ("The capital of Peru is ____.", "Which city is the capital of Peru? Lima") in reader.asked


def test_without_a_question_a_bare_answer_asks_nothing() -> None:
    (questioning,) = interview(Record("", ("Lima",), "Quito"))
    assert (questioning.recall, questioning.precision) == (None, None)


@pytest.mark.parametrize("text", ["", "  ", "...", "🙂"])
def test_a_text_without_a_word_neither_asks_nor_answers(text: str) -> None:
    (questioning,) = interview(Record("What is the capital of Peru?", ("Lima",), text))
    assert questioning.completion_questions == ()
    assert [q.found for q in questioning.reference_questions] == [None]


def test_a_statement_of_which_nothing_can_be_asked_answers_the_question_of_its_record() -> None:
    (questioning,) = interview(Record("Is it so?", ("It is so.",), "It isn't."))
    (question,) = questioning.reference_questions
    assert (question.text, question.answer, question.kind) == ("Is it so?", "It is so.", "whole")


def test_a_completion_that_declines_is_asked_and_asks_nothing() -> None:
    record = Record("What is the capital of Peru?", ("Lima",), "I don't know")
    (questioning,) = interview(record, declined=True)
    assert questioning.completion_questions == ()
    assert questioning.precision is None
    assert [q.outcome for q in questioning.reference_questions] == [Answered.UNANSWERED]


def test_answers_that_cannot_be_compared_count_as_none() -> None:
    (questioning,) = interview(Record("What is the capital of Peru?", ("Lima",), "Quito or so??"))
    (question,) = questioning.reference_questions
    assert (question.outcome, question.equivalence) == (Answered.UNANSWERED, None)


def test_the_reference_that_agrees_best_is_told() -> None:
    references = ("Jane Austen wrote Persuasion in 1817.", "Jane Austen wrote Emma in 1815.")
    (questioning,) = interview(Record("", references, references[1]))
    assert questioning.reference == references[1]
    assert questioning.recall == 1.0


def test_a_score_carries_what_was_asked_and_no_score_stays_none() -> None:
    records = [Record("Who?", ("Ann",), "ann"), Record("Who?", ("Ann",), "Ann??")]
    scored, unscored = Interviewer(SameWords(), Literal()).score(records)
    assert unscored is None
    assert scored is not None
    assert scored.verdict is Verdict.CORRECT
    assert scored.questioning == interview(records[0])[0]


def test_records_together_come_out_as_alone() -> None:
    records = [
        Record("Who?", ("Ann", "Bob"), "Bob"),
        Record("", ("Jane Austen wrote Emma in 1815.",), "Jane Austen wrote Emma in 1816."),
        Record("Where?", ("Lima",), ""),
        Record("Who?", ("Ann", "Bob"), "Bob"),
    ]
    assert interview(*records) == [interview(record)[0] for record in records]


def test_the_reference_stays_the_reference_when_the_completion_asks() -> None:
    judge = SameWords()
    record = Record("Who?", ("ann",), "bob")
    Interviewer(judge, Literal()).interview([record], [False])
    assert {(r.references, r.completion) for r in judge.records} == {(("ann",), "bob")}


def test_other_questions_can_be_asked_in_place_of_cloze_ones() -> None:
    def ask(facts: Sequence[str]) -> list[list[Question]]:
        return [[Question("Emma was written by ____", "Austen", Kind.NAME)] for _ in facts]

    reference, completion = "Emma was written by Austen.", "Emma was written by Eliot."
    interviewer = Interviewer(SameWords(), Literal(), ask=ask)
    (questioning,) = interviewer.interview([Record("", (reference,), completion)], [False])
    (question,) = questioning.reference_questions
    assert (question.answer, question.found, question.outcome) == ("Austen", "Eliot", Answered.DIFFERENT)
    assert questioning.completion_questions == ()  # it does not say Austen, as the question has it
