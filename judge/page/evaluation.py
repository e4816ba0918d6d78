"""How judges agree with people, as a page shows it: from a file of `candor eval-judge`, or from labels."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from judge.agreement import Estimate, agreement, answers_of
from judge.errors import DataError
from judge.page.figures import Chart, Table
from judge.page.plots import reliability, roc
from judge.page.svg import SERIES_STYLES
from judge.points import Point, reliability_bins, roc_points
from judge.records import Score
from judge.report import estimate_text, short_name


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured.

    Attributes:
        systems: estimates by judge, then by metric.
        roc: points by judge; empty where there is no curve.
        reliability: bins by judge; empty where its numbers are no probabilities.
        about: everything else that the file says, by section: settings, counts, versions.
    """

    systems: Mapping[str, Mapping[str, Estimate]]
    roc: Mapping[str, Sequence[Point]]
    reliability: Mapping[str, Sequence[Point]]
    about: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Self:
        """From the JSON that `candor eval-judge` writes.

        Raises:
            DataError: it is something else.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            systems = {
                name: {metric: _estimate(values) for metric, values in metrics.items()}
                for name, metrics in content.pop("systems").items()
            }
            judges = content.pop("judges")
            return cls(
                systems,
                {name: judge["roc"] for name, judge in judges.items()},
                {name: judge["reliability"] for name, judge in judges.items()},
                {name: section for name, section in content.items() if isinstance(section, dict)},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"cannot read {path} as what candor eval-judge writes: {type(error).__name__} {error}"
            ) from error

    @classmethod
    def of(cls, labelled: Sequence[tuple[float, Score, str]], *, resamples: int, seed: int) -> Self:
        """Of one judge.

        Args:
            labelled: label, score and group of each row.
            resamples, seed: of the bootstrap.
        """
        y = np.array([label for label, _, _ in labelled])
        answers = answers_of([score for _, score, _ in labelled], calibrated=True)
        groups = [group for _, _, group in labelled]
        estimates = agreement(y, answers, groups, resamples=resamples, seed=seed)
        binary = set(y) <= {0.0, 1.0}
        return cls(
            {"judge": estimates},
            {"judge": roc_points(y, answers.p) if binary else []},
            {"judge": reliability_bins(y, answers.p) if binary else []},
            {},
        )

    def table(self) -> Table:
        """A row a judge, a column a metric, each estimate with its interval."""
        metrics = list(dict.fromkeys(metric for estimates in self.systems.values() for metric in estimates))
        return Table(
            ("", *map(short_name, metrics)),
            [
                (name, *(_unbroken(estimate_text(metric, estimates.get(metric))) for metric in metrics))
                for name, estimates in self.systems.items()
            ],
        )

    def charts(self) -> list[Chart]:
        """ROC and reliability, each where there is one; as many judges as can be told apart."""
        charts = []
        if curves := _with_points(self.roc):
            chart = roc(_told_apart(curves), self._to_read("auroc"), self._decisions())
            charts.append(chart._replace(title=chart.title + _left_out(curves)))
        if bins := _with_points(self.reliability):
            chart = reliability(_told_apart(bins), self._to_read("ece"))
            charts.append(chart._replace(title=chart.title + _left_out(bins)))
        return charts

    def _to_read(self, metric: str) -> dict[str, str]:
        return {
            name: f"{estimates[metric].value:.3f}"
            for name, estimates in self.systems.items()
            if metric in estimates
        }

    def _decisions(self) -> dict[str, tuple[float, float]]:
        """False-positive and true-positive rate: balanced accuracy is the mean of TPR and 1 - FPR."""
        rates = {}
        for name, estimates in self.systems.items():
            if {"false_positive_rate", "balanced_accuracy"} <= set(estimates):
                false_positive = estimates["false_positive_rate"].value
                rates[name] = (
                    false_positive,
                    2 * estimates["balanced_accuracy"].value - 1 + false_positive,
                )
        return rates


def _unbroken(estimate: str) -> str:
    """Without a line break within the interval."""
    return estimate.replace(", ", ",\N{NO-BREAK SPACE}")


def _with_points(judges: Mapping[str, Sequence[Point]]) -> dict[str, Sequence[Point]]:
    return {name: points for name, points in judges.items() if points}


def _told_apart(judges: Mapping[str, Sequence[Point]]) -> dict[str, Sequence[Point]]:
    return dict(list(judges.items())[: len(SERIES_STYLES)])


def _left_out(judges: Mapping[str, Sequence[Point]]) -> str:
    return f" of the first {len(SERIES_STYLES)}" if len(judges) > len(SERIES_STYLES) else ""


def _estimate(values: Mapping[str, float | None]) -> Estimate:
    """JSON has no NaN: what is undefined is null there."""
    value, low, high = (values[key] for key in ("value", "low", "high"))
    return Estimate(*(math.nan if number is None else number for number in (value, low, high)))
