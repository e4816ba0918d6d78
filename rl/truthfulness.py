"""How truthful a policy is: right, abstaining or hallucinating, on what it knows and on what it does not.

Beside the rates stands the baseline that needs no training: abstain where the log-prob of the answer is below
a threshold. Risk-coverage after El-Yaniv and Wiener 2010 (jmlr.org/papers/v11/el-yaniv10a.html).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from judge.errors import DataError
from judge.records import Record, Score, Verdict
from rl.policy import Policy
from rl.rollout import DEFAULT_BATCH_SIZE, sample


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of the scored answers, in [0, 1], which sum to 1."""

    correct: float
    abstained: float
    hallucinated: float

    @classmethod
    def of(cls, scores: Sequence[Score | None]) -> "Rates":
        """Rates over the scores that there are."""
        verdicts = [score.verdict for score in scores if score is not None]
        if not verdicts:
            raise DataError(f"expected at least one score, {len(scores)} given and none of them judged")
        correct, abstained, wrong = (
            verdicts.count(verdict) / len(verdicts)
            for verdict in (Verdict.CORRECT, Verdict.ABSTAIN, Verdict.WRONG)
        )
        return cls(correct, abstained, wrong)

    @property
    def truthfulness(self) -> float:
        """Correct less hallucinated, in [-1, 1]; abstaining is worth 0."""
        return self.correct - self.hallucinated


@dataclass(frozen=True, slots=True)
class Truthfulness:
    """Rates on questions whose answer the policy could know and on those whose answer it could not."""

    known: Rates
    unknown: Rates

    @property
    def truthfulness(self) -> float:
        """Mean of both halves, in [-1, 1]: either counts the same, however many questions it has."""
        return (self.known.truthfulness + self.unknown.truthfulness) / 2


class Answer(NamedTuple):
    """A record with the policy's answer, and how likely the policy held it."""

    record: Record
    logprob: float  # nats, of the completion and its end


@torch.no_grad()
def answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
    *,
    max_new_tokens: int,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> list[Answer]:
    """The greedy answer to each record's prompt, in order."""
    policy = Policy(model)
    answers: list[Answer] = []
    for start in range(0, len(records), batch_size):
        asked = records[start : start + batch_size]
        rollout = sample(
            model, tokenizer, [record.prompt for record in asked], max_new_tokens=max_new_tokens, greedy=True
        )
        logprobs = policy(rollout.episodes).logprobs.sum(1).tolist()
        answers += [
            Answer(replace(record, completion=completion), logprob)
            for record, completion, logprob in zip(asked, rollout.completions, logprobs, strict=True)
        ]
    return answers


def abstain_below(
    answers: Sequence[Answer], scores: Sequence[Score | None], threshold: float
) -> list[Score | None]:
    """The scores, had the policy abstained wherever the log-prob of its answer is below `threshold`."""
    abstained = Score(equivalence=0.0, abstention=1.0, verdict=Verdict.ABSTAIN)
    return [
        abstained if score is not None and answer.logprob < threshold else score
        for answer, score in zip(answers, scores, strict=True)
    ]


def best_threshold(answers: Sequence[Answer], scores: Sequence[Score | None]) -> float:
    """The log-prob below which to abstain for the highest truthfulness on these answers, in nats.

    Lies between two answers; minus infinity (never abstain) and infinity (always) are candidates too.
    """
    worth = {Verdict.CORRECT: 1, Verdict.ABSTAIN: 0, Verdict.WRONG: -1}
    likeliest_first = sorted(
        (
            (answer.logprob, worth[score.verdict])
            for answer, score in zip(answers, scores, strict=True)
            if score
        ),
        reverse=True,
    )
    best, total, threshold = 0, 0, math.inf
    for rank, (logprob, value) in enumerate(likeliest_first):
        total += value
        last = rank + 1 == len(likeliest_first)
        following = -math.inf if last else likeliest_first[rank + 1][0]
        if total > best and following < logprob:
            best, threshold = total, (logprob + following) / 2
    return threshold


class RiskCoverage(NamedTuple):
    """Answering only what is held likeliest: the share answered, and the share of that which is wrong."""

    coverage: float  # in (0, 1]
    risk: float  # in [0, 1]


def risk_coverage(answers: Sequence[Answer], scores: Sequence[Score | None]) -> list[RiskCoverage]:
    """One point per answer given, from the likeliest to all of them. Abstentions are not covered."""
    scored = [(answer.logprob, score.verdict) for answer, score in zip(answers, scores, strict=True) if score]
    given = sorted(
        ((logprob, verdict) for logprob, verdict in scored if verdict is not Verdict.ABSTAIN), reverse=True
    )
    points, wrong = [], 0
    for rank, (_, verdict) in enumerate(given, start=1):
        wrong += verdict is Verdict.WRONG
        points.append(RiskCoverage(rank / len(scored), wrong / rank))
    return points
