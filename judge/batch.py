"""Files to files: judge every record of a file, in order, and write one row for each.

The input is read twice: once to refuse early and to learn its columns, once to judge. What has been judged is
kept in a journal beside the output until that is complete, so an interrupted run goes on where it stopped.
Memory holds a chunk of records and the ids seen, however long the file.
"""

import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from judge.data import SURVEYED_ROWS, Columns, Entry, Rejections, read_entries
from judge.errors import DataError, JudgeError
from judge.explanation import COLUMNS, explanation_of
from judge.journal import Journal, Scores
from judge.outputs import check_writable, open_output, widen
from judge.records import Explain, Record, Score, Verdict
from judge.tables import Format, format_of

logger = logging.getLogger(__name__)

JUDGED = {"verdict": pa.string(), "equivalence": pa.float64(), "abstention": pa.float64()}
"""The columns that judging adds; empty where a completion could not be judged."""
OWN_PREFIX = "input_"
"""Put before a column of the input whose name the output needs."""

CHUNK_ROWS = 512
"""Records judged at a time: enough to batch by length, few enough to lose."""

Derive = Mapping[str, Callable[[Score], float]]
_Item = TypeVar("_Item")


class Scorer(Protocol):
    """Whatever judges records."""

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """One score per record, in order; None for what cannot be judged."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """A file that has been read once and can be judged.

    Attributes:
        rows: how many records it holds.
        rejected: how many rows were set aside, in `rejected_path(output)`.
        own: the input's columns and their types, in order.
    """

    input: Path
    output: Path
    columns: Columns
    rows: int
    rejected: int
    own: Mapping[str, pa.DataType]


@dataclass(slots=True)
class Summary:
    """What came of a job.

    Attributes:
        verdicts: judged records by verdict.
        unscored: records that could not be judged; part of no mean.
        sums: over judged records, of equivalence, each derived column, recall and precision.
        counts: of the values in each sum; a record without facts has no recall, nor precision.
        resumed: records that an earlier run had judged.
        judging_s: seconds spent on the others.
    """

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    unscored: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    judging_s: float = 0.0

    @property
    def scored(self) -> int:
        """Records that were judged."""
        return self.verdicts.total()

    @property
    def rows(self) -> int:
        """Rows that were written."""
        return self.scored + self.unscored


def rejected_path(output: Path) -> Path:
    """Where the bad rows of a job go."""
    return output.with_name(output.name + ".rejected.jsonl")


def journal_path(output: Path) -> Path:
    """Where the scores of an unfinished job are kept."""
    return output.with_name(output.name + ".journal")


def prepare(input_path: Path, output_path: Path, columns: Columns) -> Job:
    """Read the input once: refuse what cannot be judged or written, set bad rows aside, learn the columns.

    Raises:
        DataError: the input cannot be read, lacks a column or has no usable row; or the output cannot be
            written, or would overwrite the input.
    """
    format_of(output_path)
    check_writable(output_path)
    for written in (output_path, rejected_path(output_path)):
        if written.exists() and input_path.exists() and written.samefile(input_path):
            raise DataError(f"the input {input_path} would be overwritten; choose another --output")
    typed = format_of(input_path) is Format.PARQUET
    own: dict[str, pa.DataType] = {}
    rows = 0
    with Rejections(rejected_path(output_path)) as rejections:
        for chunk in _chunks(rejections.sift(read_entries(input_path, columns)), SURVEYED_ROWS):
            own = own if typed else widen(own, [entry.values for entry in chunk])
            rows += len(chunk)
    rejections.check(input_path, rows)
    if typed:
        own = {column.name: column.type for column in pq.read_schema(input_path)}
    return Job(input_path, output_path, columns, rows, rejections.count, own)


def run(
    job: Job,
    scorer: Scorer,
    *,
    derive: Derive | None = None,
    chunk_rows: int = CHUNK_ROWS,
    settings: Mapping[str, str] | None = None,
    explain: Explain = Explain.NONE,
) -> Summary:
    """Judge the records of a job and write the output.

    Args:
        job: from `prepare`.
        scorer: judges a chunk at a time.
        derive: further columns, each a function of the score.
        chunk_rows: records judged, and kept in the journal, at a time.
        settings: whatever else the scores depend on (which judge); a journal with other settings is not used.
        explain: what the scorer's scores carry besides; written in columns of its own.

    Raises:
        DataError: the output cannot be written.
        JudgeError: the scorer gave another number of scores than it got records.
    """
    derive = derive or {}
    added = {**JUDGED, **dict.fromkeys(derive, pa.float64()), **COLUMNS[explain]}
    names = _own_names(job, added)
    types = {names[name]: kind for name, kind in job.own.items() if name in names}
    columns = {"id": pa.string(), **types, **added}
    summary = Summary()
    entries = (entry for entry in read_entries(job.input, job.columns) if isinstance(entry, Entry))
    with (
        open_output(job.output, columns) as write,
        Journal(
            journal_path(job.output), _key(job, chunk_rows, {**(settings or {}), "explain": explain})
        ) as journal,
        tqdm(total=job.rows, unit=" records", desc="judging") as bar,
    ):
        for chunk in _chunks(entries, chunk_rows):
            scores = _judge(chunk, scorer, journal, summary)
            judged = [_judged(score, derive, explain) for score in scores]
            write([_row(*pair, names, added) for pair in zip(chunk, judged, strict=True)])
            _count(judged, summary, ["equivalence", *derive, "recall", "precision"])
            bar.update(len(chunk))
    journal.delete()
    return summary


def score_all(
    scorer: Scorer, records: Sequence[Record], *, chunk_rows: int = CHUNK_ROWS, name: str = "judging"
) -> list[Score | None]:
    """The scores of records in memory, in order, with a progress bar under `name`."""
    scores: list[Score | None] = []
    with tqdm(total=len(records), unit=" records", desc=name) as bar:
        for chunk in _chunks(records, chunk_rows):
            scores += _scored(scorer, chunk)
            bar.update(len(chunk))
    return scores


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _scored(scorer: Scorer, records: Sequence[Record]) -> list[Score | None]:
    scores = scorer.score(records)
    if len(scores) != len(records):
        raise JudgeError(f"expected {len(records)} scores for as many records, got {len(scores)}")
    return scores


def _own_names(job: Job, added: Iterable[str]) -> dict[str, str]:
    """What each of the input's columns is called in the output; the id column comes first, as `id`."""
    taken = {"id", *added}
    names = {}
    for name in job.own:
        if name == job.columns.id == "id":
            continue
        renamed = name
        while renamed in taken or (renamed != name and renamed in job.own):
            renamed = OWN_PREFIX + renamed
        if renamed != name:
            logger.info("column %r of %s is kept as %r", name, job.input, renamed)
        names[name] = renamed
    return names


def _judge(chunk: Sequence[Entry], scorer: Scorer, journal: Journal, summary: Summary) -> Scores:
    finished = journal.next_finished()
    if finished is not None:
        summary.resumed += len(chunk)
        return finished
    started = time.perf_counter()
    scores = _scored(scorer, [entry.record for entry in chunk])
    summary.judging_s += time.perf_counter() - started
    journal.append(scores)
    return scores


def _judged(score: Score | None, derive: Derive, explain: Explain) -> dict[str, Any] | None:
    """The columns that judging adds; None for what could not be judged."""
    if score is None:
        return None
    return {
        "verdict": score.verdict.value,
        "equivalence": score.equivalence,
        "abstention": score.abstention,
        **{name: function(score) for name, function in derive.items()},
        **explanation_of(score, explain),
    }


def _row(
    entry: Entry, judged: Mapping[str, Any] | None, names: Mapping[str, str], added: Iterable[str]
) -> dict[str, Any]:
    own = {names[name]: value for name, value in entry.values.items() if name in names}
    return {"id": entry.record.id, **own, **(dict.fromkeys(added) if judged is None else judged)}


def _count(rows: Iterable[Mapping[str, Any] | None], summary: Summary, means: Sequence[str]) -> None:
    for row in rows:
        if row is None:
            summary.unscored += 1
            continue
        summary.verdicts[Verdict(row["verdict"])] += 1
        for name in means:
            if row.get(name) is not None:
                summary.sums[name] += row[name]
                summary.counts[name] += 1


def _key(job: Job, chunk_rows: int, settings: Mapping[str, str]) -> str:
    """Names everything that the scores in a journal depend on."""
    content = file_digest(job.input)
    parts = {"input": content, "columns": asdict(job.columns), "chunk_rows": chunk_rows, **settings}
    return json.dumps(parts, sort_keys=True)
