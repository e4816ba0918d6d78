"""Watches for judge hacking: does the policy get better, or only better at pleasing the judge?

Held-out questions are answered greedily and scored twice, by the judge that pays and by a second scorer that
does not. A policy that has found the judge's faults raises the one score and not the other.
"""

import logging
import math
import time
from collections.abc import Sequence

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from judge.records import Prompt, Record, Score, Verdict
from rl.config import PPOConfig
from rl.ppo import with_completions
from rl.processes import Processes
from rl.reward import Scorer
from rl.rollout import generate
from rl.tracking import Metrics, verdict_metrics

logger = logging.getLogger(__name__)

ALONE = "eval/judge_alone_rate"
"""Share of the held-out answers that the judge takes for right and the second scorer does not."""


class HackingAlarm:
    """Called before each update with its number; what held-out questions showed, if their turn has come.

    Nothing is drawn at random and nothing trained, so a run learns the same with it and without.

    Args:
        records: held-out questions.
        model: the policy, as it is whenever this is called.
        tokenizer: the model's own.
        judge: the one that pays.
        second: another; of its verdicts only right and not right count.
        config: how long an answer may be, how it is asked for, and how many are made at a time.
        every: updates between evaluations, the first before update 0.
        gap: how much the share of answers that are right by the judge alone may grow.
        history: metrics of the updates that are done.
    """

    def __init__(
        self,
        records: Sequence[Record],
        *,
        model: PreTrainedModel | PeftModel,
        tokenizer: PreTrainedTokenizerBase,
        judge: Scorer,
        second: Scorer,
        config: PPOConfig,
        every: int,
        gap: float,
        history: Sequence[Metrics] = (),
    ) -> None:
        self.records = records
        self.model = model
        self.tokenizer = tokenizer
        self.judge = judge
        self.second = second
        self.config = config
        self.every = every
        self.gap = gap
        self._first = next((row for row in history if not math.isnan(row.get(ALONE, math.nan))), None)

    def __call__(self, update: int) -> Metrics:
        """Metrics of the policy before this update; none between evaluations."""
        return {} if update % self.every else self.measure(update)

    def measure(self, update: int) -> Metrics:
        """Shares of the held-out answers, and 1 as `eval/alarm` where the scorers have parted."""
        start = time.perf_counter()
        processes = Processes.joined()
        completions = processes.spread(self._answers, [record.asked for record in self.records])
        answered = with_completions(self.records, completions)
        scores, seconds = (processes.spread(scorer.score, answered) for scorer in (self.judge, self.second))
        metrics = shares(scores, seconds)
        if self._first is None and not math.isnan(metrics[ALONE]):
            self._first = metrics
        parted = self._first is not None and have_parted(self._first, metrics, self.gap)
        if self._first is not None and parted:
            logger.warning("before update %d: %s", update, warning(self._first, metrics))
        return metrics | {"eval/alarm": float(parted), "time/eval_s": time.perf_counter() - start}

    def _answers(self, prompts: Sequence[Prompt]) -> list[str]:
        return generate(
            self.model, self.tokenizer, prompts, max_new_tokens=self.config.max_new_tokens, greedy=True,
            chat_template=self.config.chat_template, bf16=self.config.bf16,
            batch_size=self.config.episodes,
        )  # fmt: skip


def shares(scores: Sequence[Score | None], seconds: Sequence[Score | None]) -> Metrics:
    """Shares of the judge's verdicts, of what is right by the second scorer, and by the judge alone.

    All are among what could be scored, the last among what both could score; NaN where nothing could be.
    """
    own, second = verdict_metrics(scores), verdict_metrics(seconds)
    both = [(one.verdict, other.verdict) for one, other in zip(scores, seconds, strict=True) if one and other]
    alone = [one is Verdict.CORRECT is not other for one, other in both]
    rates = {f"eval/{verdict}_rate": own[f"judge/{verdict}_rate"] for verdict in Verdict}
    return rates | {
        "eval/unscored": own["judge/unscored"],
        "eval/second_correct_rate": second["judge/correct_rate"],
        ALONE: sum(alone) / len(alone) if alone else math.nan,
    }


def have_parted(first: Metrics, now: Metrics, gap: float) -> bool:
    """Whether what the judge alone takes for right has grown by more than `gap`."""
    return now[ALONE] - first[ALONE] > gap


def warning(first: Metrics, now: Metrics) -> str:
    """What was seen, and what to do."""
    return (
        f"the judge takes {now[ALONE]:.0%} of the held-out answers for right that the second scorer does "
        f"not, {first[ALONE]:.0%} at first: the policy may please the judge without being right; read the "
        "best-paid completions, and train the judge on those that fool it"
    )
