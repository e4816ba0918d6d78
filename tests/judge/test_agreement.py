import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from judge import agreement as ours
from judge.agreement import Answers, Confusion, agreement, answers_of, gain, resample
from judge.records import Score, Verdict

N = 300


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities with ties, decisions, and whole weights as a bootstrap draws them."""
    generator = np.random.default_rng(3)
    y = (generator.random(N) < 0.6).astype(float)
    p = np.clip(np.round(0.3 * y + 0.7 * generator.random(N), 2), 0, 1)
    weights = generator.integers(0, 4, size=(5, N)).astype(float)
    return y, p, (p > 0.55).astype(float), weights


def test_confusion_counts_by_label_and_decision():
    # right and called so: row 0; wrong but called right: 1 and 4; right but not called so: 2; neither: 3
    y, d = np.array([1.0, 0, 1, 0, 0]), np.array([1.0, 1, 0, 0, 1])
    counts = ours.confusion(np.ones((1, 5)), y, d)
    assert [float(count[0]) for count in counts] == [1, 2, 1, 1]


def test_metrics_of_decisions_match_hand_worked_numbers():
    c = Confusion(*(np.array([float(n)]) for n in (40, 10, 20, 30)))  # TP, FP, FN, TN; 100 rows
    assert ours.accuracy(c) == pytest.approx(0.7)
    assert ours.false_positive_rate(c) == pytest.approx(10 / 40)
    assert ours.balanced_accuracy(c) == pytest.approx((40 / 60 + 30 / 40) / 2)
    assert ours.f1(c) == pytest.approx(80 / 110)
    # chance agreement: (50 * 60 + 50 * 40) / 100^2 = 0.5; kappa = (0.7 - 0.5) / 0.5
    assert ours.kappa(c) == pytest.approx(0.4)


def test_metrics_of_decisions_equal_those_of_scikit_learn(rows):
    y, _, d, weights = rows
    counts = ours.confusion(weights, y, d)
    for b, w in enumerate(weights):
        assert ours.accuracy(counts)[b] == pytest.approx(metrics.accuracy_score(y, d, sample_weight=w))
        assert ours.balanced_accuracy(counts)[b] == pytest.approx(
            metrics.balanced_accuracy_score(y, d, sample_weight=w)
        )
        assert ours.f1(counts)[b] == pytest.approx(metrics.f1_score(y, d, sample_weight=w))
        assert ours.kappa(counts)[b] == pytest.approx(metrics.cohen_kappa_score(y, d, sample_weight=w))


def test_auroc_equals_that_of_scikit_learn_with_ties_and_weights(rows):
    y, p, _, weights = rows
    expected = [metrics.roc_auc_score(y, p, sample_weight=w) for w in weights]
    assert ours.auroc(weights, y, p) == pytest.approx(expected)


def test_auroc_is_half_for_a_constant():
    assert ours.auroc(np.ones((1, 4)), np.array([0.0, 1, 0, 1]), np.full(4, 0.3)) == pytest.approx(0.5)


def test_correlations_equal_those_of_scipy_on_the_rows_drawn(rows):
    _, x, _, weights = rows
    y = np.round(np.random.default_rng(5).random(N), 1) + x
    for b, w in enumerate(weights):
        drawn = np.repeat(np.arange(N), w.astype(int))
        assert ours.pearson(weights, x, y)[b] == pytest.approx(stats.pearsonr(x[drawn], y[drawn]).statistic)
        assert ours.spearman(weights, x, y)[b] == pytest.approx(stats.spearmanr(x[drawn], y[drawn]).statistic)


def test_ece_is_the_mean_gap_between_confidence_and_share_right():
    # bin of 0.9: mean p 0.9, right 1 of 2, gap 0.4, two rows; bin of 0.1: right 0 of 1, gap 0.1, one row
    y, p = np.array([1.0, 0, 0]), np.array([0.9, 0.9, 0.1])
    assert ours.ece(np.ones((1, 3)), y, p) == pytest.approx((2 * 0.4 + 0.1) / 3)


def test_ece_puts_certainty_into_the_last_bin():
    assert ours.ece(np.ones((1, 2)), np.ones(2), np.ones(2)) == pytest.approx(0.0)


def test_a_metric_without_both_classes_is_nan_and_so_is_its_interval():
    answers = Answers(p=np.array([0.2, 0.8]), d=np.array([0.0, 1.0]), calibrated=True)
    found = agreement(np.ones(2), answers, ["", ""], resamples=20)
    assert math.isnan(found["auroc"].value)
    assert math.isnan(found["auroc"].low)
    assert math.isnan(found["false_positive_rate"].value)
    assert found["accuracy"].value == pytest.approx(0.5)


def test_an_uncalibrated_system_has_no_calibration_error():
    answers = Answers(p=np.array([0.2, 0.8]), d=np.array([0.0, 1.0]), calibrated=False)
    assert "ece" not in agreement(np.array([0.0, 1.0]), answers, ["", ""], resamples=0)


def test_graded_labels_are_compared_by_correlation_alone():
    answers = Answers(p=np.array([0.2, 0.5, 0.8]), d=np.array([0.0, 0, 1]), calibrated=True)
    found = agreement(np.array([0.1, 0.4, 1.0]), answers, ["", "", ""], resamples=0)
    assert set(found) == {"spearman", "pearson"}
    assert found["spearman"].value == pytest.approx(1.0)


def test_a_group_is_drawn_whole_or_not_at_all():
    groups = ["a", "a", "b", "c", "c", "c", "", ""]
    for weights in resample(groups, 50, seed=1):
        assert (weights[:, 0] == weights[:, 1]).all()
        assert (weights[:, 3] == weights[:, 4]).all()
        assert (weights[:, [0, 2, 3, 6, 7]].sum(axis=1) == 5).all()  # as many groups drawn as there are
        assert (weights[:, 6] != weights[:, 7]).any()  # rows without a group stand alone


def test_the_bootstrap_does_not_depend_on_how_many_resamples_fit_a_block(monkeypatch: pytest.MonkeyPatch):
    groups = [str(i // 2) for i in range(20)]
    whole = np.concatenate(list(resample(groups, 30, seed=2)))
    monkeypatch.setattr(ours, "_BLOCK_VALUES", 7 * len(groups))
    assert (np.concatenate(list(resample(groups, 30, seed=2))) == whole).all()


def test_the_interval_of_an_accuracy_is_that_of_a_proportion():
    # 400 independent rows, 75 % right: 0.75 +- 1.96 * sqrt(0.75 * 0.25 / 400) = [0.708, 0.792]
    d = np.ones(400)
    y = np.r_[np.ones(300), np.zeros(100)]
    found = agreement(y, Answers(p=d, d=d, calibrated=True), [""] * 400, resamples=2000)["accuracy"]
    assert found.low == pytest.approx(0.708, abs=0.006)
    assert found.high == pytest.approx(0.792, abs=0.006)


def test_rows_that_repeat_within_groups_make_the_interval_wider():
    y = np.r_[np.ones(300), np.zeros(100)]
    answers = Answers(p=np.ones(400), d=np.ones(400), calibrated=True)
    alone = agreement(y, answers, [""] * 400, resamples=500)["accuracy"]
    grouped = agreement(y, answers, [str(i // 10) for i in range(400)], resamples=500)["accuracy"]
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_a_gain_is_the_difference_of_two_judges_on_the_same_rows(rows):
    y, p, _, _ = rows
    # one is right on all 300 rows, the other wrong on the first 12: 12 / 300 = 0.04; they rank alike
    wrong_on_some = np.r_[1 - y[:12], y[12:]]
    mine, theirs = Answers(p=p, d=y, calibrated=True), Answers(p=p, d=wrong_on_some, calibrated=False)
    found = gain(y, mine, theirs, [""] * N, resamples=500)
    assert found["accuracy"].value == pytest.approx(0.04)
    assert 0.015 < found["accuracy"].low < 0.04 < found["accuracy"].high < 0.07
    assert (found["auroc"].low, found["auroc"].value, found["auroc"].high) == (0.0, 0.0, 0.0)
    assert "ece" not in found


def test_a_judge_calls_right_only_what_it_finds_correct():
    scores = [
        Score(0.9, 0.1, Verdict.CORRECT),
        Score(0.9, 0.8, Verdict.ABSTAIN),
        Score(0.2, 0.0, Verdict.WRONG),
    ]
    answers = answers_of(scores, calibrated=True)
    assert answers.d.tolist() == [1.0, 0.0, 0.0]
    assert answers.p.tolist() == pytest.approx([0.81, 0.18, 0.2])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_decides_the_interval(seed: int, rows):
    y, p, d, _ = rows
    answers = Answers(p=p, d=d, calibrated=True)
    first = agreement(y, answers, [""] * N, resamples=50, seed=seed)
    assert first == agreement(y, answers, [""] * N, resamples=50, seed=seed)
    assert first["auroc"].low != agreement(y, answers, [""] * N, resamples=50, seed=seed + 1)["auroc"].low
