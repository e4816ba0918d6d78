"""From logits and lexical features to probabilities, fitted on held-out training data.

The combiner is a multilayer perceptron of a few dozen numbers, stored as JSON beside the weights: it sees
what the encoder says and what the encoder cannot read (containment, numbers, negation), and gives one
calibrated probability. Support and abstention have the encoder's logit alone, rescaled (Platt 1999).
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPClassifier

from judge.errors import DataError, JudgeError
from judge.lexical.features import FEATURE_NAMES, lexical_features
from judge.pairs import TASKS, Task, TrainingRow
from judge.verdict import Thresholds

EQUIVALENCE_INPUTS = ("equivalence_logit", *FEATURE_NAMES)
SUPPORT_INPUTS = ("support_logit",)
CONTRADICTION_INPUTS = ("contradiction_logit",)
ABSTENTION_INPUTS = ("abstention_logit",)
FOLDS = 5
STARTS = 4
"""Networks that a combiner averages: where one alone starts decides on a percent of the answers."""
CONTRAST_WEIGHT = 0.2
"""Of a contrastive row beside a natural one: calibration is for what is judged, which is natural."""
FEWEST_ROWS = 5
"""Held-out rows of each label of a task from which anything can be fitted."""
FEWEST_ROWS_TO_REFIT = 50
"""... from which it is better than what the judge gone on from has: of fewer wrong answers, 5 % is two."""
MAX_FPRS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5)
"""False-positive rates that a threshold is stored for, so that a user can choose without training again."""
_STEEP = 30.0  # logits beyond it are certain in float64 anyway; keeps exp() from overflowing

Array = NDArray[np.float64]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Combiner:
    """p = sigmoid(W_n tanh(... W_1 (x - mean) / deviation + b_1 ...) + b_n).

    Attributes:
        names: the F inputs, in order.
        mean, deviation: F numbers each.
        weights: one (inputs, outputs) matrix a layer; the last has one output.
        biases: one vector a layer.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weights: tuple[tuple[tuple[float, ...], ...], ...]
    biases: tuple[tuple[float, ...], ...]

    def probability(self, inputs: Array) -> Array:
        """Probability for each row.

        Args:
            inputs: (N, F).

        Returns:
            (N,) in [0, 1].
        """
        hidden = (inputs - np.asarray(self.mean)) / np.asarray(self.deviation)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = (np.tanh(hidden) if layer else hidden) @ np.asarray(weight) + np.asarray(bias)
        probability: Array = 1.0 / (1.0 + np.exp(-hidden[:, 0].clip(-_STEEP, _STEEP)))
        return probability

    def over(self, names: Sequence[str]) -> Self:
        """The same probabilities from more inputs, which it does not look at.

        Args:
            names: of all inputs, its own among them.
        """
        own = dict(zip(self.names, zip(self.mean, self.deviation, self.weights[0], strict=True), strict=True))
        ignored = (0.0, 1.0, (0.0,) * len(self.biases[0]))
        mean, deviation, weight = zip(*(own.get(name, ignored) for name in names), strict=True)
        return replace(
            self, names=tuple(names), mean=mean, deviation=deviation, weights=(weight, *self.weights[1:])
        )

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any], *, expected_names: Sequence[str]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            JudgeError: it was fitted on other inputs than this version computes.
        """
        if list(content["names"]) != list(expected_names):
            raise JudgeError(
                f"expected a combiner over {list(expected_names)}, this judge's is over {content['names']}; "
                "it was trained with another version: train it again or install that version"
            )
        return cls(
            names=tuple(content["names"]),
            mean=tuple(content["mean"]),
            deviation=tuple(content["deviation"]),
            weights=tuple(tuple(tuple(row) for row in weight) for weight in content["weights"]),
            biases=tuple(tuple(bias) for bias in content["biases"]),
        )


def fit_combiner(
    names: Sequence[str],
    inputs: Array,
    labels: Array,
    *,
    hidden: int,
    penalty: float,
    seed: int,
    weights: Array | None = None,
) -> Combiner:
    """Fit a combiner by maximum likelihood.

    Args:
        names: F names of the inputs.
        inputs: (N, F).
        labels: (N,) in [0, 1]; a row between counts as 1 and as 0, in these shares.
        hidden: units of the one hidden layer; 0 makes it a logistic regression. Several networks are fitted,
            and their logits averaged: one network of all their units.
        penalty: L2 penalty on the weights, for the mean log-likelihood.
        seed: of where the networks start.
        weights: (N,) of rows, 1 in the mean; all alike by default.
    """
    mean = inputs.mean(axis=0)
    deviation = inputs.std(axis=0)
    deviation[deviation == 0] = 1.0
    shares = np.concatenate([labels, 1.0 - labels]) * (1.0 if weights is None else np.tile(weights, 2))
    standard = np.tile((inputs - mean) / deviation, (2, 1))[shares > 0]
    sides = np.repeat([1.0, 0.0], len(labels))[shares > 0]
    shares = shares[shares > 0]
    if hidden:
        networks = [
            MLPClassifier(
                (hidden,),
                activation="tanh",
                solver="lbfgs",
                alpha=penalty * len(labels),
                max_iter=2000,
                random_state=seed + start,
            ).fit(standard, sides, sample_weight=shares)
            for start in range(STARTS)
        ]
        first, last = zip(*(network.coefs_ for network in networks), strict=True)
        below, above = zip(*(network.intercepts_ for network in networks), strict=True)
        layers = [np.concatenate(first, axis=1), np.concatenate(last) / STARTS]
        biases = [np.concatenate(below), np.mean(above, axis=0)]
    else:
        line = LogisticRegression(C=1.0 / (penalty * len(labels)), max_iter=2000).fit(
            standard, sides, sample_weight=shares
        )
        layers, biases = [line.coef_.T], [line.intercept_]
    return Combiner(
        names=tuple(names),
        mean=tuple(mean.tolist()),
        deviation=tuple(deviation.tolist()),
        weights=tuple(tuple(tuple(row) for row in layer.tolist()) for layer in layers),
        biases=tuple(tuple(bias.tolist()) for bias in biases),
    )


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold of equivalence, chosen for a false-positive rate, and what passes there.

    Attributes:
        max_fpr: the share of wrong answers that may pass for right, in (0, 1).
        threshold: the lowest at which no more do, in [0, 1].
        false_positive_rate: of wrong held-out answers, the share at or above it.
        true_positive_rate: of right ones.
    """

    max_fpr: float
    threshold: float
    false_positive_rate: float
    true_positive_rate: float


def operating_point(probabilities: Array, labels: Array, *, max_fpr: float) -> OperatingPoint:
    """The lowest threshold at which at most `max_fpr` of the wrong answers pass for right.

    Args:
        probabilities: (N,) in [0, 1].
        labels: (N,) of 0 and 1.
        max_fpr: in (0, 1).
    """
    rates, _, thresholds = roc_curve(labels, probabilities, drop_intermediate=False)
    threshold = float(min(thresholds[rates <= max_fpr].min(), 1.0))
    passed, right = probabilities >= threshold, labels == 1.0
    return OperatingPoint(max_fpr, threshold, float(passed[~right].mean()), float(passed[right].mean()))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns the encoder's logits into a score.

    Attributes:
        equivalence: over `EQUIVALENCE_INPUTS`.
        support: over `SUPPORT_INPUTS`.
        abstention: over `ABSTENTION_INPUTS`.
        thresholds: where probabilities become verdicts.
        operating_points: further thresholds of equivalence, by rising `max_fpr`; none in judges written
            before there was this table.
        contradiction: over `CONTRADICTION_INPUTS`; None where no label told contradiction from absence.
    """

    equivalence: Combiner
    support: Combiner
    abstention: Combiner
    thresholds: Thresholds
    operating_points: tuple[OperatingPoint, ...] = ()
    contradiction: Combiner | None = None

    def at(self, max_fpr: float) -> Self:
        """The same, with the threshold of equivalence for another false-positive rate.

        That is the one of the nearest operating point that allows no more.

        Raises:
            JudgeError: there is no such point.
        """
        if not self.operating_points:
            raise JudgeError(
                f"expected operating points in judge.json to choose a threshold for max_fpr={max_fpr}, found "
                "none: the judge was written by an earlier version; train it again, or leave max_fpr out"
            )
        allowed = [point for point in self.operating_points if point.max_fpr <= max_fpr < 1.0]
        if not allowed:
            raise JudgeError(
                f"expected max_fpr from {self.operating_points[0].max_fpr} to below 1, got {max_fpr}"
            )
        return replace(self, thresholds=replace(self.thresholds, equivalence=allowed[-1].threshold))

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            JudgeError: it was fitted on other inputs than this version computes.
        """
        return cls(
            equivalence=Combiner.from_json(content["equivalence"], expected_names=EQUIVALENCE_INPUTS),
            support=Combiner.from_json(content["support"], expected_names=SUPPORT_INPUTS),
            abstention=Combiner.from_json(content["abstention"], expected_names=ABSTENTION_INPUTS),
            thresholds=Thresholds(**content["thresholds"]),
            operating_points=tuple(OperatingPoint(**point) for point in content.get("operating_points", ())),
            contradiction=None
            if content.get("contradiction") is None
            else Combiner.from_json(content["contradiction"], expected_names=CONTRADICTION_INPUTS),
        )


def equivalence_inputs(logit: float, *, question: str, reference: str, completion: str) -> list[float]:
    """What the equivalence combiner sees of one pair, in the order of `EQUIVALENCE_INPUTS`."""
    return [logit, *lexical_features(question, reference, completion).values()]


def fit_calibration(
    rows: Sequence[TrainingRow],
    logits: Array,
    *,
    hidden: int,
    penalty: float,
    max_fpr: float,
    seed: int,
    start: Calibration | None = None,
    inputs: Sequence[str] = EQUIVALENCE_INPUTS,
) -> tuple[Calibration, dict[str, float]]:
    """Fit the combiners on held-out rows, and choose the threshold.

    Args:
        rows: N held-out rows of any task.
        logits: (N, tasks) of an encoder that never saw these rows.
        hidden, penalty, seed: of `fit_combiner`.
        max_fpr: false-positive rate on natural held-out answers that the threshold may not pass.
        start: where to take the part of a task that the rows say too little of.
        inputs: those of `EQUIVALENCE_INPUTS` that the combiner of equivalence may look at.

    Returns:
        The calibration, and the figures of equivalence out of fold; no figures if it was taken from `start`.

    Raises:
        DataError: the rows say too little of a task, and there is no `start`.
    """
    known = rows_to_fit(rows, going_on=start is not None)

    def rescale(task: Task, names: Sequence[str], kept: Combiner | None) -> Combiner:
        if not known[task]:
            assert kept is not None
            return kept
        x = logits[known[task]][:, [TASKS.index(task)]]
        y = np.array([rows[i].targets[task] for i in known[task]])
        return fit_combiner(names, x, y, hidden=0, penalty=penalty, seed=seed)

    support = rescale(Task.SUPPORT, SUPPORT_INPUTS, None if start is None else start.support)
    abstention = rescale(Task.ABSTENTION, ABSTENTION_INPUTS, None if start is None else start.abstention)
    contradiction = None if start is None else start.contradiction
    told = [i for i, row in enumerate(rows) if row.targets.get(Task.CONTRADICTION) in (0.0, 1.0)]
    labels = [rows[i].targets[Task.CONTRADICTION] for i in told]
    if min(labels.count(0.0), labels.count(1.0)) >= (FEWEST_ROWS if start is None else FEWEST_ROWS_TO_REFIT):
        contradiction = fit_combiner(
            CONTRADICTION_INPUTS, logits[told][:, [TASKS.index(Task.CONTRADICTION)]], np.array(labels),
            hidden=0, penalty=penalty, seed=seed,
        )  # fmt: skip
    if known[Task.ABSTENTION]:
        declines = abstention_threshold(
            [rows[i] for i in known[Task.ABSTENTION]],
            abstention.probability(logits[known[Task.ABSTENTION]][:, [TASKS.index(Task.ABSTENTION)]]),
        )
    else:
        assert start is not None
        declines = start.thresholds.abstention
    if not known[Task.EQUIVALENCE]:
        assert start is not None
        thresholds = replace(start.thresholds, abstention=declines)
        return replace(
            start, support=support, abstention=abstention, contradiction=contradiction, thresholds=thresholds
        ), {}
    compared = [i for i, row in enumerate(rows) if Task.EQUIVALENCE in row.targets]  # graded ones too
    equivalence, threshold, points, figures = _fit_equivalence(
        [rows[i] for i in compared],
        logits[compared, TASKS.index(Task.EQUIVALENCE)],
        names=inputs, hidden=hidden, penalty=penalty, max_fpr=max_fpr, seed=seed,
    )  # fmt: skip
    thresholds = Thresholds(equivalence=threshold, abstention=declines)
    return Calibration(equivalence, support, abstention, thresholds, points, contradiction), figures


def abstention_threshold(rows: Sequence[TrainingRow], probabilities: Array) -> float:
    """Where a text declines: the threshold of the highest F1 on held-out rows, half-way to the next below.

    Args:
        rows: N rows labelled 0 or 1; contrastive ones count less, as in the fit.
        probabilities: (N,) that a row declines, in [0, 1].
    """
    labels = np.array([row.targets[Task.ABSTENTION] for row in rows])
    precision, recall, thresholds = precision_recall_curve(
        labels, probabilities, sample_weight=[1.0 if row.natural else CONTRAST_WEIGHT for row in rows]
    )
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    best = int(np.argmax(f1[:-1]))
    return float((thresholds[best] + thresholds[best - 1]) / 2 if best else thresholds[0])


def rows_to_fit(rows: Sequence[TrainingRow], *, going_on: bool) -> dict[Task, list[int]]:
    """By task, the indices of the held-out rows that say a plain yes or no of it.

    Args:
        rows: held-out rows of any task.
        going_on: from another judge, whose calibration a task keeps that has too few rows: no index then.

    Raises:
        DataError: a task has too few rows, and there is no other judge.
    """
    known: dict[Task, list[int]] = {}
    fewest = FEWEST_ROWS_TO_REFIT if going_on else FEWEST_ROWS
    for task in (Task.EQUIVALENCE, Task.SUPPORT, Task.ABSTENTION):
        known[task] = [i for i, row in enumerate(rows) if row.targets.get(task) in (0.0, 1.0)]
        labels = [rows[i].targets[task] for i in known[task]]
        wrong, right = labels.count(0.0), labels.count(1.0)
        if min(wrong, right) >= fewest:
            continue
        if not going_on:
            raise DataError(
                f"expected at least {fewest} held-out rows of {task} of each label to calibrate on, found "
                f"{wrong} of 0 and {right} of 1; add such rows, raise --held_out_share, or go on from a "
                "judge that can do it: --start_from default"
            )
        if labels:
            logger.warning(
                "%s keeps its calibration: %d and %d held-out rows of 0 and 1, %d of each are needed",
                task, wrong, right, fewest,
            )  # fmt: skip
        known[task].clear()
    return known


def _weights(rows: Sequence[TrainingRow]) -> Array:
    """How much each row counts: an answer once, over its references; a contrastive one less than a natural.

    A wrong answer is a row for each of its references, and contrastive rows are half wrong by design: taken
    as they are, both would make probabilities too low for what people and policies write.
    """
    references = Counter(_answer(row) for row in rows)
    return np.array([(1.0 if row.natural else CONTRAST_WEIGHT) / references[_answer(row)] for row in rows])


def _answer(row: TrainingRow) -> tuple[str, str, str]:
    """What the rows of one answer, a row for each reference, have in common."""
    return row.question, row.text, row.source


def _fit_equivalence(
    rows: Sequence[TrainingRow],
    logits: Array,
    *,
    names: Sequence[str],
    hidden: int,
    penalty: float,
    max_fpr: float,
    seed: int,
) -> tuple[Combiner, float, tuple[OperatingPoint, ...], dict[str, float]]:
    """Combiner, threshold, operating points and figures.

    All but the combiner come from probabilities out of fold (by group), so that no row speaks for itself;
    and from natural rows alone, since contrastive ones are harder than what a policy writes, unless they
    alone have both labels. Graded rows shape the combiner; a rate of right and wrong they have none.
    """
    inputs = np.array(
        [
            equivalence_inputs(logit, question=row.question, reference=row.reference, completion=row.text)
            for row, logit in zip(rows, logits, strict=True)
        ]
    )[:, [EQUIVALENCE_INPUTS.index(name) for name in names]]
    labels = np.array([row.targets[Task.EQUIVALENCE] for row in rows])
    plain = np.isin(labels, (0.0, 1.0))
    natural = plain & [row.natural for row in rows]
    if len(set(labels[natural])) < 2:
        natural = plain
    out_of_fold = np.empty(len(rows))

    weights = _weights(rows)

    def fit(chosen: Any) -> Combiner:
        return fit_combiner(
            names, inputs[chosen], labels[chosen], hidden=hidden, penalty=penalty, seed=seed,
            weights=weights[chosen] / weights[chosen].mean(),
        )  # fmt: skip

    groups = [row.group for row in rows]
    folds = min(FOLDS, len(set(groups)))
    if folds < 2:
        raise DataError("expected held-out answers of two groups or more, found one; hold out a larger share")
    for train, test in GroupKFold(folds).split(inputs, labels, groups):
        out_of_fold[test] = fit(train).probability(inputs[test])
    pairs = pd.DataFrame(
        {"answer": [_answer(row) for row in rows], "probability": out_of_fold, "label": labels}
    ).loc[natural]
    # Any reference may match: an answer passes with the best of its rows.
    answers = pairs.groupby("answer").max()
    if answers["label"].nunique() < 2:  # every text is right beside some reference: each row for itself
        answers = pairs
    probabilities, right = answers["probability"].to_numpy(), answers["label"].to_numpy()
    points = {
        rate: operating_point(probabilities, right, max_fpr=rate) for rate in sorted({*MAX_FPRS, max_fpr})
    }
    chosen = points[max_fpr]
    return fit(slice(None)).over(EQUIVALENCE_INPUTS), chosen.threshold, tuple(points.values()), {
        "auroc": float(roc_auc_score(right, probabilities)),
        "true_positive_rate": chosen.true_positive_rate,
        "false_positive_rate": chosen.false_positive_rate,
        "answers": float(len(right)),
    }  # fmt: skip
