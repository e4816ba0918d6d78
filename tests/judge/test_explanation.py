import json
from dataclasses import asdict

import pyarrow as pa
import pytest

from judge.explanation import COLUMNS, explanation_of, questioning_from_json
from judge.records import Answered, CheckedQuestion, Explain, Questioning, Score, Verdict

ALIKE = CheckedQuestion("____ wrote Emma.", "name", "Austen", "Jane Austen", 0.9, Answered.ALIKE)
SILENT = CheckedQuestion("Emma is from ____.", "date", "1815", None, None, Answered.UNANSWERED)
QUESTIONED = Score(0.8, 0.1, Verdict.CORRECT, questioning=Questioning("Emma ...", (ALIKE, SILENT), ()))
BARE = Score(0.8, 0.1, Verdict.CORRECT)


def test_questions_are_listed_with_both_answers_and_what_came_of_them() -> None:
    columns = explanation_of(QUESTIONED, Explain.QA)
    assert (columns["recall"], columns["precision"]) == (0.5, None)  # one of two; the completion asks nothing
    assert columns["questions"] == [
        {
            "of": "reference", "text": "____ wrote Emma.", "kind": "name", "answer": "Austen",
            "found": "Jane Austen", "equivalence": 0.9, "outcome": "alike",
        },
        {
            "of": "reference", "text": "Emma is from ____.", "kind": "date", "answer": "1815",
            "found": None, "equivalence": None, "outcome": "unanswered",
        },
    ]  # fmt: skip


@pytest.mark.parametrize("explain", list(Explain))
@pytest.mark.parametrize("score", [QUESTIONED, BARE])
def test_every_explanation_fits_its_columns_whatever_the_score_carries(
    explain: Explain, score: Score
) -> None:
    row = explanation_of(score, explain)
    assert list(row) == list(COLUMNS[explain])
    for name, kind in COLUMNS[explain].items():
        assert pa.array([row[name]], type=kind).to_pylist() == [row[name]]


def test_a_questioning_comes_back_from_json_as_it_was() -> None:
    questioning = QUESTIONED.questioning
    assert questioning is not None
    assert questioning_from_json(json.loads(json.dumps(asdict(questioning)))) == questioning
