"""Files of rows: JSON Lines, CSV and Parquet, read a piece at a time.

Knows rows and columns, nothing of records. A row that cannot be read is data (`BadRow`), not a crash; a file
that cannot be read is a `DataError`. JSON Lines and CSV are UTF-8, with or without a byte-order mark, and may
be gzipped; blank lines are skipped; NaN in JSON is null.
"""

import codecs
import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from judge.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_READ_ROWS = 1024


class Format(StrEnum):
    """A kind of file, by its suffix."""

    JSONL = ".jsonl"
    CSV = ".csv"
    PARQUET = ".parquet"


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        line: the line of the file on which it starts, from 1; in Parquet the number of the row.
        values: by column.
    """

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, kept as it stands.

    Attributes:
        line: as in `Row`.
        reason: what was expected and what came.
        raw: its text, or its values where it has columns.
    """

    line: int
    reason: str
    raw: Any


def format_of(path: Path) -> Format:
    """The format that a file's name says: `.jsonl`, `.csv` (either may end in `.gz`) or `.parquet`.

    Raises:
        DataError: none of them.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    gzipped = suffixes[-1:] == [".gz"]
    suffix = suffixes[-2 if gzipped else -1] if len(suffixes) > gzipped else ""
    if suffix not in set(Format) or (gzipped and suffix == Format.PARQUET):
        raise DataError(
            f"expected a file name ending in .jsonl, .csv (or either with .gz) or .parquet, got {path.name}; "
            "rename or convert it"
        )
    return Format(suffix)


def read_rows(path: Path) -> Iterator[Row | BadRow]:
    """Every row of a file, in order, without holding more than a piece of it.

    Raises:
        DataError: the file is missing, cut off, or not what its name says.
    """
    read = {Format.JSONL: _read_jsonl, Format.CSV: _read_csv, Format.PARQUET: _read_parquet}[format_of(path)]
    if not path.is_file():
        raise DataError(f"expected a file at {path}, found {'a directory' if path.is_dir() else 'nothing'}")
    try:
        yield from read(path)
    except (OSError, EOFError, zlib.error, csv.Error, pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path} as {format_of(path)}: {error}; is it whole?") from error


def _open_bytes(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        gzipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path)) if gzipped else path.open("rb")


def _read_jsonl(path: Path) -> Iterator[Row | BadRow]:
    with _open_bytes(path) as file:
        for line, raw in enumerate(file, start=1):
            content = raw.removeprefix(codecs.BOM_UTF8) if line == 1 else raw
            if content.strip():
                yield _jsonl_row(line, content)


def _jsonl_row(line: int, content: bytes) -> Row | BadRow:
    raw = content.decode("utf-8", errors="backslashreplace").strip()
    try:
        values = json.loads(content.decode("utf-8"), parse_constant=lambda _: None)
    except UnicodeDecodeError:
        return BadRow(line, "not UTF-8", raw)
    except (ValueError, RecursionError) as error:
        return BadRow(line, f"not JSON: {error}", raw)
    if not isinstance(values, dict):
        return BadRow(line, f"expected a JSON object, got {kind_of(values)}", raw)
    if r"\ud" in raw.lower() and not _is_text(json.dumps(values, ensure_ascii=False)):
        return BadRow(line, "holds half of a surrogate pair, which is not text", raw)
    return Row(line, values)


def _read_csv(path: Path) -> Iterator[Row | BadRow]:
    csv.field_size_limit(sys.maxsize)  # its default of 128 KiB is less than a long completion
    with _open_bytes(path) as file:
        pending: list[str] = []
        reader = csv.reader(_lines(file, pending), strict=True)
        header = _csv_header(path, next(reader, []))
        while True:
            pending.clear()
            first = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BadRow(first, f"not CSV: {error}", _printable("".join(pending)))
                continue
            if fields:
                yield _csv_row(first, header, fields, "".join(pending))


def _lines(file: BinaryIO, pending: list[str]) -> Iterator[str]:
    """Decoded lines, each also put in `pending`; bytes that are not UTF-8 become surrogates."""
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as texts:
        for text in texts:
            pending.append(text)
            yield text


def _csv_header(path: Path, fields: list[str]) -> list[str]:
    if not all(map(_is_text, fields)):
        raise DataError(f"expected UTF-8 in {path}, found a header that is not; save it as UTF-8")
    header = [name.strip() for name in fields]
    while header and not header[-1]:
        header.pop()
    header = [name or f"column_{number}" for number, name in enumerate(header, start=1)]
    _refuse_repeated(header, path)
    return header


def _refuse_repeated(names: list[str], path: Path) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"expected each column of {path} once, found {', '.join(repeated)} twice; rename one")


def _csv_row(line: int, header: list[str], fields: list[str], raw: str) -> Row | BadRow:
    if not _is_text(raw):
        return BadRow(line, "not UTF-8", _printable(raw))
    while len(fields) > len(header) and not fields[-1]:
        fields.pop()  # trailing commas
    if len(fields) != len(header):
        return BadRow(line, f"expected {len(header)} fields, as in the header, got {len(fields)}", raw)
    return Row(line, dict(zip(header, fields, strict=True)))


def _read_parquet(path: Path) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        _refuse_repeated(file.schema_arrow.names, path)
        line = 0
        for batch in file.iter_batches(_PARQUET_READ_ROWS):
            for values in batch.to_pylist():
                line += 1
                yield Row(line, values)


def kind_of(value: object) -> str:
    """What a value is, in words for an error message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"a boolean ({value})"
    if isinstance(value, int | float):
        return f"a number ({value})"
    names: dict[type, str] = {str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(text: str) -> str:
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")
