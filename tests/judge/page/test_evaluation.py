import json
import math
import re

import pytest

from judge.agreement import Estimate
from judge.errors import DataError
from judge.page.evaluation import Evaluation
from judge.page.svg import SERIES_STYLES
from judge.records import Score, Verdict

POINTS = [
    {"false_positive_rate": x, "true_positive_rate": y, "threshold": None}
    for x, y in [(0.0, 0.0), (0.1, 0.8), (1.0, 1.0)]
]
BINS = [{"low": 0.8, "high": 0.9, "count": 4, "mean_probability": 0.85, "rate_right": 0.75}]
CONTENT = {
    "settings": {"data": "a.jsonl", "max_fpr": None},
    "data_sha256": "00",
    "counts": {"rows": 4},
    "systems": {
        "judge": {
            "balanced_accuracy": {"value": 0.85, "low": 0.8, "high": 0.9},
            "false_positive_rate": {"value": 0.1, "low": None, "high": None},
            "auroc": {"value": 0.91, "low": 0.9, "high": 0.92},
            "ece": {"value": 0.1, "low": 0.1, "high": 0.1},
        },
        "contains": {"auroc": {"value": None, "low": None, "high": None}},
    },
    "judges": {
        "judge": {"roc": POINTS, "reliability": BINS, "threshold": None},
        "contains": {"roc": [], "reliability": []},
    },
}


@pytest.fixture
def evaluation(tmp_path) -> Evaluation:
    (tmp_path / "a.agreement.json").write_text(json.dumps(CONTENT))
    return Evaluation.read(tmp_path / "a.agreement.json")


def test_an_evaluation_is_read_with_null_as_undefined(evaluation):
    rate = evaluation.systems["judge"]["false_positive_rate"]
    assert rate.value == 0.1
    assert math.isnan(rate.low)
    assert evaluation.about == {"settings": CONTENT["settings"], "counts": {"rows": 4}}


def test_the_table_has_a_row_a_judge_and_a_column_a_metric(evaluation):
    table = evaluation.table()
    assert table.columns == ("", "balanced", "false pos.", "auroc", "ece")
    assert table.rows[0][:3] == ("judge", "85.0 [80.0,\N{NO-BREAK SPACE}90.0]", "10.0")
    assert table.rows[1] == ("contains", "-", "-", "-", "-")


def test_only_judges_with_points_are_drawn(evaluation):
    roc, reliability = evaluation.charts()
    assert [(entry.name, entry.note) for entry in roc.legend] == [("judge", "AUROC 0.910")]
    assert [(entry.name, entry.note) for entry in reliability.legend] == [("judge", "ECE 0.100")]
    assert "75% right where 85% was given" in reliability.description


def test_no_more_judges_are_drawn_than_can_be_told_apart(evaluation):
    many = {f"judge {i}": POINTS for i in range(len(SERIES_STYLES) + 1)}
    roc, *_ = Evaluation(evaluation.systems, many, {}, {}).charts()
    assert len(roc.legend) == len(SERIES_STYLES)
    assert roc.title == f"ROC of the first {len(SERIES_STYLES)}"
    assert len(set(re.findall(r"var\(--series-\d\)", roc.svg))) == len(SERIES_STYLES)


def test_a_decision_lies_where_its_two_rates_put_it(evaluation):
    # balanced = (TPR + 1 - FPR) / 2 = 0.85 with FPR 0.1: TPR = 0.8, a point of the curve
    assert evaluation._decisions() == {"judge": (0.1, pytest.approx(0.8))}


@pytest.mark.parametrize(
    "text", ["not json", "[]", "{}", '{"systems": {"judge": {"auroc": 1}}, "judges": {}}', '{"systems": {}}']
)
def test_another_file_is_refused(tmp_path, text: str):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="as what candor eval-judge writes"):
        Evaluation.read(tmp_path / "a.json")


def scored(*pairs: tuple[float, float]) -> list[tuple[float, Score, str]]:
    return [(label, Score(p, 0.0, Verdict.CORRECT if p > 0.5 else Verdict.WRONG), "") for label, p in pairs]


def test_labels_beside_scores_are_an_evaluation_of_one_judge():
    found = Evaluation.of(scored((1, 0.9), (1, 0.4), (0, 0.2), (0, 0.8)), resamples=0, seed=0)
    # right on 0.9 and 0.2; of the four pairs of a right and a wrong one, three are in order
    assert found.systems["judge"]["accuracy"] == Estimate(0.5, *[pytest.approx(math.nan, nan_ok=True)] * 2)
    assert found.systems["judge"]["auroc"].value == 0.75
    assert [chart.title for chart in found.charts()] == ["ROC", "Reliability"]


def test_graded_labels_have_correlations_and_no_curves():
    found = Evaluation.of(scored((1, 0.9), (0.5, 0.4), (0, 0.2)), resamples=0, seed=0)
    assert set(found.systems["judge"]) == {"spearman", "pearson"}
    assert found.charts() == []


def test_labels_of_one_class_have_no_roc():
    found = Evaluation.of(scored((1, 0.9), (1, 0.4)), resamples=0, seed=0)
    assert [chart.title for chart in found.charts()] == ["Reliability"]
