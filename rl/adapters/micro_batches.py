"""One record at a time in, batches to the judge: for frameworks that ask for each sample by itself.

While the judge reads, requests gather; it then takes all of them at once. A request that comes alone waits
for nobody. One thread does the judging, so the judge need not be safe for several.
"""

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from threading import RLock
from typing import Any

from judge.errors import ConfigError, JudgeError
from judge.records import Record, Score
from judge.scorer import Judge
from rl.config import RewardConfig
from rl.reward import Scorer, constant_table, reward_of

DEFAULT_BATCH_RECORDS = 512
_OPENING = RLock()
"""Threads that ask at once would each load a judge: `cache` lets all of them in until there is a result."""


class MicroBatches:
    """Scores single records, from any number of threads or coroutines, in batches.

    Args:
        judge: what scores them.
        batch_records: most records that it is given at once.

    Example:
        >>> batches = MicroBatches(Judge.from_pretrained())
        >>> batches.submit(Record("Where?", ("Lima",), "In Lima.")).result().verdict
        <Verdict.CORRECT: 'correct'>
    """

    def __init__(self, judge: Scorer, *, batch_records: int = DEFAULT_BATCH_RECORDS) -> None:
        self._judge = judge
        self._batch_records = batch_records
        self._waiting: deque[tuple[Record, Future[Score | None]]] = deque()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="judge")

    def submit(self, record: Record) -> Future[Score | None]:
        """The score that this record will have; None if it cannot be judged. Raises what the judge raises."""
        future: Future[Score | None] = Future()
        self._waiting.append((record, future))
        self._worker.submit(self._judge_waiting)
        return future

    def _judge_waiting(self) -> None:
        """Score what has gathered; nothing, if an earlier turn took this turn's record along."""
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_records))]
        # Whoever waited may have given up meanwhile, as a coroutine that is cancelled does.
        batch = [(record, future) for record, future in taken if future.set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            scores = self._judge.score([record for record, _ in batch])
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
            raise
        for (_, future), score in zip(batch, scores, strict=True):
            future.set_result(score)


def open_judge(source: str | None = None, max_fpr: float | None = None) -> Judge:
    """The judge of this process: loaded when first asked for, its cache shared by all who ask."""
    with _OPENING:
        return _judge(source, max_fpr)


def open_batches(source: str | None = None, max_fpr: float | None = None) -> MicroBatches:
    """Micro-batches of this process's judge."""
    with _OPENING:
        return _batches(source, max_fpr)


@cache
def _judge(source: str | None, max_fpr: float | None) -> Judge:
    return Judge.from_pretrained(source, max_fpr=max_fpr)


@cache
def _batches(source: str | None, max_fpr: float | None) -> MicroBatches:
    return MicroBatches(open_judge(source, max_fpr))


def paid(score: Score | None, reward: Mapping[str, Any] | None, unscored: float | None) -> float:
    """The reward of one completion, for a framework that cannot leave a sample out.

    Args:
        score: what the judge said.
        reward: fields of `RewardConfig` by name, but for those that need a training loop.
        unscored: reward of what could not be judged.

    Raises:
        JudgeError: there is no score and `unscored` is None.
        ConfigError: a field is unknown, or needs a training loop.
    """
    try:
        config = RewardConfig(**(reward or {}))
    except TypeError as error:
        raise ConfigError(
            f"expected fields of RewardConfig as reward settings, got {reward}: {error}"
        ) from error
    if score is not None:
        return reward_of(score, constant_table(config), config.reward_mode)
    if unscored is None:
        raise JudgeError(
            "a completion could not be judged, and this framework cannot leave a sample out; set `unscored` "
            "to the reward that it shall have"
        )
    return unscored
