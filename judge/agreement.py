"""How well a judge agrees with people, and how sure one can be of it.

Every metric is written for weighted rows, so that a bootstrap is a few matrix products; the tests hold each
against scikit-learn's or scipy's. Intervals are percentile intervals of a cluster bootstrap: groups are drawn
with replacement, and with a group all of its rows. What is undefined (AUROC of one class) is NaN.

    W  weights, (B resamples, N rows), how often each row was drawn
    y  human label, (N,), 1.0 right and 0.0 wrong; between them where graded
    p  what the judge makes of it, (N,), in [0, 1]; higher is more right
    d  whether the judge calls it right, (N,), 1.0 or 0.0
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from judge.records import Score, Verdict

Array = NDArray[np.float64]
Metric = Callable[[Array], Array]

ECE_BINS = 15
"""Bins of equal width over [0, 1], as in Guo et al. 2017 (arXiv:1706.04599)."""
COVERAGE = 0.95
"""Of the intervals."""
_BLOCK_VALUES = 4_000_000  # weights held at a time


@dataclass(frozen=True, slots=True)
class Answers:
    """What one judge says of N rows.

    Attributes:
        p, d: as above.
        calibrated: whether `p` is meant as a probability; else it only ranks.
    """

    p: Array
    d: Array
    calibrated: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric on the rows as they are, and the interval that the bootstrap gives it."""

    value: float
    low: float
    high: float


def answers_of(scores: Sequence[Score], *, calibrated: bool) -> Answers:
    """`p` is the probability of a correct verdict; only that verdict calls a completion right."""
    return Answers(
        p=np.array([score.probabilities()[Verdict.CORRECT] for score in scores]),
        d=np.array([float(score.verdict is Verdict.CORRECT) for score in scores]),
        calibrated=calibrated,
    )


def agreement(
    y: Array, answers: Answers, groups: Sequence[str], *, resamples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """Every metric that suits the labels, with its interval.

    Args:
        y: (N,) labels in [0, 1].
        answers: what the judge says of the N rows.
        groups: N names; rows of one name are drawn together, a row without one (empty) alone.
        resamples: of the bootstrap; 0 leaves the intervals NaN.
        seed: of the bootstrap; the same seed draws the same rows for every judge.
    """
    return {name: _estimate(values) for name, values in _drawn(y, answers, groups, resamples, seed).items()}


def gain(
    y: Array,
    answers: Answers,
    over: Answers,
    groups: Sequence[str],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """By how much each metric of one judge is above that of another, both on the same rows of each resample.

    Far surer than their two intervals side by side: rows that are hard for one are hard for the other.
    Arguments as for `agreement`, with the other judge's answers in `over`.
    """
    others = _drawn(y, over, groups, resamples, seed)
    drawn = _drawn(y, answers, groups, resamples, seed)
    return {name: _estimate(values - others[name]) for name, values in drawn.items() if name in others}


def _drawn(y: Array, answers: Answers, groups: Sequence[str], resamples: int, seed: int) -> dict[str, Array]:
    """Every metric on the rows as they are, then on each resample: (1 + resamples,)."""
    metrics = _metrics(y, answers)
    values = {name: metric(np.ones((1, len(y)))) for name, metric in metrics.items()}
    for weights in resample(groups, resamples, seed):
        for name, metric in metrics.items():
            values[name] = np.concatenate([values[name], metric(weights)])
    return values


def resample(groups: Sequence[str], resamples: int, seed: int) -> Iterator[Array]:
    """Weights (b, N) of a cluster bootstrap, a block of resamples at a time."""
    names = [f"group {group}" if group else f"row {i}" for i, group in enumerate(groups)]
    group_of = np.unique(names, return_inverse=True)[1]
    size = group_of.max() + 1
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK_VALUES // len(groups))
    for start in range(0, resamples, block):
        drawn = generator.integers(size, size=(min(block, resamples - start), size))
        counts = np.stack([np.bincount(draw, minlength=size) for draw in drawn])
        yield counts[:, group_of].astype(float)


def _estimate(values: Array) -> Estimate:
    """Of what `_drawn` gives."""
    value, drawn = float(values[0]), values[1:]
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(known, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Estimate(value, float(low), float(high))


def _metrics(y: Array, answers: Answers) -> dict[str, Metric]:
    """Metrics by name, each from weights (B, N) to values (B,)."""
    if not set(y) <= {0.0, 1.0}:
        return {
            "spearman": lambda w: spearman(w, y, answers.p),
            "pearson": lambda w: pearson(w, y, answers.p),
        }
    decisions: dict[str, Callable[[Confusion], Array]] = {
        "accuracy": accuracy,
        "balanced_accuracy": balanced_accuracy,
        "false_positive_rate": false_positive_rate,
        "f1": f1,
        "kappa": kappa,
    }
    metrics: dict[str, Metric] = {
        name: partial(_of_decisions, decision, y=y, d=answers.d) for name, decision in decisions.items()
    }
    metrics["auroc"] = lambda w: auroc(w, y, answers.p)
    if answers.calibrated:
        metrics["ece"] = lambda w: ece(w, y, answers.p)
    return metrics


def _of_decisions(metric: Callable[["Confusion"], Array], w: Array, *, y: Array, d: Array) -> Array:
    return metric(confusion(w, y, d))


class Confusion(NamedTuple):
    """Weighted counts, each (B,)."""

    true_positive: Array
    false_positive: Array
    false_negative: Array
    true_negative: Array


def confusion(w: Array, y: Array, d: Array) -> Confusion:
    """Decisions `d` against labels `y`."""
    return Confusion(w @ (y * d), w @ ((1 - y) * d), w @ (y * (1 - d)), w @ ((1 - y) * (1 - d)))


def accuracy(c: Confusion) -> Array:
    """(TP + TN) / n."""
    return _ratio(c.true_positive + c.true_negative, sum(c, start=np.zeros(1)))


def balanced_accuracy(c: Confusion) -> Array:
    """(TP / (TP + FN) + TN / (TN + FP)) / 2."""
    recall = _ratio(c.true_positive, c.true_positive + c.false_negative)
    return (recall + 1 - false_positive_rate(c)) / 2


def false_positive_rate(c: Confusion) -> Array:
    """FP / (FP + TN): the share of wrong answers that would be paid as right."""
    return _ratio(c.false_positive, c.false_positive + c.true_negative)


def f1(c: Confusion) -> Array:
    """2 TP / (2 TP + FP + FN)."""
    return _ratio(2 * c.true_positive, 2 * c.true_positive + c.false_positive + c.false_negative)


def kappa(c: Confusion) -> Array:
    """Cohen's kappa, (o - e) / (1 - e), with o the observed and e the chance agreement of the two margins."""
    n = sum(c, start=np.zeros(1))
    called = c.true_positive + c.false_positive
    right = c.true_positive + c.false_negative
    chance = _ratio(called * right + (n - called) * (n - right), n * n)
    return _ratio(accuracy(c) - chance, 1 - chance)


def auroc(w: Array, y: Array, p: Array) -> Array:
    """The chance that a right row stands above a wrong one, ties counting half."""
    order, starts = _ties(p)
    right = np.add.reduceat(w[:, order] * y[order], starts, axis=1)
    wrong = np.add.reduceat(w[:, order] * (1 - y[order]), starts, axis=1)
    below = np.cumsum(wrong, axis=1) - wrong
    return _ratio((right * (below + wrong / 2)).sum(1), right.sum(1) * wrong.sum(1))


def ece(w: Array, y: Array, p: Array) -> Array:
    """Expected calibration error: mean |confidence - share right| over `ECE_BINS` bins, weighted by rows."""
    bins = np.minimum((p * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = np.zeros((len(p), ECE_BINS))
    gaps[np.arange(len(p)), bins] = p - y
    distance: Array = np.abs(w @ gaps)
    return _ratio(distance.sum(1), w.sum(1))


def pearson(w: Array, x: Array, y: Array) -> Array:
    """Correlation of `x` and `y`, each (N,) or (B, N)."""
    n = w.sum(1, keepdims=True)
    x = x - _ratio((w * x).sum(1, keepdims=True), n)
    y = y - _ratio((w * y).sum(1, keepdims=True), n)
    spread = np.sqrt((w * x * x).sum(1) * (w * y * y).sum(1))
    return _ratio((w * x * y).sum(1), spread)


def spearman(w: Array, x: Array, y: Array) -> Array:
    """Correlation of mid-ranks, ranked anew in each resample."""
    return pearson(w, _mid_ranks(w, x), _mid_ranks(w, y))


def _mid_ranks(w: Array, x: Array) -> Array:
    """Ranks (B, N) of weighted rows; rows that tie share the middle."""
    order, starts = _ties(x)
    tied = np.add.reduceat(w[:, order], starts, axis=1)
    middles = np.cumsum(tied, axis=1) - tied / 2
    sizes = np.diff(np.append(starts, len(x)))
    ranks = np.empty_like(w)
    ranks[:, order] = np.repeat(middles, sizes, axis=1)
    return ranks


def _ties(x: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The ascending order of `x`, and where in it each run of equal values starts."""
    order = np.argsort(x, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(x[order]) > 0])
    return order, starts


def _ratio(above: Array, below: Array) -> Array:
    """NaN where `below` is 0."""
    ratio: Array = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return ratio
