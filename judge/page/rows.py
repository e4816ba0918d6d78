"""The rows of a scored file, as a page shows them. Every column but `verdict` may be missing."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from judge.data import SURVEYED_ROWS, columns_of, missing_column
from judge.errors import DataError
from judge.labels import WELL_KNOWN, read_label
from judge.records import Score, Verdict
from judge.tables import BadRow, Row, read_rows

FIGURES = ("equivalence", "abstention", "recall", "precision", "reward")
"""Columns of numbers that are drawn, in the order in which they are read."""
VERDICT = "verdict"
_NOTHING: tuple[object, ...] = (None, "", [], {})
LABELLED_RIGHT = 0.5
"""The label from which people are taken to call an answer right; it matters to graded labels alone."""


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row of a scored file.

    Attributes:
        number: of the row, from 1.
        id: its name; its number where the file names no row.
        prompt, completion: empty where the file has none.
        references: none where the file has none.
        verdict: None where the judge gave none.
        figures: by name, those of `FIGURES` that the row has.
        label: what people say, in [0, 1]; None where they say nothing that can be read.
        group: rows that a bootstrap draws together; empty for a row alone.
        explained: columns that hold lists or objects: the facts, the questions.
        others: all further columns that are not empty.
    """

    number: int
    id: str
    prompt: str
    references: tuple[str, ...]
    completion: str
    verdict: Verdict | None
    figures: Mapping[str, float]
    label: float | None
    group: str
    explained: Mapping[str, Any]
    others: Mapping[str, Any]

    @property
    def score(self) -> Score | None:
        """What the judge said; None where it gave no score. A file without abstention has none in it."""
        if self.verdict is None or "equivalence" not in self.figures:
            return None
        return Score(self.figures["equivalence"], self.figures.get("abstention", 0.0), self.verdict)

    @property
    def gap(self) -> float | None:
        """The judge's probability of a right answer less the label, in [-1, 1]."""
        if self.label is None or self.score is None:
            return None
        return self.score.probabilities()[Verdict.CORRECT] - self.label

    @property
    def disagreement(self) -> str | None:
        """Which of the two kinds; empty where judge and people agree, None where one of them is silent."""
        if self.label is None or self.verdict is None:
            return None
        called, labelled = self.verdict is Verdict.CORRECT, self.label >= LABELLED_RIGHT
        return "" if called == labelled else TOO_KIND if called else TOO_HARSH


TOO_KIND, TOO_HARSH = "called right, labelled wrong", "not called right, labelled right"


def read_scored(path: Path, asked: Mapping[str, str | None]) -> Iterator[ScoredRow]:
    """Every row of a file that `candor score` wrote, or of one like it.

    Args:
        path: JSON Lines, CSV or Parquet.
        asked: the column of each role: id, prompt, reference, completion, label, group. None looks under the
            well-known names, and does without.

    Raises:
        DataError: the file cannot be read, has no rows, lacks a column that was asked for, or holds a verdict
            that is none.
    """
    present = columns_of(list(islice(read_rows(path), SURVEYED_ROWS)), path)
    if VERDICT not in present:
        raise DataError(
            f"column {VERDICT!r} not in {path} (has: {', '.join(present)}); write one with candor score"
        )
    columns = {role: _find(role, name, present, path) for role, name in asked.items()}
    for number, row in enumerate(read_rows(path), start=1):
        if isinstance(row, BadRow):
            raise DataError(f"cannot read line {row.line} of {path}: {row.reason}")
        yield _scored(number, row, columns, path)


def _find(role: str, asked: str | None, present: list[str], path: Path) -> str | None:
    if asked is not None and asked not in present:
        raise missing_column([asked], f"--{role}_column", present, path)
    names = WELL_KNOWN.get(role, (role,)) if asked is None else (asked,)
    return next((name for name in names if name in present), None)


def _scored(number: int, row: Row, columns: Mapping[str, str | None], path: Path) -> ScoredRow:
    values = {role: row.values.get(name) for role, name in columns.items() if name is not None}
    taken = {VERDICT, *FIGURES, *columns.values()}
    others = {
        name: _unpacked(value)
        for name, value in row.values.items()
        if name not in taken and value not in _NOTHING
    }
    figures = {name: _number(row.values.get(name)) for name in FIGURES}
    return ScoredRow(
        number=number,
        id=_text(values.get("id")) or str(number),
        prompt=_text(values.get("prompt")),
        references=_texts(values.get("reference")),
        completion=_text(values.get("completion")),
        verdict=_verdict(_text(row.values.get(VERDICT)), row.line, path),
        figures={name: value for name, value in figures.items() if value is not None},
        label=_label(values.get("label")),
        group=_text(values.get("group")),
        explained={name: value for name, value in others.items() if isinstance(value, list | dict)},
        others={name: value for name, value in others.items() if not isinstance(value, list | dict)},
    )


def _verdict(value: str, line: int, path: Path) -> Verdict | None:
    try:
        return Verdict(value) if value else None
    except ValueError:
        raise DataError(
            f"{VERDICT!r} is {value!r} on line {line} of {path}, expected {', '.join(Verdict)} or nothing"
        ) from None


def _label(value: object) -> float | None:
    try:
        return read_label(value, "label")
    except DataError:
        return None


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _texts(value: object) -> tuple[str, ...]:
    """References: a text, or a list of texts, which in CSV is JSON."""
    unpacked = _unpacked(value)
    if isinstance(unpacked, list) and all(isinstance(item, str) for item in unpacked):
        return tuple(unpacked)
    return () if value is None else (str(value),)


def _unpacked(value: object) -> Any:
    """What a column of one type cannot hold is written as JSON text: that, read again."""
    if not (isinstance(value, str) and value.startswith(("[", "{")) and value.endswith(("]", "}"))):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
