"""Curves over the updates of a run, as SVG to put inside a page. Needs matplotlib.

Drawn through the object API, without a display. The same input gives the same text, which holds no address,
no date and no colour of its own: each is a CSS variable, so that the page decides it for light and for dark.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from judge.errors import ConfigError
from judge.records import Verdict

try:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter
except ImportError as error:
    raise ConfigError(
        "a report needs matplotlib, which is missing; pip install 'candor-rl[report]'"
    ) from error

SERIES_STYLES = ("-", "--", ":", "-.")
"""A second cue beside the colour: the style of the first, second, ... line of a chart."""

_SIZE_IN = (4.8, 2.7)  # about as wide as a phone, where its text is then as large as the page's
_POINTS_PER_INCH = 72
_MAX_MARKED = 25  # with more points than this, markers hide the line
_INK = "#000001"
_VERDICT_COLORS = {verdict: f"#00001{number}" for number, verdict in enumerate(Verdict)}
_SERIES_COLORS = [f"#00002{number}" for number in range(len(SERIES_STYLES))]
_CSS_COLORS = (
    {_INK: "currentColor"}
    | {color: f"var(--{verdict})" for verdict, color in _VERDICT_COLORS.items()}
    | {color: f"var(--series-{number})" for number, color in enumerate(_SERIES_COLORS)}
)
"""What each placeholder that matplotlib draws with stands for."""
_INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
_SETTINGS = dict.fromkeys(_INKED, _INK) | {
    "svg.fonttype": "none",  # text stays text: it takes the page's font and can be searched
    "svg.hashsalt": "candor-rl",
    "font.family": "DejaVu Sans",  # the one that comes with matplotlib: its widths are those of every machine
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": False,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
}


def stacked_shares(updates: Sequence[int], shares: Mapping[Verdict, Sequence[float]]) -> str:
    """Shares of the verdicts, one on top of the other.

    Args:
        updates: [U], rising, at least one.
        shares: by verdict [U], finite and in [0, 1].
    """
    if len(updates) == 1:  # an area needs two ends
        updates = [updates[0], updates[0] + 1]
        shares = {verdict: [*values, *values] for verdict, values in shares.items()}
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _figure(share_axis=True)
        colors = [_VERDICT_COLORS[verdict] for verdict in shares]
        axes.stackplot(updates, *shares.values(), colors=colors, linewidth=0)
        axes.set_xlim(updates[0], updates[-1])
        return _svg(figure)


def lines(updates: Sequence[int], series: Mapping[str, Sequence[float]], *, are_shares: bool = False) -> str:
    """Up to four values over the updates, in the order of `SERIES_STYLES`.

    Args:
        updates: [U], rising, at least one.
        series: by name [U]; NaN leaves a gap.
        are_shares: whether the values are in [0, 1], to be shown as percentages on the whole of that range.
    """
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _figure(share_axis=are_shares)
        marker = "o" if len(updates) <= _MAX_MARKED else ""
        for values, color, style in zip(series.values(), _SERIES_COLORS, SERIES_STYLES, strict=False):
            axes.plot(updates, values, style, color=color, marker=marker, markersize=3, linewidth=1.5)
        return _svg(figure)


def _figure(*, share_axis: bool) -> tuple[Figure, Any]:
    figure = Figure(figsize=_SIZE_IN, layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    axes.set_xlabel("update")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if share_axis:
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    return figure, axes


def _svg(figure: Figure) -> str:
    """The bare `<svg>` element: sized by the page, without what only a file of its own needs."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=nothing)
    body = file.getvalue().partition("<svg")[2].partition(">")[2]
    width, height = figure.get_size_inches() * _POINTS_PER_INCH
    svg = f'<svg viewBox="0 0 {width:g} {height:g}">{body.strip()}'
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # names that every chart of the page would repeat
    return re.sub("|".join(_CSS_COLORS), lambda match: _CSS_COLORS[match[0]], svg)
