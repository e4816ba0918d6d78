"""What a run leaves behind: metrics per update, and one row per completion.

`metrics.jsonl` and `completions.jsonl` are appended to and flushed after every update, so a run that is
killed keeps what it had; at its end the completions become Parquet too. A completion's row has the columns
of a scored file, and `update` besides.
"""

import fcntl
import json
import logging
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import pyarrow as pa

from judge.errors import ConfigError, DataError
from judge.outputs import open_output
from judge.records import Record, Score, Verdict

logger = logging.getLogger(__name__)

Metrics = dict[str, float]
Row = dict[str, object]

METRICS_FILE = "metrics.jsonl"
COMPLETIONS_FILE = "completions.jsonl"
PARQUET_FILE = "completions.parquet"
COLUMNS = {
    "id": pa.string(),
    "prompt": pa.string(),
    "reference": pa.list_(pa.string()),
    "completion": pa.string(),
    "verdict": pa.string(),
    "equivalence": pa.float64(),
    "abstention": pa.float64(),
    "reward": pa.float64(),
    "update": pa.int64(),
}
"""Of the completions as Parquet."""


class Tracker(Protocol):
    """Where a run writes to."""

    def log(self, update: int, metrics: Metrics, completions: Sequence[Row]) -> None:
        """Keep one update's metrics and completions."""
        ...


class FileTracker:
    """Writes JSON Lines into a directory.

    Args:
        directory: made if it is not there.
        start: the update to go on with: what a run that was killed wrote of it and later ones is cut off,
            so that no update stands there twice. Unset: all is kept.

    Raises:
        ConfigError: another tracker writes there; nothing is cut off then.
    """

    def __init__(self, directory: str | Path, *, start: int | None = None) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._metrics = _open_to_append(self.directory / METRICS_FILE, start)
        self._completions = _open_to_append(self.directory / COMPLETIONS_FILE, start)

    def log(self, update: int, metrics: Metrics, completions: Sequence[Row]) -> None:
        """Append a line of metrics and a line per completion; a metric that is not finite becomes null.

        Raises:
            DataError: it cannot be written.
        """
        line = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        try:
            self._metrics.write(json.dumps({"update": update} | line) + "\n")
            for row in completions:
                self._completions.write(json.dumps(row | {"update": update}, ensure_ascii=False) + "\n")
            self._metrics.flush()
            self._completions.flush()
        except OSError as error:
            raise DataError(f"cannot write to {self.directory}: {error}; make room, and run again") from error

    def close(self) -> None:
        """Close the files, which hold every update that was logged without an error."""
        for file in (self._metrics, self._completions):
            with suppress(OSError):
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Trackers:
    """Several trackers, told one after the other."""

    def __init__(self, *trackers: Tracker) -> None:
        self.trackers = trackers

    def log(self, update: int, metrics: Metrics, completions: Sequence[Row]) -> None:
        """Tell each of one update."""
        for tracker in self.trackers:
            tracker.log(update, metrics, completions)


def write_parquet(directory: Path) -> None:
    """The completions of a run as Parquet beside the JSON Lines; references are always lists there.

    Raises:
        DataError: it cannot be written.
    """
    with (
        (directory / COMPLETIONS_FILE).open(encoding="utf-8") as lines,
        open_output(directory / PARQUET_FILE, COLUMNS) as write,
    ):
        for line in lines:
            write([json.loads(line)])


def completion_rows(
    records: Sequence[Record], scores: Sequence[Score | None], rewards: Sequence[float | None]
) -> list[Row]:
    """One row per completion under the columns of a scored file; an unscored one has nulls."""
    return [
        {
            "id": record.id,
            "prompt": record.prompt,
            "reference": record.references[0] if len(record.references) == 1 else list(record.references),
            "completion": record.completion,
            "verdict": None if score is None else score.verdict.value,
            "equivalence": None if score is None else score.equivalence,
            "abstention": None if score is None else score.abstention,
            "reward": reward,
        }
        for record, score, reward in zip(records, scores, rewards, strict=True)
    ]


def verdict_metrics(scores: Sequence[Score | None]) -> Metrics:
    """Rate of each verdict among the scored, which sum to 1 (NaN if none is), and how many are unscored."""
    verdicts = [score.verdict for score in scores if score is not None]
    rates = {
        f"judge/{verdict.value}_rate": verdicts.count(verdict) / len(verdicts) if verdicts else math.nan
        for verdict in Verdict
    }
    return rates | {"judge/unscored": float(len(scores) - len(verdicts))}


def agreement(scores: Sequence[Score | None], others: Sequence[Score | None]) -> float:
    """Share of equal verdicts where both judges gave one; NaN if they nowhere did."""
    pairs = [(a.verdict, b.verdict) for a, b in zip(scores, others, strict=True) if a and b]
    return sum(a is b for a, b in pairs) / len(pairs) if pairs else math.nan


def _open_to_append(path: Path, start: int | None) -> IO[str]:
    file = path.open("a", encoding="utf-8")
    try:
        # Held until the file is closed, which a kill does too.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise ConfigError(
            f"another run writes to {path}; wait for its end, or pass another --output_dir"
        ) from error
    except OSError as error:
        logger.warning("%s is not kept from other runs: its file system has no locks (%s)", path, error)
    if start is not None:
        with path.open("rb") as lines:
            file.truncate(_bytes_before(lines, start))
    return file


def _bytes_before(file: Iterable[bytes], start: int) -> int:
    """Size of the whole lines of the updates before `start`, which are in order."""
    size = 0
    for line in file:
        if not line.endswith(b"\n") or json.loads(line)["update"] >= start:
            break
        size += len(line)
    return size
