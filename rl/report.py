"""What a run did, as one HTML file that needs nothing else: no network, no server, no other file.

It shows what it is given and decides nothing: the caller brings rates, metrics, answers and settings. Text from
models and files is untrusted, and escaped. The same input gives the same bytes. Needs matplotlib.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from judge.errors import DataError
from judge.records import Record, Score, Verdict
from rl import charts

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
    """Shares on held-out questions after some number of updates, by group of questions: "known", "unknown"."""

    updates: int
    shares: Mapping[str, Shares]


def write_report(
    path: str | Path,
    *,
    title: str,
    summary: Sequence[str],
    table: Table,
    curves: Sequence[Mapping[str, float | None]],
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
