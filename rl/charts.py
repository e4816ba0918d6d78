"""Curves over the updates of a run, as SVG. Needs matplotlib."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from judge.page.svg import SERIES_COLORS, SERIES_STYLES, VERDICT_COLORS, draw, share_axis
from judge.records import Verdict

_MAX_MARKED = 25  # with more points than this, markers hide the line


def stacked_shares(updates: Sequence[int], shares: Mapping[Verdict, Sequence[float]]) -> Markup:
    """Shares of the verdicts, one on top of the other.

    Args:
        updates: [U], rising, at least one.
        shares: by verdict [U], finite and in [0, 1].
    """
    if len(updates) == 1:  # an area needs two ends
        updates = [updates[0], updates[0] + 1]
        shares = {verdict: [*values, *values] for verdict, values in shares.items()}

    def plot(axes: Any) -> None:
        _updates_axis(axes)
        share_axis(axes.yaxis)
        colors = [VERDICT_COLORS[verdict] for verdict in shares]
        axes.stackplot(updates, *shares.values(), colors=colors, linewidth=0)
        axes.set_xlim(updates[0], updates[-1])

    return draw(plot)


def lines(
    updates: Sequence[int], series: Mapping[str, Sequence[float]], *, are_shares: bool = False
) -> Markup:
    """Values over the updates, in the order of `SERIES_STYLES`.

    Args:
        updates: [U], rising, at least one.
        series: by name [U]; NaN leaves a gap.
        are_shares: whether the values are in [0, 1], to be shown as percentages on the whole of that range.
    """

    def plot(axes: Any) -> None:
        _updates_axis(axes)
        if are_shares:
            share_axis(axes.yaxis)
        marker = "o" if len(updates) <= _MAX_MARKED else ""
        for values, color, style in zip(series.values(), SERIES_COLORS, SERIES_STYLES, strict=False):
            axes.plot(updates, values, style, color=color, marker=marker, markersize=3, linewidth=1.5)

    return draw(plot)


def _updates_axis(axes: Any) -> None:
    axes.set_xlabel("update")
    axes.xaxis.get_major_locator().set_params(nbins=6, integer=True)
