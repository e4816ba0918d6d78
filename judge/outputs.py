"""Files of rows, written a piece at a time: aside first, then renamed into place, so never half a file.

Parquet needs the type of every column before the first row: `widen` finds it. What a column of one type
cannot hold (values of several kinds, objects without keys) is written as JSON text.
"""

import csv
import gzip
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError

from judge.errors import DataError
from judge.tables import Format, format_of

_GROUP_ROWS = 16_384  # rows of a Parquet row group; many small groups make a slow file
_TEXT, _TEXTS, _REAL = pa.string(), pa.list_(pa.string()), pa.float64()

Rows = Sequence[Mapping[str, Any]]
Write = Callable[[Rows], None]


def check_writable(path: Path) -> None:
    """Refuse early what could not be written in the end; a missing directory is made.

    Raises:
        DataError: the place cannot be written.
    """
    if path.is_dir():
        raise DataError(f"expected a file name to write, got the directory {path}; add a file name")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _aside(path).touch()
        _aside(path).unlink()


def make_directory(path: Path) -> None:
    """A directory to write to, made if it is missing; several processes may ask for it at once.

    Raises:
        DataError: it cannot be made.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def open_output(path: Path, columns: Mapping[str, pa.DataType]) -> Iterator[Write]:
    """A function that appends rows to `path`; the file appears once the block ends without an error.

    Args:
        path: `.jsonl`, `.csv` (either may end in `.gz`) or `.parquet`.
        columns: every column of the rows to come, in order. JSON Lines takes the rows as they are.

    Raises:
        DataError: it cannot be written.
    """
    open_format = {Format.JSONL: _jsonl, Format.CSV: _csv, Format.PARQUET: _parquet}[format_of(path)]
    try:
        with writing(path):
            with open_format(_aside(path), path.suffix.lower() == ".gz", columns) as write:
                yield write
            os.replace(_aside(path), path)
    finally:
        with suppress(OSError):
            _aside(path).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """A whole file of text at once; a missing directory is made.

    Half of a surrogate pair, which byte-level tokenizers can leave behind, has no UTF-8: its code is written.

    Raises:
        DataError: it cannot be written.
    """
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _aside(path).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
            os.replace(_aside(path), path)
    finally:
        with suppress(OSError):
            _aside(path).unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".part")


@contextmanager
def writing(path: Path, advice: str = "choose another place") -> Iterator[None]:
    """Say of an error in writing where that was, and what to do.

    Raises:
        DataError: a file, or weights, cannot be written.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise DataError(f"cannot write {path}: {reason or error}; {advice}") from error


def _open_text(path: Path, gzipped: bool) -> IO[str]:
    if gzipped:
        return cast(IO[str], gzip.open(path, "wt", encoding="utf-8", newline=""))
    return path.open("w", encoding="utf-8", newline="")


@contextmanager
def _jsonl(path: Path, gzipped: bool, columns: Mapping[str, pa.DataType]) -> Iterator[Write]:
    with _open_text(path, gzipped) as file:
        yield lambda rows: file.writelines(json_text(row) + "\n" for row in rows)


@contextmanager
def _csv(path: Path, gzipped: bool, columns: Mapping[str, pa.DataType]) -> Iterator[Write]:
    with _open_text(path, gzipped) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield lambda rows: writer.writerows(
            [_text_or_none(row.get(name)) for name in columns] for row in rows
        )


@contextmanager
def _parquet(path: Path, gzipped: bool, columns: Mapping[str, pa.DataType]) -> Iterator[Write]:
    schema = pa.schema(list(columns.items()))
    waiting: list[Mapping[str, Any]] = []

    def flush() -> None:
        arrays = [_array([row.get(name) for row in waiting], kind) for name, kind in columns.items()]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        waiting.clear()

    def write(rows: Rows) -> None:
        waiting.extend(rows)
        if len(waiting) >= _GROUP_ROWS:
            flush()

    with pq.ParquetWriter(path, schema) as writer:
        yield write
        if waiting:
            flush()


def widen(columns: Mapping[str, pa.DataType], rows: Rows) -> dict[str, pa.DataType]:
    """The column types that hold what `columns` holds and `rows` besides; columns in order of first sight.

    >>> widen({"a": pa.int64()}, [{"a": 0.5, "b": "x"}])
    {'a': DataType(double), 'b': DataType(string)}
    """
    names = dict.fromkeys([*columns, *(name for row in rows for name in row)])
    found = {name: _type_of([row.get(name) for row in rows]) for name in names}
    return {name: _joined(columns.get(name, pa.null()), found[name]) for name in names}


def _type_of(values: Sequence[Any]) -> pa.DataType:
    """The type of one column's values; text (of JSON) where Parquet has none for them."""
    try:
        kind = pa.array(values).type
    except (pa.ArrowException, OverflowError):
        present = [value for value in values if value is not None]
        return _TEXTS if all(isinstance(value, str) or _is_texts(value) for value in present) else _TEXT
    return kind if _has_fields(kind) else _TEXT


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _has_fields(kind: pa.DataType) -> bool:
    """False for an object without keys, at any depth: Parquet cannot write it."""
    if pa.types.is_struct(kind) and kind.num_fields == 0:
        return False
    return all(_has_fields(kind.field(i).type) for i in range(kind.num_fields))


def _joined(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """A type for the values of both."""
    if first == second:
        return first
    if {first, second} == {_TEXT, _TEXTS}:
        return _TEXTS
    if {first, second} == {pa.int64(), _REAL}:
        return _REAL
    try:
        schemas = [pa.schema([("value", kind)]) for kind in (first, second)]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return _TEXT


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    present: Iterable[Any] = values
    if kind == _TEXT:
        present = (_text_or_none(value) for value in values)
    elif kind == _TEXTS:
        present = (_texts_or_none(value) for value in values)
    elif kind == _REAL:
        present = (None if value is None else float(value) for value in values)
    return pa.array(list(present), type=kind)


def _text_or_none(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json_text(value)


def _texts_or_none(value: object) -> list[str | None] | None:
    if value is None:
        return None
    return [_text_or_none(item) for item in (value if isinstance(value, list) else [value])]


def json_text(value: object) -> str:
    """Strict JSON on one line: a number that is not finite becomes null, a date or the like its text."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, default=str)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
