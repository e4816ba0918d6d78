import importlib
import re
import sys

import pytest
from matplotlib import pyplot

from judge.errors import ConfigError
from judge.page import svg
from judge.page.svg import SERIES_COLORS, VERDICT_COLORS, draw, share_axis
from judge.records import Verdict


def plot(axes) -> None:
    share_axis(axes.yaxis)
    axes.plot([0, 1], [0.0, 1.0], color=SERIES_COLORS[0], marker="o")
    axes.bar([0, 1], [0.5, 0.5], color=VERDICT_COLORS[Verdict.WRONG])


def test_a_drawing_has_no_date_and_no_colour_of_its_own():
    drawing = draw(plot)
    assert "var(--series-0)" in drawing
    assert "var(--wrong)" in drawing
    assert not re.search(r"#[0-9a-f]{6}\b", re.sub(r'"(url\()?#\w+', "", drawing))
    assert not re.search(r"\b20\d\d-|matplotlib", drawing)


def test_an_axis_of_shares_is_in_percent_from_0_to_100():
    drawing = draw(plot)
    assert ">0 %<" in drawing
    assert ">100 %<" in drawing


def test_the_same_drawing_gives_the_same_bytes():
    assert draw(plot) == draw(plot)


def test_drawing_leaves_no_trace_in_matplotlib():
    before = dict(svg.matplotlib.rcParams)
    draw(plot)
    assert dict(svg.matplotlib.rcParams) == before
    assert not pyplot.get_fignums()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install 'candor-rl\[report\]'"):
        importlib.reload(svg)
