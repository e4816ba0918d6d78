"""Rows of a file to records. A bad row is set aside with its line and reason; the rest go on.

A record needs a prompt, at least one reference and, where completions are judged, a completion; an empty
completion is no fault (it is judged). A prompt is text, or a list of chat messages of which the user's last
is the question. A reference is text or a list of texts. In CSV all is text: a reference that opens with `[`
and ends with `]` must be a JSON list of texts, and a prompt that is a JSON list of messages is a chat.
Numbers are not text, except as an id. A file without an `id` column gets the row's number, from 1. Memory
holds the ids seen, nothing else.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeGuard, TypeVar

from judge.errors import DataError
from judge.outputs import check_writable, json_text
from judge.records import Record, Turn
from judge.tables import BadRow, Format, Row, format_of, kind_of, read_rows

logger = logging.getLogger(__name__)

SURVEYED_ROWS = 1000
"""Rows of JSON Lines among which a column must turn up; CSV and Parquet say at once what they have."""
_NAMES_SHOWN = 20
DEFAULT_ID = "id"
_Good = TypeVar("_Good")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what.

    Attributes:
        completion: None where completions are yet to be made.
        id: with its default, a file may do without.
        prompt_optional: a missing or null prompt is an empty one (pairs of texts without a question).
    """

    prompt: str = "prompt"
    reference: str = "reference"
    completion: str | None = "completion"
    id: str = DEFAULT_ID
    prompt_optional: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that can be used: the record in it, and all its columns as they stand."""

    record: Record
    line: int
    values: Mapping[str, Any]


def read_entries(path: Path, columns: Columns) -> Iterator[Entry | BadRow]:
    """Every row of a file, as a record or as a bad row, in order.

    Raises:
        DataError: the file cannot be read, has no rows, or lacks a column.
    """
    rows = read_rows(path)
    first = list(islice(rows, SURVEYED_ROWS))
    present = columns_of(first, path)
    _check_columns(columns, present, path)
    has_id = columns.id in present
    csv_cells = format_of(path) is Format.CSV
    first_lines: dict[str, int] = {}  # by id
    for number, row in enumerate(chain(first, rows), start=1):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            name = _id(row.values.get(columns.id), columns.id) if has_id else str(number)
            if name in first_lines:
                raise DataError(f"{columns.id!r} {name!r} is on line {first_lines[name]} already")
            record = _record(row.values, columns, name, csv_cells)
        except DataError as error:
            yield BadRow(row.line, str(error), row.values)
            continue
        if has_id:
            first_lines[name] = row.line
        yield Entry(record, row.line, row.values)


def read_records(
    path: str | Path,
    *,
    prompt_column: str = "prompt",
    reference_column: str = "reference",
    completion_column: str | None = "completion",
    id_column: str = DEFAULT_ID,
    rejected_path: str | Path | None = None,
) -> list[Record]:
    """The records of a JSON Lines, CSV or Parquet file.

    Args:
        path: the file.
        prompt_column, reference_column, completion_column, id_column: the columns' names in it;
            `completion_column=None` where completions are yet to be made.
        rejected_path: where bad rows go, with line and reason; without it they are only counted in the log.

    Raises:
        DataError: the file cannot be read, lacks a column, or has no usable row.

    Example:
        >>> records = read_records("questions.jsonl", completion_column=None)  # doctest: +SKIP
    """
    columns = Columns(prompt_column, reference_column, completion_column, id_column)
    with Rejections(None if rejected_path is None else Path(rejected_path)) as rejections:
        entries = read_entries(Path(path), columns)
        records = [entry.record for entry in rejections.sift(entries)]
    rejections.check(Path(path), len(records))
    return records


class Rejections:
    """The bad rows of one file: counted, and written to `path`, which is made when the first one comes."""

    def __init__(self, path: Path | None):
        self.path = path
        self.count = 0
        self.first: BadRow | None = None
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        if self.path is not None:
            check_writable(self.path)
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: BadRow) -> None:
        """Count one bad row and write it down."""
        self.count += 1
        self.first = self.first or row
        if self.path is None:
            return
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8")
        self._file.write(json_text({"line": row.line, "reason": row.reason, "row": row.raw}) + "\n")

    def sift(self, rows: Iterable[_Good | BadRow]) -> Iterator[_Good]:
        """The good rows; the bad ones stay here."""
        for row in rows:
            if isinstance(row, BadRow):
                self.add(row)
            else:
                yield row

    def check(self, path: Path, good: int) -> None:
        """Say how many rows were set aside.

        Raises:
            DataError: all of them.
        """
        if self.first is None:
            return
        where = f"; see {self.path}" if self.path is not None else ""
        first = f"line {self.first.line}: {self.first.reason}"
        if good == 0:
            raise DataError(f"no row of {path} can be used, the first because of {first}{where}")
        logger.warning("%d rows of %s set aside, the first because of %s%s", self.count, path, first, where)


def columns_of(rows: Sequence[Row | BadRow], path: Path) -> list[str]:
    """The columns that the first rows of a file have, in order of first sight.

    Raises:
        DataError: there is no row, or none that can be read.
    """
    if not rows:
        raise DataError(f"expected rows in {path}, found none")
    present = dict.fromkeys(name for row in rows if isinstance(row, Row) for name in row.values)
    if not present:
        first = next(row for row in rows if isinstance(row, BadRow))
        raise DataError(
            f"none of the first {len(rows)} rows of {path} can be read as {format_of(path)}; "
            f"line {first.line}: {first.reason}; a JSON array is turned into JSON Lines by jq -c '.[]'"
        )
    return list(present)


def missing_column(names: Sequence[str], flag: str, present: Sequence[str], path: Path) -> DataError:
    """The error for a column that is not there: its name, or those it may have; what is there; its flag."""
    shown = ", ".join(present[:_NAMES_SHOWN]) + (", ..." if len(present) > _NAMES_SHOWN else "")
    wanted = " or ".join(map(repr, names))
    return DataError(f"column {wanted} not in {path} (has: {shown}); pass {flag}")


def _check_columns(columns: Columns, present: Sequence[str], path: Path) -> None:
    wanted = {"prompt": columns.prompt, "reference": columns.reference, "completion": columns.completion}
    if columns.prompt_optional:
        del wanted["prompt"]
    if columns.id != DEFAULT_ID:
        wanted["id"] = columns.id
    for role, name in wanted.items():
        if name is not None and name not in present:
            raise missing_column([name], f"--{role}_column", present, path)


def _record(values: Mapping[str, Any], columns: Columns, name: str, csv_cells: bool) -> Record:
    prompt = values.get(columns.prompt)
    if prompt is None and columns.prompt_optional:
        prompt = ""
    if csv_cells and isinstance(prompt, str):
        prompt = _chat_in_cell(prompt)
    chat = chat_of(prompt, columns.prompt) if isinstance(prompt, list) else ()
    return Record(
        prompt=chat[-1].content if chat else _text(prompt, columns.prompt),
        references=references_of(values.get(columns.reference), columns.reference, csv_cells),
        completion=""
        if columns.completion is None
        else _text(values.get(columns.completion), columns.completion),
        id=name,
        chat=chat,
    )


def chat_of(messages: Sequence[object], column: str) -> tuple[Turn, ...]:
    """The messages of a chat: objects with `role` and `content`, the last of them the user's.

    Raises:
        DataError: they are not.
    """
    chat: list[Turn] = []
    for message in messages:
        if not _is_message(message):
            raise DataError(f"{column!r} is a list, expected messages with 'role' and 'content' in it")
        role, content = (_text(message[name], f"{column}.{name}") for name in Turn._fields)
        chat.append(Turn(role, content))
    if not chat or chat[-1].role != "user":
        raise DataError(
            f"{column!r} ends with {chat[-1].role if chat else 'nothing'}, expected a message of the user"
        )
    return tuple(chat)


def _is_message(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping) and set(Turn._fields) <= value.keys()


def _chat_in_cell(cell: str) -> object:
    """A CSV cell that is a JSON list of messages is a chat; any other is text, as a question may stand in
    brackets."""
    try:
        found = json.loads(cell) if cell.lstrip().startswith("[") else None
    except (ValueError, RecursionError):
        return cell
    return found if isinstance(found, list) and found and all(map(_is_message, found)) else cell


def _text(value: object, what: str) -> str:
    if value is None:
        raise DataError(f"{what!r} is missing, expected text")
    if not isinstance(value, str):
        raise DataError(f"{what!r} is {kind_of(value)}, expected text")
    return value


def _id(value: object, column: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = _text(value, column)
    if not text.strip():
        raise DataError(f"{column!r} is empty, expected a name for the row")
    return text


def references_of(value: object, column: str, csv_cell: bool) -> tuple[str, ...]:
    """The right answers in one cell: text or a list of texts, in CSV a list as JSON.

    Raises:
        DataError: it is neither, or one of them is blank.
    """
    if csv_cell and isinstance(value, str):
        value = _list_in_cell(value, column)
    if value is not None and not isinstance(value, str | list):
        raise DataError(f"{column!r} is {kind_of(value)}, expected text or a list of texts")
    references = value if isinstance(value, list) else [value]
    if not references:
        raise DataError(f"{column!r} is an empty list, expected at least one text")
    texts = tuple(_text(reference, column) for reference in references)
    if not all(text.strip() for text in texts):
        raise DataError(f"{column!r} is empty, expected a right answer")
    return texts


def _list_in_cell(cell: str, column: str) -> object:
    """A CSV cell that looks like a list is a JSON list; any other cell is text."""
    if not (cell.strip().startswith("[") and cell.strip().endswith("]")):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        raise DataError(f'{column!r} looks like a list but is not JSON, expected ["one", "two"]') from None
