"""What a run did, as one HTML file that needs nothing else: no network, no server, no other file.

It shows what it is given and measures nothing: the caller brings shares, metrics, answers and settings. Text
from models and files is untrusted, and escaped. The same input gives the same bytes. Needs matplotlib.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from judge.page.document import write_page
from judge.page.figures import Table
from judge.records import Record, Score, Verdict
from rl.curves import (
    DIAGNOSTICS,
    OUTCOME,
    MetricRows,
    held_out_charts,
    line_charts,
    training_verdicts,
)


class Sample(NamedTuple):
    """An answer of a policy.

    Attributes:
        stage: which policy gave it, in the words of the table: "SFT", "PPO".
        record: the question, its references and the answer.
        score: what the judge says; None where it could not judge.
        reward: what the answer earned; None where it earned none.
        known: whether the policy could know the answer; None where nobody can tell.
    """

    stage: str
    record: Record
    score: Score | None
    reward: float | None = None
    known: bool | None = None


def write_report(
    path: str | Path,
    *,
    title: str,
    summary: Sequence[str],
    table: Table,
    curves: MetricRows,
    samples: Sequence[Sample] = (),
    judged: Sequence[tuple[Record, Score | None]] = (),
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> None:
    """Write the report; an older one is replaced once the new one is whole.

    Args:
        path: where to; a missing directory is made.
        title: of the page.
        summary: sentences that say what happened, the most important first.
        table: before and after.
        curves: the metrics of each update, in order, as `rl.ppo.train` returns them or `metrics.jsonl` holds
            them (an `update` among them is its number); a metric that is missing, null or NaN is a gap.
        samples: answers of the policies, all shown.
        judged: answers from elsewhere, scored to show what the judge makes of them.
        settings: values by name by section: configs, versions, machine.

    Raises:
        DataError: the file cannot be written.
    """
    write_page(
        Path(path),
        "run.html.jinja",
        package="rl",
        title=title,
        summary=summary,
        table=table,
        charts=[
            *training_verdicts(curves),
            *held_out_charts(curves),
            *line_charts(curves, OUTCOME),
        ],
        diagnostics=line_charts(curves, DIAGNOSTICS),
        samples=samples,
        stages=list(dict.fromkeys(sample.stage for sample in samples)),
        verdicts=_verdicts(samples),
        tells_known=any(sample.known is not None for sample in samples),
        tells_rewards=any(sample.reward is not None for sample in samples),
        judged=judged,
        settings=settings or {},
    )


def _verdicts(samples: Sequence[Sample]) -> list[str]:
    """Those that a reader may want to filter by."""
    unscored = ["unscored"] if any(sample.score is None for sample in samples) else []
    return [*(verdict.value for verdict in Verdict), *unscored]
