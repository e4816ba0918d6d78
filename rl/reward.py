"""From what a judge says to what a policy earns. Pure; no torch.

With levels (R_c, R_a, R_w) for correct, abstain and wrong, answering with chance p of being right earns
p R_c + (1 - p) R_w. Abstaining earns more exactly below the break-even confidence

    t* = (R_a - R_w) / (R_c - R_w).

Whitened advantages are blind to shift and scale, so t* is the one degree of freedom of the three levels:
it is the knob, and the abstain level is derived from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from judge.errors import ConfigError
from judge.records import Record, Score, Verdict
from rl.config import RewardConfig, RewardMode


class Scorer(Protocol):
    """Whatever scores records: the trained judge, or a closed world's oracle."""

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        """One score per record, in order; None for a completion that cannot be judged."""
        ...


@dataclass(frozen=True, slots=True)
class RewardTable:
    """What each verdict is worth, with wrong <= abstain <= correct.

    >>> RewardTable(correct=1.0, abstain=0.5, wrong=-1.0).break_even
    0.75
    """

    correct: float = 1.0
    abstain: float = 0.0
    wrong: float = -1.0

    def __post_init__(self) -> None:
        if not self.wrong < self.correct or not self.wrong <= self.abstain <= self.correct:
            raise ConfigError(
                "a reward table needs wrong <= abstain <= correct and wrong < correct, got "
                f"correct={self.correct}, abstain={self.abstain}, wrong={self.wrong}"
            )

    def __str__(self) -> str:
        return f"correct {self.correct:g}, abstain {self.abstain:g}, wrong {self.wrong:g}"

    @classmethod
    def from_break_even(cls, t: float, correct: float = 1.0, wrong: float = -1.0) -> "RewardTable":
        """The table whose break-even confidence is `t`, in [0, 1]."""
        if not 0.0 <= t <= 1.0:
            raise ConfigError(f"a break-even confidence is in [0, 1], got {t}")
        return cls(correct=correct, abstain=wrong + t * (correct - wrong), wrong=wrong)

    def with_break_even(self, t: float) -> "RewardTable":
        """The table with the same ends whose break-even confidence is `t`, in [0, 1]."""
        return self.from_break_even(t, self.correct, self.wrong)

    @property
    def break_even(self) -> float:
        """t* in [0, 1]: abstaining pays off exactly below this chance of being right."""
        return (self.abstain - self.wrong) / (self.correct - self.wrong)

    def of(self, verdict: Verdict) -> float:
        """The level of one verdict."""
        levels = {
            Verdict.CORRECT: self.correct,
            Verdict.ABSTAIN: self.abstain,
            Verdict.WRONG: self.wrong,
        }
        return levels[verdict]


@dataclass(frozen=True, slots=True)
class BreakEvenRamp:
    """t* moving linearly from `start` at update 0 to `end` at update `updates`, constant after it.

    A low start lets the policy learn to be right before saying "I don't know" pays: with a high t* from
    the first update it collapses to abstaining always.
    """

    start: float
    end: float
    updates: int = 0
    correct: float = 1.0
    wrong: float = -1.0

    def at(self, update: int) -> RewardTable:
        """The table in force at this update, counted from 0."""
        done = 1.0 if self.updates == 0 else min(update / self.updates, 1.0)
        t = (1.0 - done) * self.start + done * self.end
        return RewardTable.from_break_even(t, correct=self.correct, wrong=self.wrong)


def ramp_of(config: RewardConfig) -> BreakEvenRamp:
    """The schedule that the settings describe; a constant t* is a ramp of no length."""
    start = config.break_even if config.break_even_start is None else config.break_even_start
    return BreakEvenRamp(
        start, config.break_even, config.ramp_updates, config.reward_correct, config.reward_wrong
    )


def steered_break_even(t: float, abstain_rate: float, target: float, gain: float) -> float:
    """t* moved against the error of the abstain rate: t + gain (target - rate), kept in [0, 1].

    A policy that abstains too seldom is paid more for it, one that does so too often less, so that what is
    left to learn is *when* to abstain.

    Args:
        t: the break-even confidence that is set.
        abstain_rate: share of the rollout that abstained, in [0, 1].
        target: the rate at which `t` is left as it is, in [0, 1].
        gain: change of t for each unit of error, at least 0.

    >>> steered_break_even(0.5, abstain_rate=0.1, target=0.4, gain=1.0)
    0.8
    """
    return min(max(t + gain * (target - abstain_rate), 0.0), 1.0)


def probed_break_even(t: float, correct_rate: float, gain: float) -> float:
    """t* of one question, moved against what was known of it: t + gain (t - c), kept in [0, 1].

    Abstaining pays less where the policy was often right, more where it was seldom. While its chance of
    being right is still c, answering pays exactly where it did before, c > t, and what lies between answering
    and abstaining is 1 + gain times as much: c - (t + gain (t - c)) = (1 + gain) (c - t).

    Args:
        t: the break-even confidence of all questions.
        correct_rate: c, share of right answers to this question before training, in [0, 1].
        gain: change of t for each unit that it differs from c, at least 0.

    >>> [probed_break_even(0.5, correct_rate, gain=1.0) for correct_rate in (0.0, 0.5, 0.75)]
    [1.0, 0.5, 0.25]
    """
    return min(max(t + gain * (t - correct_rate), 0.0), 1.0)


def table_for(scores: Sequence[Score | None], update: int, config: RewardConfig) -> RewardTable:
    """The table in force at an update: the ramp's, steered by the abstain rate if that is asked for."""
    ramp = ramp_of(config)
    table = ramp.at(update)
    verdicts = [score.verdict for score in scores if score is not None]
    if config.abstain_target is None or not verdicts:
        return table
    rate = verdicts.count(Verdict.ABSTAIN) / len(verdicts)
    t = steered_break_even(table.break_even, rate, config.abstain_target, config.abstain_gain)
    return RewardTable.from_break_even(t, config.reward_correct, config.reward_wrong)


def constant_table(config: RewardConfig, *, sees_ends: bool = False) -> RewardTable:
    """The table for completions that are rewarded outside a training loop.

    Args:
        sees_ends: whether it is known which completions were cut.

    Raises:
        ConfigError: a setting needs updates to count, a rollout to steer by, or the ends of completions.
    """
    settings = ("break_even_start", "abstain_target") + (() if sees_ends else ("missing_eos_penalty",))
    for name in settings:
        if getattr(config, name) is not None:
            raise ConfigError(f"{name} is for training, got {getattr(config, name)}; leave it out here")
    return ramp_of(config).at(0)


def hard_reward(score: Score, table: RewardTable) -> float:
    """The level of the verdict."""
    return table.of(score.verdict)


def soft_reward(score: Score, table: RewardTable) -> float:
    """Expected level under the judge's probabilities: sum over verdicts v of p(v) R_v."""
    return sum(p * table.of(verdict) for verdict, p in score.probabilities().items())


def reward_of(score: Score, table: RewardTable, mode: RewardMode) -> float:
    """What one score is worth, hard or soft."""
    return soft_reward(score, table) if mode == RewardMode.SOFT else hard_reward(score, table)


def rewards_of(
    scores: Sequence[Score | None],
    truncated: Sequence[bool],
    table: RewardTable,
    config: RewardConfig,
    correct_rates: Sequence[float | None] | None = None,
) -> list[float | None]:
    """One reward per score; None where there is no score, so that the sample is left out.

    Args:
        scores: what the judge said of each completion.
        truncated: True where the completion was cut before its end; `missing_eos_penalty` applies there.
        table: the levels in force.
        config: hard or soft, the penalty, and what a probe changes.
        correct_rates: of each one's question, before training; None where it was not probed. Unset: none was.
    """
    penalty = config.missing_eos_penalty or 0.0
    tables = [_table_of_one(table, rate, config) for rate in correct_rates or [None] * len(scores)]
    return [
        None if score is None else reward_of(score, own, config.reward_mode) - penalty * cut
        for score, cut, own in zip(scores, truncated, tables, strict=True)
    ]


def _table_of_one(table: RewardTable, correct_rate: float | None, config: RewardConfig) -> RewardTable:
    if correct_rate is None:
        return table
    return table.with_break_even(probed_break_even(table.break_even, correct_rate, config.probe_gain))


def effective_break_even(t: float, true_accept: float, false_accept: float) -> float:
    """The chance of being right below which abstaining pays when an imperfect judge pays at `t`.

    A judge that accepts right answers at rate a and wrong ones at rate b shows p' = b + p (a - b), so
    p' < t means p < (t - b) / (a - b). May leave [0, 1]: then the policy answers, or abstains, always.
    """
    _check_rates(true_accept, false_accept)
    return (t - false_accept) / (true_accept - false_accept)


def corrected_break_even(t: float, true_accept: float, false_accept: float) -> float:
    """The t* to set so that, through an imperfect judge, abstaining pays off exactly below `t`.

    The inverse of `effective_break_even`: b + t (a - b).

    >>> corrected_break_even(0.5, true_accept=1.0, false_accept=0.5)
    0.75
    """
    _check_rates(true_accept, false_accept)
    return false_accept + t * (true_accept - false_accept)


def _check_rates(true_accept: float, false_accept: float) -> None:
    if not 0.0 <= false_accept < true_accept <= 1.0:
        raise ConfigError(
            "a judge must accept right answers more often than wrong ones, with rates in [0, 1]; "
            f"got true_accept={true_accept}, false_accept={false_accept}"
        )
