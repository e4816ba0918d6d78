"""What a policy says to each question, n times, and what the judge says of it. Nothing is trained here.

Prompts and answers are text, or messages where the policy is asked in chat, as TRL's trainers take them.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from judge.records import Record, Score, Turn
from rl.config import SamplingConfig
from rl.ppo import with_completions
from rl.reward import Scorer
from rl.rollout import Rollout, messages_of, sample


class Answers(NamedTuple):
    """What the policy said to one question, n times; a score each, None if it was not judged."""

    question: Record
    texts: list[str]  # as the policy went on from the prompt
    answered: list[Record]
    scores: list[Score | None]
    truncated: list[bool]  # True where max_new_tokens cut it


def answers_to(
    records: Sequence[Record],
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    judge: Scorer,
    config: SamplingConfig,
) -> Iterator[Answers]:
    """n judged answers to each question, in order; `batch_size` answers are sampled at a time."""
    generator = torch.Generator(model.device).manual_seed(config.seed)
    at_once = max(config.batch_size // config.n, 1)
    for start in range(0, len(records), at_once):
        asked = records[start : start + at_once]
        repeated = [record for record in asked for _ in range(config.n)]
        rollout = sample(
            model, tokenizer, [record.asked for record in repeated],
            max_new_tokens=config.max_new_tokens, temperature=config.temperature, generator=generator,
            chat_template=config.chat_template,
        )  # fmt: skip
        texts = rollout.completions if config.chat_template else continuations(tokenizer, rollout)
        answered = with_completions(repeated, rollout.completions)
        scores = judge.score(answered)
        for number, question in enumerate(asked):
            own = slice(number * config.n, (number + 1) * config.n)
            yield Answers(question, texts[own], answered[own], scores[own], rollout.truncated[own])


def continuations(tokenizer: PreTrainedTokenizerBase, rollout: Rollout) -> list[str]:
    """Completions with the space, if any, by which they go on from their prompts: the two make one text."""
    tokens, mask, response_mask = rollout.episodes
    prompt_tokens = tokens.shape[1] - response_mask.shape[1]
    texts = []
    for ids, real in zip(tokens, mask.bool(), strict=True):
        prompt = tokenizer.decode(ids[:prompt_tokens][real[:prompt_tokens]], skip_special_tokens=True)
        whole = tokenizer.decode(ids[real], skip_special_tokens=True)
        texts.append(whole[len(prompt) :])
    return texts


def said(question: Record, answer: str, *, chat: bool) -> tuple[object, object]:
    """A question and an answer as TRL's trainers take them: text, or messages."""
    if not chat:
        return question.prompt, answer
    return messages_of(question.asked), messages_of([Turn("assistant", answer)])
