"""What a warm start teaches a model to say: answers of its own, and abstentions. Pure.

Refusal-aware targets follow what the model knows (Zhang et al. 2024, R-Tuning, arXiv:2311.09677), but keep to
its own words: a right answer that it never gives would teach it to make things up. Random ones change nothing
but that abstaining is said now and then; when it pays is left to reinforcement learning.
"""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from judge.errors import DataError
from judge.records import Record, Verdict
from rl.answers import Answers, said
from rl.config import Targets, WarmStartConfig
from rl.tracking import Row, verdict_metrics


class Target(NamedTuple):
    """What to say to a question."""

    question: Record
    text: str  # as it goes on from the prompt
    abstains: bool


def correct_rate(answers: Answers) -> float:
    """Share of right answers among the judged, in [0, 1]; NaN if none is judged."""
    return verdict_metrics(answers.scores)["judge/correct_rate"]


def probe_row(answers: Answers) -> Row:
    """What the model knows of one question: the share of each verdict, and every answer with its own."""
    metrics = verdict_metrics(answers.scores)
    rates = {f"{verdict}_rate": metrics[f"judge/{verdict}_rate"] for verdict in Verdict}
    return {
        "id": answers.question.id,
        "prompt": answers.question.prompt,
        "reference": list(answers.question.references),
        **{name: None if math.isnan(rate) else rate for name, rate in rates.items()},
        "completions": [record.completion for record in answers.answered],
        "verdicts": [None if score is None else score.verdict.value for score in answers.scores],
    }


def targets_of(answers: Sequence[Answers], config: WarmStartConfig, *, chat: bool, seed: int) -> list[Target]:
    """One target for each question.

    Random: its first answer, right or wrong; `abstain_share` of them replaced. Refusal-aware: a right answer
    where at least `known_from` are right, an abstention elsewhere, nothing where no answer was judged.

    Args:
        answers: what the model says.
        config: which targets, and how to abstain.
        chat: whether a target is a message of its own, or goes on from the prompt.
        seed: of the abstentions' words and, for random targets, of their places.

    Raises:
        DataError: the targets would all be abstentions, or none would be.
    """
    rng = random.Random(seed)

    def abstention(question: Record) -> Target:
        phrase = rng.choice(config.abstention)
        return Target(question, phrase if chat else continuing(question.prompt, phrase), abstains=True)

    if config.targets == Targets.RANDOM:
        replaced = set(rng.sample(range(len(answers)), round(config.abstain_share * len(answers))))
        targets = [
            abstention(each.question) if number in replaced else Target(each.question, each.texts[0], False)
            for number, each in enumerate(answers)
        ]
    else:
        targets = [
            Target(each.question, right_answer(each), abstains=False)
            if correct_rate(each) >= config.known_from
            else abstention(each.question)
            for each in answers
            if not math.isnan(correct_rate(each))
        ]
    abstentions = sum(target.abstains for target in targets)
    if not 0 < abstentions < len(targets):
        other = "abstain_share" if config.targets == Targets.RANDOM else "known_from, or --targets random"
        raise DataError(
            f"expected answers and abstentions to learn from, got {abstentions} abstentions among "
            f"{len(targets)} targets; pass another --{other}"
        )
    return targets


def right_answer(answers: Answers) -> str:
    """The first right answer that came to its end, or else the first right one."""
    right = [
        number
        for number, score in enumerate(answers.scores)
        if score is not None and score.verdict is Verdict.CORRECT
    ]
    return answers.texts[min(right, key=lambda number: answers.truncated[number])]


def continuing(prompt: str, phrase: str) -> str:
    """The phrase with the space that parts it from its prompt."""
    return phrase if prompt[-1:].isspace() else f" {phrase}"


def training_row(target: Target, *, chat: bool) -> Row:
    """Prompt and completion as SFTTrainer takes them."""
    prompt, completion = said(target.question, target.text, chat=chat)
    return {"prompt": prompt, "completion": completion}
