"""What has been judged so far, one line a chunk, so that an interrupted run goes on where it stopped.

The first line is the key of the job (input, columns, judge, chunk size); a journal with another key is
started over. A line that was cut off when the run died is dropped.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from judge.explanation import coverage_from_json, questioning_from_json
from judge.records import Score, Verdict

logger = logging.getLogger(__name__)

Scores = Sequence[Score | None]


class Journal:
    """Scores by chunk, in the order of the input.

    Args:
        path: where it is kept; `delete` it when the output is complete.
        key: names the job; must not hold a line break.
    """

    def __init__(self, path: Path, key: str):
        self.path = path
        first = key.encode() + b"\n"
        self._whole_bytes = _whole_bytes(path, first)
        if self._whole_bytes == 0:
            path.write_bytes(first)
            self._whole_bytes = len(first)
        self._finished = path.open("rb")
        self._finished.seek(len(first))
        self._new = path.open("r+b")
        self._new.truncate(self._whole_bytes)
        self._new.seek(self._whole_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finished.close()
        self._new.close()

    def next_finished(self) -> Scores | None:
        """The next chunk that an earlier run finished; None when there is no more."""
        if self._finished.tell() >= self._whole_bytes:
            return None
        return [_from_json(item) for item in json.loads(self._finished.readline())]

    def append(self, scores: Scores) -> None:
        """Keep one more chunk."""
        self._new.write(json.dumps([_to_json(score) for score in scores]).encode() + b"\n")
        self._new.flush()

    def delete(self) -> None:
        """Remove the file: the job is done."""
        self.path.unlink()


def _whole_bytes(path: Path, first: bytes) -> int:
    """How much of the file is this job's key and whole chunks; 0 where there is nothing to go on from."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        if file.readline() != first:
            logger.warning("%s is of another job and is started over", path)
            return 0
        size = len(first)
        for line in file:
            if not line.endswith(b"]\n"):
                break
            size += len(line)
    return size


def _to_json(score: Score | None) -> dict[str, Any] | None:
    return None if score is None else asdict(score)


def _from_json(item: dict[str, Any] | None) -> Score | None:
    if item is None:
        return None
    coverage = None if item["coverage"] is None else coverage_from_json(item["coverage"])
    questioning = None if item["questioning"] is None else questioning_from_json(item["questioning"])
    verdict = Verdict(item["verdict"])
    return Score(**{**item, "verdict": verdict, "coverage": coverage, "questioning": questioning})
