"""Results as plain text for a terminal."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from judge.agreement import Estimate
from judge.batch import Job, Summary, rejected_path
from judge.records import Verdict

if TYPE_CHECKING:
    from judge.judges import Outcome

_PERCENT = ("accuracy", "balanced_accuracy", "false_positive_rate", "f1")
_SHORT = {"balanced_accuracy": "balanced", "false_positive_rate": "false pos."}


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, flush_left: int = 1) -> str:
    """Columns under a header: the first `flush_left` of them flush left, the others right.

    >>> print(table(["verdict", "records"], [["correct", "12"], ["wrong", "3"]]))
    verdict  records
    correct       12
    wrong          3
    """
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    sides = [str.ljust] * flush_left + [str.rjust] * (len(header) - flush_left)
    return "\n".join(
        "  ".join(side(cell, width) for side, cell, width in zip(sides, line, widths, strict=True)).rstrip()
        for line in lines
    )


def describe_scores(job: Job, summary: Summary) -> str:
    """What came of scoring a file."""
    scored = summary.scored
    counts = [(verdict.value, summary.verdicts[verdict]) for verdict in Verdict]
    rows = [
        [name, f"{count:,}", f"{100 * count / scored:.1f} %" if scored else "-"] for name, count in counts
    ]
    rows += [["unscored", f"{summary.unscored:,}", ""], ["rejected", f"{job.rejected:,}", ""]]
    lines = [table(["verdict", "records", "of scored"], rows)]
    if scored:
        lines.append(
            ", ".join(
                f"mean {name} {total / summary.counts[name]:.4f}" for name, total in summary.sums.items()
            )
        )
    lines.append(f"{summary.rows:,} rows in {job.output}{_pace(summary)}")
    if job.rejected:
        lines.append(f"{job.rejected:,} rows set aside in {rejected_path(job.output)}")
    return "\n".join(lines)


def _pace(summary: Summary) -> str:
    judged = summary.rows - summary.resumed
    pace = f", judged in {summary.judging_s:.1f} s"
    if judged and summary.judging_s > 0:
        pace += f" ({judged / summary.judging_s:,.0f} records/s)"
    return pace + (f", {summary.resumed:,} of them by an earlier run" if summary.resumed else "")


def describe_agreement(
    systems: Mapping[str, Mapping[str, Estimate]], outcomes: Mapping[str, "Outcome"]
) -> str:
    """One line a judge, one column a metric, each with its interval; rates in percent. Last: what it left
    unscored, and its speed.
    """
    metrics = list(dict.fromkeys(metric for estimates in systems.values() for metric in estimates))
    header = ["", *map(short_name, metrics), "unscored", "pairs/s"]
    rows = [
        [
            name,
            *(estimate_text(metric, estimates.get(metric)) for metric in metrics),
            f"{outcomes[name].scores.count(None):,}",
            f"{outcomes[name].pairs_per_s:,.0f}",
        ]
        for name, estimates in systems.items()
    ]
    return table(header, rows)


def short_name(metric: str) -> str:
    """What heads the column of a metric."""
    return _SHORT.get(metric, metric)


def estimate_text(metric: str, estimate: Estimate | None) -> str:
    """An estimate with its interval, a rate in percent; a dash where there is none."""
    if estimate is None or math.isnan(estimate.value):
        return "-"
    scale, digits = (100, 1) if metric in _PERCENT else (1, 3)
    value, low, high = (f"{scale * x:.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    return value if math.isnan(estimate.low) else f"{value} [{low}, {high}]"
