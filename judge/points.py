"""The ROC curve and the reliability of a judge as plain points: what a plot needs, fit for JSON."""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from judge.agreement import ECE_BINS

ROC_POINTS = 200
"""Most points of a ROC curve: neighbours are about 1 % of an axis apart, ties aside."""

Array = NDArray[np.float64]
Point = dict[str, float | None]


def roc_points(y: Array, p: Array) -> list[Point]:
    """The ROC curve from (0, 0) to (1, 1), thinned to at most `ROC_POINTS` and its ends.

    Args:
        y: (N,) labels of 0 and 1.
        p: (N,) what the judge makes of them, higher is more right.

    Returns:
        Points by rising false-positive rate; the threshold of the first, where nothing passes, is None. No
        points where a class is missing.
    """
    if len(set(y)) < 2:
        return []
    false_positive, true_positive, thresholds = roc_curve(y, p, drop_intermediate=False)
    along = false_positive + true_positive  # never falls; from 0 to 2
    chosen = np.unique(np.searchsorted(along, np.linspace(0.0, 2.0, ROC_POINTS)))
    return [
        {
            "false_positive_rate": float(false_positive[i]),
            "true_positive_rate": float(true_positive[i]),
            "threshold": float(thresholds[i]) if math.isfinite(thresholds[i]) else None,
        }
        for i in chosen
    ]


def reliability_bins(y: Array, p: Array) -> list[Point]:
    """What came of each probability, in the bins of the calibration error; empty bins are left out.

    Args:
        y: (N,) labels in [0, 1].
        p: (N,) probabilities.
    """
    bin_of = np.minimum((p * ECE_BINS).astype(int), ECE_BINS - 1)
    return [
        {
            "low": i / ECE_BINS,
            "high": (i + 1) / ECE_BINS,
            "count": int((bin_of == i).sum()),
            "mean_probability": float(p[bin_of == i].mean()),
            "rate_right": float(y[bin_of == i].mean()),
        }
        for i in np.unique(bin_of).tolist()
    ]
