"""Questions to files that TRL trains on offline: the best of n answers each, and the best beside the worst.

The policy answers every question n times, the judge scores, the reward ranks. The best answers are rows for
SFTTrainer, the pairs for DPOTrainer. Nothing is trained here.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from tqdm import tqdm

from judge.batch import rejected_path
from judge.data import read_records
from judge.errors import ConfigError
from judge.hub import dataset_file
from judge.outputs import check_writable, open_output
from judge.scorer import Judge, find_judge
from judge.tables import format_of
from rl.answers import Answers, answers_to, said
from rl.config import BestOfNConfig, RewardConfig, SamplingConfig
from rl.pretrained import find_device, load_model
from rl.reward import constant_table, rewards_of
from rl.rollout import encode_prompts
from rl.tracking import Row, completion_rows, verdict_metrics

logger = logging.getLogger(__name__)

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


class Rewarded(NamedTuple):
    """The answers to one question with a reward each, None if not judged."""

    answers: Answers
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


def run(config: BestOfNConfig, sampling: SamplingConfig, reward: RewardConfig) -> str:
    """Sample, judge and write; what came of it in a line.

    Raises:
        CandorError: before anything is sampled, if the run could not go through.
    """
    if config.pairs is not None and sampling.n < 2:
        raise ConfigError(f"pairs need n of at least 2, got {sampling.n}; raise n, or leave pairs out")
    table = constant_table(reward, sees_ends=True)
    for output in filter(None, (config.output, config.pairs)):
        check_output(Path(output), Path(config.input))
    device = find_device(config.device)
    judge_dir = find_judge(config.judge)
    records = read_records(
        dataset_file(config.input),
        prompt_column=config.prompt_column,
        reference_column=config.reference_column,
        completion_column=None,
        id_column=config.id_column,
        rejected_path=rejected_path(Path(config.output)),
    )
    model, tokenizer = load_model(config.model, dtype=config.dtype, device=device)
    model.eval()
    encode_prompts(
        tokenizer, [record.asked for record in records], model=model,
        max_new_tokens=sampling.max_new_tokens, chat_template=sampling.chat_template,
    )  # fmt: skip
    judge = Judge.from_pretrained(judge_dir, device=device, max_fpr=config.max_fpr)
    logger.info("%s reward: %s, break-even t* %g", reward.reward_mode, table, reward.break_even)
    rewarded = (
        Rewarded(answers, rewards_of(answers.scores, answers.truncated, table, reward))
        for answers in answers_to(records, model, tokenizer, judge, sampling)
    )
    counts = write(rewarded, config, len(records), chat=sampling.chat_template)
    return describe(counts, len(records), config, sampling.n)


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


def write(rewarded: Iterator[Rewarded], config: BestOfNConfig, questions: int, *, chat: bool) -> Counts:
    """The output files, which appear once all is written."""
    counts = Counts()
    text = _MESSAGES if chat else pa.string()
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
        for each in rewarded:
            bar.update()
            if not each.ranked:
                counts.unscored += 1
                continue
            write_best([best_row(each, chat=chat)])
            counts.best += 1
            pair = pair_row(each, chat=chat)
            if write_pairs and pair is not None:
                write_pairs([pair])
                counts.pairs += 1
    return counts


def best_row(rewarded: Rewarded, *, chat: bool) -> Row:
    """The best answer to a question, under the columns of a scored file, and how many of n were right."""
    answers, best = rewarded.answers, rewarded.ranked[0]
    (row,) = completion_rows([answers.answered[best]], [answers.scores[best]], [rewarded.rewards[best]])
    prompt, completion = said(answers.question, answers.texts[best], chat=chat)
    rate = verdict_metrics(answers.scores)["judge/correct_rate"]
    return row | {"prompt": prompt, "completion": completion, "correct_rate": rate}


def pair_row(rewarded: Rewarded, *, chat: bool) -> Row | None:
    """The best paid answer beside the worst; None where all are paid alike."""
    answers, rewards = rewarded
    best, worst = rewarded.ranked[0], rewarded.ranked[-1]
    if rewards[best] == rewards[worst]:
        return None
    (prompt, chosen), (_, rejected) = (
        said(answers.question, answers.texts[number], chat=chat) for number in (best, worst)
    )
    return {
        "id": answers.question.id,
        "prompt": prompt,
        "chosen": chosen,
        "rejected": rejected,
        "chosen_reward": rewards[best],
        "rejected_reward": rewards[worst],
    }


def describe(counts: Counts, questions: int, config: BestOfNConfig, n: int) -> str:
    """What came of it, and where it is."""
    lines = [f"{counts.best:,} best answers, of {n} to each of {questions:,} questions: {config.output}"]
    if config.pairs:
        lines.append(f"{counts.pairs:,} pairs, where answers were not all paid alike: {config.pairs}")
    if counts.unscored:
        lines.append(f"{counts.unscored:,} questions without an answer that could be judged")
    return "\n".join(lines)
