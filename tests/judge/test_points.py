import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from judge.points import ROC_POINTS, reliability_bins, roc_points


def test_a_roc_curve_by_hand():
    y, p = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.8, 0.7, 0.1])
    # from the top: right at .9 (0, 1/2), wrong at .8 (1/2, 1/2), right at .7 (1/2, 1), wrong at .1 (1, 1)
    found = [(x["false_positive_rate"], x["true_positive_rate"], x["threshold"]) for x in roc_points(y, p)]
    assert found == [(0.0, 0.0, None), (0.0, 0.5, 0.9), (0.5, 0.5, 0.8), (0.5, 1.0, 0.7), (1.0, 1.0, 0.1)]


def test_a_long_curve_is_thinned_and_keeps_its_area_and_ends():
    generator = np.random.default_rng(0)
    y = (generator.random(20_000) < 0.4).astype(float)
    p = generator.random(20_000) + 0.5 * y
    points = roc_points(y, p)
    x, z = ([point[f"{kind}_positive_rate"] for point in points] for kind in ("false", "true"))
    assert len(points) <= ROC_POINTS
    assert (x[0], z[0], x[-1], z[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert np.trapezoid(z, x) == pytest.approx(roc_auc_score(y, p), abs=1e-3)
    assert max(np.diff(x)) < 0.012
    assert max(np.diff(z)) < 0.012


def test_rows_of_one_class_have_no_curve():
    assert roc_points(np.ones(3), np.array([0.1, 0.5, 0.9])) == []


def test_reliability_by_hand_leaves_out_empty_bins():
    y, p = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.88, 1.0])
    # fifteen bins: .9 and .88 fall into [13/15, 14/15) = [.867, .933), certainty into the last
    assert reliability_bins(y, p) == [
        {
            "low": 13 / 15,
            "high": 14 / 15,
            "count": 2,
            "mean_probability": pytest.approx(0.89),
            "rate_right": 0.5,
        },
        {"low": 14 / 15, "high": 1.0, "count": 1, "mean_probability": 1.0, "rate_right": 1.0},
    ]


def test_the_bins_hold_every_row_and_give_the_calibration_error():
    from judge.agreement import ece

    generator = np.random.default_rng(1)
    p = generator.random(500)
    y = (generator.random(500) < p**2).astype(float)
    bins = reliability_bins(y, p)
    assert sum(b["count"] for b in bins) == 500
    gap = sum(b["count"] * abs(b["mean_probability"] - b["rate_right"]) for b in bins) / 500
    assert gap == pytest.approx(float(ece(np.ones((1, 500)), y, p)[0]))
