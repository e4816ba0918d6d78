"""What a run did, as one HTML file that needs nothing else: no network, no server, no other file.

It shows what it is given and measures nothing: the caller brings shares, metrics, answers and settings. Text
from models and files is untrusted, and escaped. The same input gives the same bytes. Needs matplotlib.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from judge.errors import DataError
from judge.records import Record, Score, Verdict
from rl.curves import (
    DIAGNOSTICS,
    OUTCOME,
    Chart,
    MetricRows,
    line_charts,
    percent,
    training_verdicts,
    verdict_chart,
)

_SHARES_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the three verdicts among the scored answers, each in [0, 1]; they sum to 1."""

    correct: float
    abstain: float
    wrong: float

    def __post_init__(self) -> None:
        shares = list(self.by_verdict().values())
        if not all(0 <= share <= 1 for share in shares) or abs(sum(shares) - 1) > _SHARES_TOLERANCE:
            raise ValueError(f"expected three shares in [0, 1] that sum to 1, got {shares}")

    def by_verdict(self) -> dict[Verdict, float]:
        """Each verdict with its share, in the order of `Verdict`."""
        return {Verdict.CORRECT: self.correct, Verdict.ABSTAIN: self.abstain, Verdict.WRONG: self.wrong}


@dataclass(frozen=True, slots=True)
class Table:
    """The table that comes first. A cell is text as it is to be read, or shares, which are drawn as a bar."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | Shares]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"expected {len(self.columns)} cells in a row, as many as columns, got {row}"
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


class Evaluation(NamedTuple):
    """Shares on held-out questions after some updates, by group of questions: "known", "unknown"."""

    updates: int
    shares: Mapping[str, Shares]


def write_report(
    path: str | Path,
    *,
    title: str,
    summary: Sequence[str],
    table: Table,
    curves: MetricRows,
    evaluations: Sequence[Evaluation] = (),
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
        evaluations: measurements between the updates, in order.
        samples: answers of the policies, all shown.
        judged: answers from elsewhere, scored to show what the judge makes of them.
        settings: values by name by section: configs, versions, machine.

    Raises:
        DataError: the file cannot be written.
    """
    page = _templates().get_template("report.html.jinja")
    text = page.render(
        title=title,
        summary=summary,
        table=table,
        charts=[*training_verdicts(curves), *_held_out(evaluations), *line_charts(curves, OUTCOME)],
        diagnostics=line_charts(curves, DIAGNOSTICS),
        samples=samples,
        stages=list(dict.fromkeys(sample.stage for sample in samples)),
        verdicts=_verdicts(samples),
        tells_known=any(sample.known is not None for sample in samples),
        judged=judged,
        settings=settings or {},
    )
    _write(Path(path), text)


def _held_out(evaluations: Sequence[Evaluation]) -> list[Chart]:
    """One chart a group of questions."""
    groups = dict.fromkeys(group for evaluation in evaluations for group in evaluation.shares)
    return [
        chart
        for group in groups
        for chart in verdict_chart(
            f"Held-out questions: {group}",
            [
                (evaluation.updates, evaluation.shares[group].by_verdict())
                for evaluation in evaluations
                if group in evaluation.shares
            ],
        )
    ]


def _verdicts(samples: Sequence[Sample]) -> list[str]:
    """Those that a reader may want to filter by."""
    unscored = ["unscored"] if any(sample.score is None for sample in samples) else []
    return [*(verdict.value for verdict in Verdict), *unscored]


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("rl"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "two_digits": "{:.2f}".format,
        "signed": lambda reward: "" if reward is None else f"{reward:+.2f}",
        "known": {True: "known", False: "unknown", None: ""}.__getitem__,
    }
    return environment


def _write(path: Path, text: str) -> None:
    """Aside first, then renamed, so that there is never half a page."""
    aside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half of a surrogate pair, which a byte-level tokenizer can leave behind, has no UTF-8.
        aside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        os.replace(aside, path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
