"""Rows that people have labelled: a record and how right its completion is.

Data sets name these columns differently, so where no name is given the well-known ones are tried in the order
of `WELL_KNOWN`, and the choice is logged.
"""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from judge.data import (
    DEFAULT_ID,
    SURVEYED_ROWS,
    Columns,
    Entry,
    Rejections,
    columns_of,
    missing_column,
    read_entries,
)
from judge.errors import DataError
from judge.records import Record
from judge.tables import BadRow, kind_of, read_rows

logger = logging.getLogger(__name__)

WELL_KNOWN = {
    "prompt": ("prompt", "question"),
    "reference": ("references", "reference"),
    "completion": ("completion", "candidate"),
    "label": ("label", "score"),
    "group": ("group",),
}
"""Names tried for each column, the preferred one first."""
_TRUTH = {"true": 1, "false": 0}


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """Which column holds what; None tries the well-known names.

    Attributes:
        prompt: a file may do without, and a null is an empty prompt.
        label: 1 right, 0 wrong, or anything between.
        group: rows of one group (the answers to one question) are drawn together by a bootstrap; a file may
            do without.
        scores: columns with what other judges made of the rows.
    """

    prompt: str | None = None
    reference: str | None = None
    completion: str | None = None
    label: str | None = None
    group: str | None = None
    id: str = DEFAULT_ID
    scores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Labelled:
    """A record and the human label of its completion.

    Attributes:
        label: in [0, 1]; 1 is right.
        group: empty where the row has none.
        scores: in [0, 1] by column, as other judges gave them; None where there is none.
    """

    record: Record
    label: float
    group: str = ""
    scores: Mapping[str, float | None] = field(default_factory=dict)


def read_labelled(
    path: Path, columns: LabelColumns, rejected_path: Path | None
) -> tuple[list[Labelled], int]:
    """Every usable row of a labelled file, and how many are not; those go to `rejected_path`.

    Raises:
        DataError: the file cannot be read, lacks a column, or has no usable row.
    """
    present = columns_of(list(islice(read_rows(path), SURVEYED_ROWS)), path)
    found = {role: _find(role, getattr(columns, role), present, path) for role in WELL_KNOWN}
    for column in columns.scores:
        if column not in present:
            raise missing_column([column], "--scores NAME=COLUMN", present, path)
    logger.info(
        "%s: %s", path.name, ", ".join(f"{role} from {name!r}" for role, name in found.items() if name)
    )
    record_columns = Columns(
        prompt=found["prompt"] or "prompt",
        reference=found["reference"] or "",
        completion=found["completion"],
        id=columns.id,
        prompt_optional=True,
    )
    with Rejections(rejected_path) as rejections:
        entries = read_entries(path, record_columns)
        rows = list(rejections.sift(_labelled(entries, found["label"] or "", found["group"], columns.scores)))
    rejections.check(path, len(rows))
    return rows, rejections.count


def _find(role: str, asked: str | None, present: Sequence[str], path: Path) -> str | None:
    """The name of a column in this file; None for a prompt or group that the file does without."""
    names = WELL_KNOWN[role] if asked is None else (asked,)
    for name in names:
        if name in present:
            return name
    if asked is None and role in ("prompt", "group"):
        return None
    raise missing_column(names, f"--{role}_column", present, path)


def _labelled(
    entries: Iterator[Entry | BadRow], label: str, group: str | None, scores: Sequence[str]
) -> Iterator[Labelled | BadRow]:
    for entry in entries:
        if isinstance(entry, BadRow):
            yield entry
            continue
        try:
            value = read_label(entry.values.get(label), label)
            others = {column: _score(entry.values.get(column), column) for column in scores}
        except DataError as error:
            yield BadRow(entry.line, str(error), entry.values)
            continue
        cell = None if group is None else entry.values.get(group)
        yield Labelled(entry.record, value, "" if cell is None else str(cell), others)


def read_label(value: object, column: str) -> float:
    """A label in [0, 1], from a number, from a number or true or false as text, or from a truth value.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(value, str):
        value = _TRUTH.get(value.strip().casefold(), value)
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        number = math.nan
    if not 0.0 <= number <= 1.0:
        shown = repr(value) if isinstance(value, str) else kind_of(value)
        raise DataError(f"{column!r} is {shown}, expected a number from 0 (wrong) to 1 (right)")
    return number


def _score(value: object, column: str) -> float | None:
    return None if value in (None, "") else read_label(value, column)
