"""Charts of scores and of how they agree with people. Needs matplotlib."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from judge.page.figures import Chart, Entry
from judge.page.svg import INK, SERIES_COLORS, SERIES_STYLES, VERDICT_COLORS, draw, share_axis
from judge.points import Point
from judge.records import Verdict

BINS = 20
_LARGEST_MARKER = 160.0  # points squared, for a bin that holds every row
_CHANCE = {"color": INK, "linewidth": 0.6, "linestyle": (0, (4, 4)), "alpha": 0.6}


def distribution(name: str, values: Mapping[Verdict, Sequence[float]]) -> Chart:
    """How often each value came, one verdict on top of the other.

    Args:
        name: of the figure.
        values: by verdict, at least one in all; within [0, 1] the axis is the whole of it.
    """
    everything = np.concatenate([np.asarray(column, float) for column in values.values()])
    low, high = min(0.0, everything.min()), max(1.0, everything.max())

    def plot(axes: Any) -> None:
        colors = [VERDICT_COLORS[verdict] for verdict in values]
        axes.hist(list(values.values()), BINS, range=(low, high), stacked=True, color=colors, rwidth=0.9)
        axes.set(xlim=(low, high), xlabel=name, ylabel="rows")
        axes.xaxis.get_major_locator().set_params(nbins=5)  # more, and "−1.00" runs into "−0.75"
        axes.yaxis.get_major_locator().set_params(nbins=5, integer=True)

    means = {verdict: f"mean {np.mean(column):.2f}" for verdict, column in values.items() if column}
    legend = [Entry(verdict.value, verdict.value, mean) for verdict, mean in means.items()]
    described = ", ".join(f"{verdict} {mean}" for verdict, mean in means.items())
    return Chart(name.capitalize(), legend, draw(plot), f"Distribution of {name} by verdict: {described}")


def reliability(judges: Mapping[str, Sequence[Point]], errors: Mapping[str, str]) -> Chart:
    """What share of the rows was right, against what the judge had promised. A marker's area is its rows.

    Args:
        judges: bins by judge, as `judge.points` makes them.
        errors: calibration error by judge, to read.
    """

    def plot(axes: Any) -> None:
        share_axis(axes.xaxis)
        share_axis(axes.yaxis)
        axes.plot([0, 1], [0, 1], **_CHANCE)
        for bins, color, style in zip(judges.values(), SERIES_COLORS, SERIES_STYLES, strict=False):
            promised, right = _column(bins, "mean_probability"), _column(bins, "rate_right")
            rows = _column(bins, "count")
            axes.plot(promised, right, style, color=color, linewidth=1.5)
            sizes = _LARGEST_MARKER * rows / rows.sum() + 6.0
            axes.scatter(promised, right, sizes, color=color, clip_on=False, zorder=3)
        axes.set(xlabel="probability given", ylabel="labelled right")

    legend = [
        Entry.of_series(number, name, f"ECE {errors[name]}" if name in errors else "")
        for number, name in enumerate(judges)
    ]
    described = "; ".join(
        f"{name}: "
        + ", ".join(
            f"{right:.0%} right where {promised:.0%} was given"
            for promised, right in zip(
                _column(bins, "mean_probability"), _column(bins, "rate_right"), strict=True
            )
        )
        for name, bins in judges.items()
    )
    return Chart("Reliability", legend, draw(plot), f"Reliability. {described}")


def roc(
    judges: Mapping[str, Sequence[Point]],
    areas: Mapping[str, str],
    decisions: Mapping[str, tuple[float, float]],
) -> Chart:
    """The ROC curve of each judge, with a marker where its own threshold puts it.

    Args:
        judges: points by judge, as `judge.points` makes them.
        areas: AUROC by judge, to read.
        decisions: false-positive and true-positive rate of the verdicts, by judge.
    """

    def plot(axes: Any) -> None:
        share_axis(axes.xaxis)
        share_axis(axes.yaxis)
        axes.plot([0, 1], [0, 1], **_CHANCE)
        for (name, points), color, style in zip(judges.items(), SERIES_COLORS, SERIES_STYLES, strict=False):
            x, y = _column(points, "false_positive_rate"), _column(points, "true_positive_rate")
            axes.plot(x, y, style, color=color, linewidth=1.5)
            if name in decisions:
                axes.plot(*decisions[name], "o", color=color, markersize=6, clip_on=False, zorder=3)
        axes.set(xlabel="false-positive rate", ylabel="true-positive rate")

    legend = [
        Entry.of_series(number, name, f"AUROC {areas[name]}" if name in areas else "")
        for number, name in enumerate(judges)
    ]
    described = ", ".join(f"{name} {area}" for name, area in areas.items())
    return Chart("ROC", legend, draw(plot), f"ROC curves; area under the curve: {described}")


def _column(points: Sequence[Point], name: str) -> np.ndarray:
    return np.array([point[name] for point in points], float)
