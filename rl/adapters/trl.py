"""The judge as a reward function of TRL's GRPOTrainer and RLOOTrainer."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from judge.errors import ConfigError, DataError
from judge.records import Record, Score
from rl.adapters.messages import Text, answer_of, question_of, references_of
from rl.adapters.micro_batches import open_judge
from rl.config import RewardConfig
from rl.probe import Probe
from rl.processes import Processes
from rl.reward import Scorer, rewards_of, table_for
from rl.tracking import verdict_metrics

Observe = Callable[[Sequence[Record], Sequence[Score | None], Sequence[float | None]], None]
"""Told of every batch: the records that have a reference, their scores, their rewards."""


class TrainerState(Protocol):
    """What of a trainer's state the reward looks at."""

    global_step: int


class JudgeReward:
    """`reward_funcs=JudgeReward()`: the default judge, t* 0.5, references from the column `reference`.

    A completion that cannot be judged, or has no reference, gets None: TRL leaves it out. The rates of the
    verdicts and t* go to the trainer's log, the verdict of each completion to its table of completions.

    Args:
        judge: a scorer, or the directory or Hub id of a judge, loaded at the first call; the one that ships
            by default. Pickles if it is not a scorer, or one that does.
        reward: what a verdict is worth.
        probe: what was known of each question, by which abstaining pays less or more.
        reference_column: of the data set: a text, or a list of texts of which any may match.
        eos_token_ids: what ends a completion; needed for `missing_eos_penalty` alone.
        steps_per_update: optimizer steps between rollouts, by which a ramp of t* counts its updates.
        observe: told of everything that is judged.
    """

    def __init__(
        self,
        judge: Scorer | str | None = None,
        reward: RewardConfig | None = None,
        *,
        probe: Probe | None = None,
        reference_column: str = "reference",
        eos_token_ids: Collection[int] = (),
        steps_per_update: int = 1,
        observe: Observe | None = None,
    ) -> None:
        self.judge = judge
        self.reward = reward or RewardConfig()
        self.probe = probe
        self.reference_column = reference_column
        self.eos_token_ids = frozenset(eos_token_ids)
        self.steps_per_update = steps_per_update
        self.observe = observe
        if self.reward.missing_eos_penalty is not None and not self.eos_token_ids:
            raise ConfigError("missing_eos_penalty needs eos_token_ids, to know what was cut; got none")

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]] | None = None,
        trainer_state: TrainerState | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[str | None]], None] | None = None,
        **columns: Sequence[object],
    ) -> list[float | None]:
        """One reward per completion, as TRL asks for them."""
        judged = self._records(prompts, completions, columns)
        start = time.perf_counter()
        scores = self._scorer().score(list(judged.values()))
        judge_s = time.perf_counter() - start
        update = 0 if trainer_state is None else trainer_state.global_step // self.steps_per_update
        # TRL asks each process for its own share; t* and the rates are those of the whole rollout.
        everyone = Processes.joined().gathered(scores)
        table = table_for(everyone, update, self.reward)
        truncated = [self._is_cut(completion_ids, row) for row in judged]
        correct_rates = None if self.probe is None else self.probe.rates(list(judged.values()))
        rewards = rewards_of(scores, truncated, table, self.reward, correct_rates)
        if log_metric is not None:
            metrics = verdict_metrics(everyone) | {
                "reward/break_even": table.break_even,
                "time/judge_s": judge_s,
            }
            for name, value in metrics.items():
                log_metric(name, value)
        if log_extra is not None:
            verdicts = {row: score.verdict.value for row, score in zip(judged, scores, strict=True) if score}
            log_extra("verdict", [verdicts.get(row) for row in range(len(prompts))])
        if self.observe is not None:
            self.observe(list(judged.values()), scores, rewards)
        paid = dict(zip(judged, rewards, strict=True))
        return [paid.get(row) for row in range(len(prompts))]

    def _scorer(self) -> Scorer:
        return open_judge(self.judge) if self.judge is None or isinstance(self.judge, str) else self.judge

    def _records(
        self, prompts: Sequence[Text], completions: Sequence[Text], columns: dict[str, Sequence[object]]
    ) -> dict[int, Record]:
        """What can be judged, by its row."""
        cells: Sequence[Iterable[str] | None] | None = columns.get(self.reference_column)  # type: ignore[assignment]
        if cells is None:
            raise DataError(
                f"column {self.reference_column!r} not in the data set (has: {', '.join(columns)}); "
                "pass reference_column, and leave remove_unused_columns False"
            )
        ids = columns.get("id", [""] * len(prompts))
        rows = zip(prompts, map(references_of, cells), completions, ids, strict=True)
        return {
            row: Record(question_of(prompt), references, answer_of(completion), str(name))
            for row, (prompt, references, completion, name) in enumerate(rows)
            if references
        }

    def _is_cut(self, completion_ids: Sequence[Sequence[int]] | None, row: int) -> bool:
        """Whether a completion ends without an end; unknown is not cut."""
        if completion_ids is None or not self.eos_token_ids:
            return False
        return not completion_ids[row] or completion_ids[row][-1] not in self.eos_token_ids
