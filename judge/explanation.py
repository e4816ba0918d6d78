"""What a score carries besides its numbers, as columns of a table and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from judge.records import (
    Answered,
    CheckedFact,
    CheckedQuestion,
    Coverage,
    Explain,
    Questioning,
    Score,
    Standing,
)

_FACT = pa.struct(
    {
        "of": pa.string(),  # reference or completion
        "text": pa.string(),
        "start": pa.int64(),
        "end": pa.int64(),
        "support": pa.float64(),
        "contradiction": pa.float64(),
        "standing": pa.string(),
    }
)
_QUESTION = pa.struct(
    {
        "of": pa.string(),  # reference or completion, whichever it was made from
        "text": pa.string(),
        "kind": pa.string(),
        "answer": pa.string(),
        "found": pa.string(),
        "equivalence": pa.float64(),
        "outcome": pa.string(),
    }
)
COLUMNS: Mapping[Explain, Mapping[str, pa.DataType]] = {
    Explain.NONE: {},
    Explain.FACTS: {
        "recall": pa.float64(),
        "precision": pa.float64(),
        "missing": pa.list_(pa.string()),
        "added": pa.list_(pa.string()),
        "facts": pa.list_(_FACT),
    },
    Explain.QA: {
        "recall": pa.float64(),
        "precision": pa.float64(),
        "questions": pa.list_(_QUESTION),
    },
}
"""The columns of each explanation, empty where there is none."""


def explanation_of(score: Score, explain: Explain) -> dict[str, Any]:
    """The values of `COLUMNS[explain]` for one score."""
    if explain is Explain.FACTS and score.coverage:
        return _of_facts(score.coverage)
    if explain is Explain.QA and score.questioning:
        return _of_questions(score.questioning)
    return dict.fromkeys(COLUMNS[explain])


def _of_facts(coverage: Coverage) -> dict[str, Any]:
    return {
        "recall": coverage.recall,
        "precision": coverage.precision,
        "missing": [fact.text for fact in coverage.missing],
        "added": [fact.text for fact in coverage.added],
        "facts": [
            {"of": name, **asdict(fact), "standing": fact.standing.value}
            for name, facts in (
                ("reference", coverage.reference_facts),
                ("completion", coverage.completion_facts),
            )
            for fact in facts
        ],
    }


def _of_questions(questioning: Questioning) -> dict[str, Any]:
    return {
        "recall": questioning.recall,
        "precision": questioning.precision,
        "questions": [
            {"of": name, **asdict(question), "outcome": question.outcome.value}
            for name, questions in (
                ("reference", questioning.reference_questions),
                ("completion", questioning.completion_questions),
            )
            for question in questions
        ],
    }


def coverage_from_json(content: Mapping[str, Any]) -> Coverage:
    """Read what `dataclasses.asdict` and `json` made of a coverage."""

    def facts(name: str) -> tuple[CheckedFact, ...]:
        return tuple(
            CheckedFact(**{**fact, "standing": Standing(fact["standing"])}) for fact in content[name]
        )

    return Coverage(content["reference"], facts("reference_facts"), facts("completion_facts"))


def questioning_from_json(content: Mapping[str, Any]) -> Questioning:
    """Read what `dataclasses.asdict` and `json` made of a questioning."""

    def questions(name: str) -> tuple[CheckedQuestion, ...]:
        return tuple(
            CheckedQuestion(**{**question, "outcome": Answered(question["outcome"])})
            for question in content[name]
        )

    return Questioning(
        content["reference"], questions("reference_questions"), questions("completion_questions")
    )
