"""The page of a run of `candor train-rl`, made from the files that it has left. Needs matplotlib."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import yaml

from judge.page.figures import Shares, Table
from judge.records import Record, Score, Verdict
from rl.extremes import extremes
from rl.report import Sample, write_report
from rl.tracking import COMPLETIONS_FILE, METRICS_FILE, Row

BEST = "best of the run"
FIRST, LAST = "first update", "last update"
SHOWN = 20
"""Completions of the highest reward in the whole run."""
SHOWN_OF_AN_UPDATE = 6
"""Completions of either end."""

_Line = Mapping[str, float | None]


def write_run_report(directory: Path, path: Path, *, description: str, settings: Mapping[str, Path]) -> None:
    """Write the page of the run in a directory; an older one is replaced once the new one is whole.

    Args:
        directory: of the run, with its metrics and completions.
        path: of the page.
        description: what came of the run, in lines.
        settings: YAML or JSON files of the run's settings, by the title of their section.

    Raises:
        DataError: it cannot be written.
    """
    metrics = list(_lines(directory / METRICS_FILE))
    write_report(
        path,
        title=f"Candor: {directory.resolve().name}",
        summary=description.splitlines(),
        table=before_and_after(metrics),
        curves=metrics,
        samples=samples_of(_lines(directory / COMPLETIONS_FILE)),
        settings={name: yaml.safe_load(file.read_text(encoding="utf-8")) for name, file in settings.items()},
    )


def before_and_after(metrics: Sequence[_Line]) -> Table:
    """What was said in the first and in the last update, and to held-out questions before and after them."""
    rows: list[tuple[str | Shares, ...]] = []
    for group, names in {"judge": (FIRST, LAST), "eval": ("held out, before", "held out, after")}.items():
        judged = [line for line in metrics if line.get(f"{group}/correct_rate") is not None]
        for name, line in zip(names, (judged[0], judged[-1]) if judged else (), strict=False):
            shares = Shares(*(cast(float, line[f"{group}/{verdict}_rate"]) for verdict in Verdict))
            own = ("objective/scores", "objective/kl") if group == "judge" else ("", "")
            rows.append((name, shares, *(_figure(line.get(metric)) for metric in own)))
    return Table(("", "answers", "reward", "KL, nats an answer"), rows)


def samples_of(completions: Iterable[Row]) -> list[Sample]:
    """The highest rewards of the run, of equal ones the latest; both ends of its first and last update."""
    best: list[Row] = []
    first: list[Row] = []
    last: list[Row] = []
    for _, rows in groupby(completions, key=lambda row: row["update"]):
        last = list(rows)
        first = first or last
        best = extremes([*last, *best], SHOWN)[:SHOWN]
    ends = {name: extremes(rows, SHOWN_OF_AN_UPDATE) for name, rows in ((FIRST, first), (LAST, last))}
    return [_sample(stage, row) for stage, rows in ({BEST: best} | ends).items() for row in rows]


def _sample(stage: str, row: Mapping[str, Any]) -> Sample:
    references = row["reference"] if isinstance(row["reference"], list) else [row["reference"]]
    record = Record(row["prompt"], tuple(references), row["completion"], row["id"])
    score = Score(row["equivalence"], row["abstention"], Verdict(row["verdict"]))
    return Sample(stage, record, score, row["reward"])


def _figure(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.2f}"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
