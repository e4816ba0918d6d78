"""What a run leaves behind: metrics per update, and one row per completion.

`metrics.jsonl` and `completions.jsonl` are appended to and flushed after every update, so a run that is
killed keeps what it had. A completion's row has the columns of a scored file, and `update` besides.
"""

import json
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Protocol, Self

from judge.errors import ConfigError, DataError
from judge.records import Record, Score, Verdict

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

Metrics = dict[str, float]
Row = dict[str, object]


class Tracker(Protocol):
    """Where a run writes to."""

    def log(self, update: int, metrics: Metrics, completions: Sequence[Row]) -> None:
        """Keep one update's metrics and completions."""
        ...


class FileTracker:
    """Writes JSON Lines into a directory, and TensorBoard events beside them if asked to.

    Args:
        directory: made if it is not there.
        tensorboard: write events too.
        start: the update to go on with: what a run that was killed wrote of it and later ones is cut off,
            so that no update stands there twice. Unset: all is kept.
    """

    def __init__(self, directory: str | Path, *, tensorboard: bool = False, start: int | None = None) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._board = _summary_writer(self.directory, start) if tensorboard else None
        self._metrics = _open_to_append(self.directory / "metrics.jsonl", start)
        self._completions = _open_to_append(self.directory / "completions.jsonl", start)

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
        if self._board is not None:
            for name, value in metrics.items():
                self._board.add_scalar(name, value, update)

    def close(self) -> None:
        """Close the files, which hold every update that was logged without an error."""
        for file in (self._metrics, self._completions):
            with suppress(OSError):
                file.close()
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
    if start is not None and path.exists():
        with path.open("r+b") as file:
            file.truncate(_bytes_before(file, start))
    return path.open("a", encoding="utf-8")


def _bytes_before(file: Iterable[bytes], start: int) -> int:
    """Size of the whole lines of the updates before `start`, which are in order."""
    size = 0
    for line in file:
        if not line.endswith(b"\n") or json.loads(line)["update"] >= start:
            break
        size += len(line)
    return size


def _summary_writer(directory: Path, start: int | None) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError("tensorboard is not installed; pip install tensorboard, or turn it off") from error
    return SummaryWriter(str(directory), purge_step=start)
