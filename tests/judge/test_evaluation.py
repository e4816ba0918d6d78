from collections.abc import Sequence

import pytest

from judge.errors import ConfigError, JudgeError
from judge.evaluation import compare, to_json
from judge.judges import Entrant, string_judges
from judge.labels import Labelled
from judge.records import Record, Score, Verdict

ROWS = [
    Labelled(Record("q", ("London", "Paris"), "Paris", id="1"), 1.0),
    Labelled(Record("q", ("London",), "in Paris", id="2"), 0.0),
    Labelled(Record("q", ("Rome",), "Oslo", id="3"), 0.0),
]


class Says:
    """A judge that gives fixed probabilities by id; None is no score."""

    def __init__(self, *probabilities: float | None):
        self.probabilities = dict(zip("123", probabilities, strict=True))

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        found = [self.probabilities[record.id] for record in records]
        return [
            None if p is None else Score(p, 0.0, Verdict.CORRECT if p >= 0.5 else Verdict.WRONG)
            for p in found
        ]


def entrant(name: str, *probabilities: float | None, calibrated: bool = True) -> Entrant:
    return Entrant(name, Says(*probabilities), 0.5, calibrated=calibrated)


def test_judges_are_compared_on_the_same_rows():
    found = compare([entrant("ours", 0.4, 0.1, 0.2), *string_judges()], ROWS, resamples=10)
    assert list(found.systems) == ["ours", "exact match", "contains", "token F1", "ROUGE-L"]
    assert found.systems["ours"]["accuracy"].value == pytest.approx(2 / 3)
    assert {found.systems[name]["accuracy"].value for name in list(found.systems)[1:]} == {1.0}


def test_a_row_that_one_cannot_score_is_left_out_for_all_and_counted_for_that_one():
    entrants = [entrant("ours", 0.9, 0.1, 0.9), entrant("theirs", 0.9, 0.1, None)]
    found = compare(entrants, ROWS, resamples=0)
    assert [row.record.id for row in found.rows] == ["1", "2"]
    # the third row, which ours gets wrong, is not held against it alone
    assert found.systems["ours"]["accuracy"].value == found.systems["theirs"]["accuracy"].value == 1.0
    judges = to_json(entrants, found)["judges"]
    assert (judges["ours"]["unscored"], judges["theirs"]["unscored"]) == (0, 1)
    assert judges["theirs"]["pairs_per_s"] > 0


def test_a_judge_that_can_say_nothing_is_named():
    with pytest.raises(JudgeError, match="expected scores of theirs for 3 rows, got none"):
        compare([entrant("ours", 0.9, 0.1, 0.1), entrant("theirs", None, None, None)], ROWS)


def test_judges_that_share_no_row_are_refused():
    with pytest.raises(JudgeError, match="expected rows that ours, theirs all score, found none of 3"):
        compare([entrant("ours", 0.9, None, None), entrant("theirs", None, 0.5, 0.5)], ROWS)


def test_two_judges_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="different names, got 'contains' twice"):
        compare([*string_judges(), entrant("contains", 0.9, 0.1, 0.1)], ROWS)


def test_the_points_of_a_judge_are_those_of_the_common_rows():
    entrants = [entrant("ours", 0.9, 0.1, 0.9), entrant("theirs", 0.9, 0.1, None, calibrated=False)]
    judges = to_json(entrants, compare(entrants, ROWS, resamples=0))["judges"]
    assert [b["count"] for b in judges["ours"]["reliability"]] == [1, 1]
    assert judges["ours"]["roc"][-1]["false_positive_rate"] == 1.0
    assert judges["theirs"]["roc"] == judges["ours"]["roc"]
    assert judges["theirs"]["reliability"] == []


def test_graded_labels_have_no_points():
    entrants = [entrant("ours", 0.9, 0.1, 0.9)]
    graded = [Labelled(row.record, 0.5 * row.label) for row in ROWS]
    result = to_json(entrants, compare(entrants, graded, resamples=0))
    assert set(result["systems"]["ours"]) == {"spearman", "pearson"}
    assert (result["judges"]["ours"]["roc"], result["judges"]["ours"]["reliability"]) == ([], [])
