"""Which metrics of a run make which chart: from a row an update to charts with a legend."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from judge.page.figures import Chart, Entry, percent
from judge.records import Verdict
from rl import charts

MetricRows = Sequence[Mapping[str, float | None]]
"""One row an update; a metric that is missing, null or NaN is a gap."""


class Lines(NamedTuple):
    """Metrics that share a chart."""

    title: str
    metrics: tuple[str, ...]
    are_shares: bool = False


OUTCOME = (
    Lines("Reward of an answer", ("objective/scores", "objective/rlhf_reward")),
    Lines("KL to the reference, nats an answer", ("objective/kl",)),
    Lines("Judge and oracle agree", ("judge/oracle_agreement",), are_shares=True),
)
HELD_OUT = (
    Lines(
        "Held-out: right by judge and second scorer",
        ("eval/correct_rate", "eval/second_correct_rate"),
        are_shares=True,
    ),
)
"""Measured in some updates alone."""
DIAGNOSTICS = (
    Lines("Break-even confidence t*", ("reward/break_even",), are_shares=True),
    Lines("Entropy, nats an answer", ("objective/entropy",)),
    Lines("Entropy, nats a token", ("policy/entropy_avg",)),
    Lines("Policy loss", ("loss/policy_avg",)),
    Lines("Value loss", ("loss/value_avg",)),
    Lines("Variance explained by the value head", ("val/explained_variance",)),
    Lines("KL of one update, nats a token", ("policy/approxkl_avg",)),
    Lines("Share of clipped tokens", ("policy/clipfrac_avg",)),
    Lines(
        "Log-prob of a token here and on the server, difference in nats",
        ("sampling/sampling_logp_difference/mean",),
    ),
    Lines("Norm of the gradient", ("optimizer/grad_norm",)),
    Lines("Seconds an update", ("time/rollout_s", "time/judge_s", "time/evaluate_s", "time/update_s")),
)


def verdict_chart(title: str, points: Iterable[tuple[int, Mapping[Verdict, float]]]) -> list[Chart]:
    """The verdicts' shares, stacked; no chart where there is nothing finite to draw.

    Args:
        title: what was asked, and when.
        points: the number of an update, and the share of each verdict in [0, 1].
    """
    finite = [(update, shares) for update, shares in points if all(map(math.isfinite, shares.values()))]
    if not finite:
        return []
    columns = {verdict: [shares[verdict] for _, shares in finite] for verdict in Verdict}
    svg = charts.stacked_shares([update for update, _ in finite], columns)
    legend = [
        Entry(verdict.value, verdict.value, _ends(percent(column[0]), percent(column[-1])))
        for verdict, column in columns.items()
    ]
    return [Chart(title, legend, svg, f"{title} over the updates")]


def training_verdicts(rows: MetricRows) -> list[Chart]:
    """What the judge said of the answers sampled in each update."""
    return verdict_chart("Verdicts while training", _verdict_shares(rows, "judge"))


def held_out_charts(rows: MetricRows) -> list[Chart]:
    """What the judge, and a second scorer, said of greedy answers to held-out questions."""
    measured = [row for row in rows if math.isfinite(_value(row, "eval/correct_rate"))]
    verdicts = verdict_chart("Held-out questions", _verdict_shares(measured, "eval"))
    return [*verdicts, *line_charts(measured, HELD_OUT)]


def _verdict_shares(rows: MetricRows, group: str) -> list[tuple[int, dict[Verdict, float]]]:
    shares = ({verdict: _value(row, f"{group}/{verdict}_rate") for verdict in Verdict} for row in rows)
    return list(zip(_updates(rows), shares, strict=True))


def line_charts(rows: MetricRows, wanted: Sequence[Lines]) -> list[Chart]:
    """The charts of `wanted` for which there is something finite to draw."""
    return [chart for lines in wanted if (chart := _line_chart(rows, lines))]


def _line_chart(rows: MetricRows, wanted: Lines) -> Chart | None:
    columns = {metric: [_value(row, metric) for row in rows] for metric in wanted.metrics}
    columns = {metric: column for metric, column in columns.items() if any(map(math.isfinite, column))}
    if not columns:
        return None
    svg = charts.lines(_updates(rows), columns, are_shares=wanted.are_shares)
    show = percent if wanted.are_shares else "{:.3g}".format
    legend = []
    for number, (metric, column) in enumerate(columns.items()):
        finite = [value for value in column if math.isfinite(value)]
        legend.append(Entry.of_series(number, metric, _ends(show(finite[0]), show(finite[-1]))))
    return Chart(wanted.title, legend, svg, f"{wanted.title} over the updates")


def _ends(first: str, last: str) -> str:
    return f"{first} → {last}"


def _updates(rows: MetricRows) -> list[int]:
    return [int(row.get("update", number) or 0) for number, row in enumerate(rows)]


def _value(row: Mapping[str, float | None], metric: str) -> float:
    value = row.get(metric)
    return math.nan if value is None else value
