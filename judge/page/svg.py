"""Drawings as SVG to put inside a page. Needs matplotlib.

Drawn through the object API, without a display. The same input gives the same text, which holds no address,
no date and no colour of its own: each is a CSS variable, so that the page decides it for light and for dark.
"""

import io
import re
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from judge.errors import ConfigError
from judge.records import Verdict

try:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter
except ImportError as error:
    raise ConfigError(
        "a report needs matplotlib, which is missing; pip install 'candor-rl[report]'"
    ) from error

SERIES_STYLES = ("-", "--", ":", "-.") * 2
"""A second cue beside the colour: the style of the first, second, ... line of a chart."""
INK = "#000001"
VERDICT_COLORS = {verdict: f"#00001{number}" for number, verdict in enumerate(Verdict)}
SERIES_COLORS = [f"#00002{number}" for number in range(len(SERIES_STYLES))]

_SIZE_IN = (4.8, 2.7)  # about as wide as a phone, where its text is then as large as the page's
_POINTS_PER_INCH = 72
_CSS_COLORS = (
    {INK: "currentColor"}
    | {color: f"var(--{verdict})" for verdict, color in VERDICT_COLORS.items()}
    | {color: f"var(--series-{number})" for number, color in enumerate(SERIES_COLORS)}
)
"""What each placeholder that matplotlib draws with stands for."""
_INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
_SETTINGS = dict.fromkeys(_INKED, INK) | {
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


def draw(plot: Callable[[Any], None]) -> Markup:
    """The `<svg>` of a figure with one pair of axes, on which `plot` draws."""
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=_SIZE_IN, layout="constrained", facecolor="none")
        axes = figure.subplots()
        axes.set_facecolor("none")
        plot(axes)
        return Markup(_svg(figure))


def share_axis(axis: Any) -> None:
    """An axis of shares, in percent from 0 to 100."""
    axis.axes.set(**{f"{axis.axis_name}lim": (0, 1)})
    axis.set_major_formatter(PercentFormatter(1, symbol=" %"))


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
