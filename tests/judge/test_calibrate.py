import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from judge import calibrate
from judge.calibrate import (
    EQUIVALENCE_INPUTS,
    Calibration,
    Combiner,
    OperatingPoint,
    abstention_threshold,
    fit_calibration,
    fit_combiner,
    operating_point,
)
from judge.errors import JudgeError
from judge.pairs import CONTRAST, TASKS, Task, TrainingRow


def test_a_linear_combiner_by_hand() -> None:
    combiner = Combiner(
        names=("a", "b"),
        mean=(1.0, 0.0),
        deviation=(2.0, 1.0),
        weights=(((0.5,), (-1.0,)),),
        biases=((0.25,),),
    )
    # x = (3, 0.5): standard (1, 0.5); 0.5 * 1 - 1 * 0.5 + 0.25 = 0.25; sigmoid(0.25) = 0.5621765
    np.testing.assert_allclose(combiner.probability(np.array([[3.0, 0.5]])), [0.5621765], atol=1e-7)


def test_a_hidden_layer_by_hand() -> None:
    combiner = Combiner(
        names=("a",), mean=(0.0,), deviation=(1.0,),
        weights=(((1.0, -1.0),), ((2.0,), (1.0,))), biases=((0.0, 0.0), (0.0,)),
    )  # fmt: skip
    # x = 1: hidden tanh(1), tanh(-1) = +-0.7615942; 2 * 0.7615942 - 0.7615942 = 0.7615942; sigmoid 0.6816997
    np.testing.assert_allclose(combiner.probability(np.array([[1.0]])), [0.6816997], atol=1e-7)


@pytest.mark.parametrize("hidden", [0, 4])
def test_fitted_probabilities_are_the_frequencies(hidden: int) -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(size=4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-2 * logit))).astype(float)
    inputs = np.stack([logit, np.ones(4000)], axis=1)  # a constant input must not divide by zero
    combiner = fit_combiner(("logit", "one"), inputs, labels, hidden=hidden, penalty=1e-5, seed=0)
    p = combiner.probability(inputs)
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = (p >= low) & (p < low + 0.25)
        assert abs(p[inside].mean() - labels[inside].mean()) < 0.05


def test_a_graded_row_counts_in_part_as_right_and_in_part_as_wrong() -> None:
    inputs = np.array([[0.0], [1.0]]).repeat(50, axis=0)
    combiner = fit_combiner(("a",), inputs, np.array([0.25, 0.75]).repeat(50), hidden=0, penalty=1e-6, seed=0)
    np.testing.assert_allclose(combiner.probability(np.array([[0.0], [1.0]])), [0.25, 0.75], atol=1e-3)


def test_networks_are_averaged_in_their_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(100, 2))
    labels = (inputs[:, 0] * inputs[:, 1] > 0).astype(float)

    def logits(seed: int) -> NDArray[np.float64]:
        p = fit_combiner(("a", "b"), inputs, labels, hidden=2, penalty=1e-2, seed=seed).probability(inputs)
        return np.log(p / (1 - p))

    monkeypatch.setattr(calibrate, "STARTS", 1)
    one, other = logits(7), logits(8)
    assert not np.allclose(one, other)
    monkeypatch.setattr(calibrate, "STARTS", 2)
    np.testing.assert_allclose(logits(7), (one + other) / 2, atol=1e-9)


def test_a_text_declines_from_the_threshold_of_the_highest_f1() -> None:
    def row(label: float, source: str) -> TrainingRow:
        return TrainingRow(Task.ABSTENTION, "", "", "text", {Task.ABSTENTION: label}, "group", source)

    natural = [row(label, "file") for label in (0.0, 0.0, 1.0, 1.0)]
    # from 0.8 up F1 is 2/3; from 0.5 up 2 * 2 / (3 + 2) = 0.8, the highest; from 0.3 up 2 * 2 / (4 + 2)
    assert abstention_threshold(natural, np.array([0.3, 0.6, 0.5, 0.8])) == pytest.approx(0.4)
    made = [row(label, CONTRAST) for label in (0.0, 0.0, 1.0)]
    # ... and of rows made up, which count 0.2 each, the wrong ones between weigh less than the one below
    assert abstention_threshold(
        [*natural, *made], np.array([0.3, 0.6, 0.5, 0.8, 0.55, 0.55, 0.9])
    ) == pytest.approx(0.4)


def test_a_combiner_survives_json_to_the_last_digit() -> None:
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(200, 3))
    combiner = fit_combiner(
        tuple("abc"), inputs, (inputs[:, 0] > 0).astype(float), hidden=2, penalty=1e-3, seed=0
    )
    again = Combiner.from_json(json.loads(json.dumps(combiner.to_json())), expected_names="abc")
    assert again == combiner


def test_a_combiner_over_other_inputs_is_refused() -> None:
    combiner = Combiner(("a",), (0.0,), (1.0,), (((1.0,),),), ((0.0,),))
    with pytest.raises(JudgeError, match=r"expected a combiner over \['b'\], this judge's is over"):
        Combiner.from_json(combiner.to_json(), expected_names=["b"])


@pytest.mark.parametrize("hidden", [0, 3])
def test_a_combiner_over_more_inputs_does_not_look_at_them(hidden: int) -> None:
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(50, 2))
    combiner = fit_combiner(
        ("a", "b"), inputs, (inputs.sum(axis=1) > 0).astype(float), hidden=hidden, penalty=1e-2, seed=0
    )
    wide = combiner.over(("more", "b", "a"))
    assert wide.names == ("more", "b", "a")
    for more in (rng.normal(size=(50, 1)), np.full((50, 1), 1e6)):
        np.testing.assert_allclose(
            wide.probability(np.hstack([more, inputs[:, ::-1]])), combiner.probability(inputs)
        )


def test_the_threshold_is_the_lowest_that_keeps_the_false_positive_rate() -> None:
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.55, 0.6, 0.7, 0.9])
    y = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    # of five wrong answers one may pass at 0.2: that is 0.6, so all from 0.55 up, but not the 0.4, pass
    assert operating_point(p, y, max_fpr=0.2) == OperatingPoint(0.2, 0.55, 1 / 5, 3 / 3)
    assert operating_point(p, y, max_fpr=0.1) == OperatingPoint(0.1, 0.7, 0 / 5, 2 / 3)


def test_no_threshold_is_above_one_even_if_nothing_passes() -> None:
    point = operating_point(np.array([0.9, 0.8]), np.array([0.0, 1.0]), max_fpr=0.01)
    assert point == OperatingPoint(0.01, 1.0, 0.0, 0.0)


@pytest.fixture
def calibration(tiny_judge: Path) -> Calibration:
    points = (OperatingPoint(0.01, 0.9, 0.009, 0.5), OperatingPoint(0.05, 0.6, 0.05, 0.8))
    return replace(
        Calibration.from_json(json.loads((tiny_judge / "judge.json").read_text())["calibration"]),
        operating_points=points,
    )


def test_another_false_positive_rate_moves_the_threshold_of_equivalence_alone(
    calibration: Calibration,
) -> None:
    chosen = calibration.at(0.05)
    assert chosen.thresholds == replace(calibration.thresholds, equivalence=0.6)
    assert replace(chosen, thresholds=calibration.thresholds) == calibration


def test_a_rate_between_two_points_takes_the_stricter(calibration: Calibration) -> None:
    assert calibration.at(0.0499).thresholds.equivalence == 0.9
    assert calibration.at(0.9).thresholds.equivalence == 0.6


@pytest.mark.parametrize("max_fpr", [0.0, 0.009, 1.0, 5.0, float("nan")])
def test_a_rate_outside_the_table_is_refused(calibration: Calibration, max_fpr: float) -> None:
    with pytest.raises(JudgeError, match=r"expected max_fpr from 0.01 to below 1, got"):
        calibration.at(max_fpr)


def test_a_judge_without_the_table_says_so(calibration: Calibration) -> None:
    old = json.loads(json.dumps(calibration.to_json()))
    del old["operating_points"]
    with pytest.raises(JudgeError, match=r"expected operating points .* max_fpr=0.05, found none"):
        Calibration.from_json(old).at(0.05)


def test_the_table_survives_json(calibration: Calibration) -> None:
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


@pytest.mark.parametrize("hidden", [0, 3])
def test_a_row_of_weight_two_counts_like_two_rows(hidden: int) -> None:
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(60, 1))
    labels = (inputs[:, 0] + rng.normal(size=60) > 0).astype(float)
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    twice = np.repeat(np.arange(60), weights.astype(int))
    # The inputs are standardised by rows, so both fits are given the same mean and deviation.
    inputs -= inputs[twice].mean()
    mirrored, signs = np.concatenate([inputs, -inputs]), np.concatenate([labels, 1 - labels])
    again = np.concatenate([twice, twice + 60])

    def fit(chosen: np.ndarray, weight: np.ndarray | None) -> Combiner:
        return fit_combiner(
            ("a",), mirrored[chosen], signs[chosen], hidden=hidden, penalty=1e-2, seed=0, weights=weight
        )

    weighted = fit(np.arange(120), np.tile(weights, 2) / weights.mean())
    repeated = fit(again, None)
    grid = np.linspace(-1, 1, 5)[:, None]
    np.testing.assert_allclose(weighted.probability(grid), repeated.probability(grid), atol=0.02)


def test_a_wrong_answer_counts_once_however_many_references_it_was_held_against() -> None:
    rows, logits = _held_out()
    _, figures = fit_calibration(rows, logits, hidden=0, penalty=1e-2, max_fpr=0.05, seed=0)
    assert figures["answers"] == 80
    assert figures["false_positive_rate"] <= 0.05


def test_where_every_text_is_right_beside_some_reference_each_row_counts() -> None:
    rows, logits = _held_out()
    texts = ("bob", "ann")
    pairs = [
        _pair(f"q{i}", text, reference=right, label=float(text == right))
        for i in range(10)
        for right in texts
        for text in texts
    ]
    calibration, figures = fit_calibration(
        [*pairs, *rows[-40:]], logits[-len(pairs) - 40 :], hidden=0, penalty=1e-2, max_fpr=0.2, seed=0
    )
    assert figures["answers"] == 40
    assert figures["false_positive_rate"] <= 0.2
    assert 0.0 <= calibration.thresholds.equivalence <= 1.0


@pytest.mark.parametrize("hidden", [0, 4])
def test_features_that_the_calibration_may_not_look_at_change_nothing(hidden: int) -> None:
    rows, logits = _held_out()

    def probability(inputs: tuple[str, ...], row: np.ndarray) -> float:
        calibration, _ = fit_calibration(
            rows, logits, hidden=hidden, penalty=1e-2, max_fpr=0.05, seed=0, inputs=inputs
        )
        return float(calibration.equivalence.probability(row[None])[0])

    bare, featured = np.zeros((2, len(EQUIVALENCE_INPUTS)))
    featured[1:] = 1.0
    assert probability(EQUIVALENCE_INPUTS[:1], bare) == probability(EQUIVALENCE_INPUTS[:1], featured)
    assert probability(EQUIVALENCE_INPUTS, bare) != probability(EQUIVALENCE_INPUTS, featured)


def _held_out() -> tuple[list[TrainingRow], np.ndarray]:
    """80 answers, of which ten are wrong against nine references each, and rows of the other tasks."""
    rows = [_pair(f"q{i}", f"right {i}", label=1.0) for i in range(40)]
    rows += [_pair(f"q{i}", f"wrong {i}", label=0.0) for i in range(30)]
    rows += [_pair(f"q{i}", "refused", reference=f"r{n}", label=0.0) for i in range(30, 40) for n in range(9)]
    logits = np.random.default_rng(3).normal(size=(len(rows), len(TASKS)))
    rows += [
        TrainingRow(task, "", f"claim {i}", f"text {i}", {task: float(i % 2)}, str(i), "s")
        for task in (Task.SUPPORT, Task.ABSTENTION)
        for i in range(20)
    ]
    return rows, np.concatenate([logits, np.zeros((40, len(TASKS)))])


def _pair(question: str, text: str, *, label: float, reference: str = "r") -> TrainingRow:
    return TrainingRow(
        Task.EQUIVALENCE, question, reference, text, {Task.EQUIVALENCE: label}, question, "natural"
    )
