"""Questions to files that TRL trains on offline: the best of n answers each, and the best beside the worst.

The policy answers every question n times, the judge scores, the reward ranks. The best answers are rows for
SFTTrainer, the pairs for DPOTrainer; prompts and answers are text, or messages where the policy is asked in
chat. Nothing is trained here.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import torch
from peft import PeftModel
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from judge.batch import rejected_path
from judge.data import read_records
from judge.errors import ConfigError
from judge.outputs import check_writable, open_output
from judge.records import Record, Score
from judge.scorer import Judge, find_judge
from judge.tables import format_of
from rl.config import BestOfNConfig, RewardConfig
from rl.ppo import with_completions
from rl.pretrained import find_device, load_model
from rl.reward import Scorer, constant_table, rewards_of
from rl.rollout import Rollout, encode_prompts, sample
from rl.tracking import Row, completion_rows, verdict_metrics

logger = logging.getLogger(__name__)

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


class Answers(NamedTuple):
    """What the policy said to one question, n times; one score and one reward each, None if not judged."""

    question: Record
    texts: list[str]  # as the policy went on from the prompt
    answered: list[Record]
    scores: list[Score | None]
    rewards: list[float | None]

    @property
    def ranked(self) -> list[int]:
        """The judged answers, best paid first; of equally paid ones, the one sampled first."""
        judged = [(reward, number) for number, reward in enumerate(self.rewards) if reward is not None]
        return [number for reward, number in sorted(judged, key=lambda each: -each[0])]


@dataclass(slots=True)
class Counts:
    """What came of the questions."""

    best: int = 0
    pairs: int = 0
    unscored: int = 0  # questions of which no answer could be judged


def run(config: BestOfNConfig, reward: RewardConfig) -> str:
    """Sample, judge and write; what came of it in a line.

    Raises:
        CandorError: before anything is sampled, if the run could not go through.
    """
    table = constant_table(reward, sees_ends=True)
    for output in filter(None, (config.output, config.pairs)):
        check_output(Path(output), Path(config.input))
    device = find_device(config.device)
    judge_dir = find_judge(config.judge)
    records = read_records(
        config.input,
        prompt_column=config.prompt_column,
        reference_column=config.reference_column,
        completion_column=None,
        id_column=config.id_column,
        rejected_path=rejected_path(Path(config.output)),
    )
    model, tokenizer = load_model(config.model, dtype=config.dtype, device=device)
    model.eval()
    encode_prompts(
        tokenizer, [record.prompt for record in records], model=model,
        max_new_tokens=config.max_new_tokens, chat_template=config.chat_template,
    )  # fmt: skip
    judge = Judge.from_pretrained(judge_dir, device=device, max_fpr=config.max_fpr)
    logger.info("%s reward: %s, break-even t* %g", reward.reward_mode, table, reward.break_even)
    counts = write(answers_to(records, model, tokenizer, judge, config, reward), config, len(records))
    return describe(counts, len(records), config)


def check_output(output: Path, given: Path) -> None:
    """Refuse a file that cannot be written, or that is read.

    Raises:
        ConfigError: it is the input.
        DataError: its format is none, or its place cannot be written.
    """
    format_of(output)
    check_writable(output)
    if given.exists() and any(
        path.exists() and path.samefile(given) for path in (output, rejected_path(output))
    ):
        raise ConfigError(f"the input {given} would be overwritten by {output}; choose another name")


def answers_to(
    records: Sequence[Record],
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    judge: Scorer,
    config: BestOfNConfig,
    reward: RewardConfig,
) -> Iterator[Answers]:
    """n judged answers to each question, in order; `batch_size` answers are sampled at a time."""
    table = constant_table(reward, sees_ends=True)
    generator = torch.Generator(model.device).manual_seed(config.seed)
    at_once = max(config.batch_size // config.n, 1)
    for start in range(0, len(records), at_once):
        asked = records[start : start + at_once]
        repeated = [record for record in asked for _ in range(config.n)]
        rollout = sample(
            model, tokenizer, [record.prompt for record in repeated],
            max_new_tokens=config.max_new_tokens, temperature=config.temperature, generator=generator,
            chat_template=config.chat_template,
        )  # fmt: skip
        texts = rollout.completions if config.chat_template else continuations(tokenizer, rollout)
        answered = with_completions(repeated, rollout.completions)
        scores = judge.score(answered)
        rewards = rewards_of(scores, rollout.truncated, table, reward)
        for number, question in enumerate(asked):
            own = slice(number * config.n, (number + 1) * config.n)
            yield Answers(question, texts[own], answered[own], scores[own], rewards[own])


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


def write(answers: Iterator[Answers], config: BestOfNConfig, questions: int) -> Counts:
    """The output files, which appear once all is written."""
    counts = Counts()
    text = _MESSAGES if config.chat_template else pa.string()
    shared = {"id": pa.string(), "prompt": text}
    best_columns = shared | {
        "reference": pa.list_(pa.string()), "completion": text, "verdict": pa.string(),
        "equivalence": pa.float64(), "abstention": pa.float64(), "reward": pa.float64(),
        "correct_rate": pa.float64(),
    }  # fmt: skip
    pair_columns = shared | {
        "chosen": text, "rejected": text, "chosen_reward": pa.float64(), "rejected_reward": pa.float64(),
    }  # fmt: skip
    with ExitStack() as files, tqdm(total=questions, unit=" questions", desc="answering") as bar:
        write_best = files.enter_context(open_output(Path(config.output), best_columns))
        write_pairs = config.pairs and files.enter_context(open_output(Path(config.pairs), pair_columns))
        for each in answers:
            bar.update()
            if not each.ranked:
                counts.unscored += 1
                continue
            write_best([best_row(each, chat=config.chat_template)])
            counts.best += 1
            pair = pair_row(each, chat=config.chat_template)
            if write_pairs and pair is not None:
                write_pairs([pair])
                counts.pairs += 1
    return counts


def best_row(answers: Answers, *, chat: bool) -> Row:
    """The best answer to a question, under the columns of a scored file, and how many of n were right."""
    best = answers.ranked[0]
    (row,) = completion_rows([answers.answered[best]], [answers.scores[best]], [answers.rewards[best]])
    prompt, completion = said(answers, best, chat=chat)
    rate = verdict_metrics(answers.scores)["judge/correct_rate"]
    return row | {"prompt": prompt, "completion": completion, "correct_rate": rate}


def pair_row(answers: Answers, *, chat: bool) -> Row | None:
    """The best paid answer beside the worst; None where all are paid alike."""
    best, worst = answers.ranked[0], answers.ranked[-1]
    if answers.rewards[best] == answers.rewards[worst]:
        return None
    prompt, chosen = said(answers, best, chat=chat)
    return {
        "id": answers.question.id,
        "prompt": prompt,
        "chosen": chosen,
        "rejected": said(answers, worst, chat=chat)[1],
        "chosen_reward": answers.rewards[best],
        "rejected_reward": answers.rewards[worst],
    }


def said(answers: Answers, number: int, *, chat: bool) -> tuple[object, object]:
    """Question and one answer as TRL's trainers take them: text, or messages."""
    question, text = answers.question.prompt, answers.texts[number]
    if not chat:
        return question, text
    return [{"role": "user", "content": question}], [{"role": "assistant", "content": text}]


def describe(counts: Counts, questions: int, config: BestOfNConfig) -> str:
    """What came of it, and where it is."""
    lines = [
        f"{counts.best:,} best answers, of {config.n} to each of {questions:,} questions: {config.output}"
    ]
    if config.pairs:
        lines.append(f"{counts.pairs:,} pairs, where answers were not all paid alike: {config.pairs}")
    if counts.unscored:
        lines.append(f"{counts.unscored:,} questions without an answer that could be judged")
    return "\n".join(lines)
