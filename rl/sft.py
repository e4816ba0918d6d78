"""A warm start: what does a model know, and a model that may say that it does not.

A policy that never abstains is never rewarded for it. The model answers every question n times and the judge
says which answers are right; TRL's SFTTrainer then trains it on answers of its own and abstentions. The tiny
models of the closed world are trained by `rl.warm_start`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from tqdm import tqdm
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer

from judge.errors import ConfigError
from judge.hub import dataset_file
from judge.outputs import Rows, open_output, write_text
from judge.records import Record
from judge.scorer import Judge, find_judge
from rl.answers import Answers, answers_to
from rl.config import SamplingConfig, WarmStartConfig
from rl.pretrained import find_device, load_model, save_model
from rl.progress import rates
from rl.questions import load_records
from rl.reward import Scorer
from rl.rollout import encode_prompts, special_tokens, window_of
from rl.run_directory import (
    CONFIG_FILE,
    MODEL_DIR,
    RESULT_FILE,
    check_output_dir,
    digests,
    settings_text,
    write_environment,
)
from rl.targets import Target, continuing, correct_rate, probe_row, targets_of, training_row
from rl.tracking import verdict_metrics
from rl.trl_training import trainer_arguments

PROBE_FILE = "probe.jsonl"
TARGETS_FILE = "targets.jsonl"
METRICS_FILE = "metrics.jsonl"
TRIED_QUESTIONS = 100
"""Questions after which an abstention is tried on the judge."""
UNDERSTOOD = 0.95
"""Share of them after which the judge must take it for one; a judge may stumble over an odd question."""


def run(config: WarmStartConfig, sampling: SamplingConfig) -> str:
    """Probe the model, train it, and write both to `config.output_dir`; what came of it in three lines.

    Raises:
        CandorError: before anything is sampled, if the run could not go through; after it, if the model
            knows all or nothing.
    """
    output_dir = Path(config.output_dir)
    check_output_dir(output_dir, Path(config.data), resumes=False)
    settings = settings_text(config, sampling)
    config = replace(config, data=str(dataset_file(config.data)))
    device = find_device(config.device)
    shared = trainer_arguments(config, output_dir, torch.device(device), sampling.seed)
    judge_dir = find_judge(config.judge)
    records = load_records(config)
    model, tokenizer = load_model(
        config.model, dtype=config.dtype, lora_rank=config.lora_rank, device=device, seed=sampling.seed
    )
    model.eval()
    check(config, sampling, model, tokenizer, records)
    arguments = arguments_of(config, shared, window_of(model))
    judge = Judge.from_pretrained(judge_dir, device=device, max_fpr=config.max_fpr)
    refuse_misread(config.abstention, records, judge)
    write_text(output_dir / CONFIG_FILE, settings)
    write_environment(output_dir, digests({"data": config.data}, {"judge": judge_dir}))
    asked = answers_to(records, model, tokenizer, judge, sampling)
    answers = list(tqdm(asked, total=len(records), unit=" questions", desc="answering"))
    write_rows(output_dir / PROBE_FILE, [probe_row(each) for each in answers])
    chat = sampling.chat_template
    targets = targets_of(answers, config, chat=chat, seed=sampling.seed)
    rows = [training_row(target, chat=chat) for target in targets]
    write_rows(
        output_dir / TARGETS_FILE,
        [
            {"id": target.question.id} | row | {"abstains": target.abstains}
            for target, row in zip(targets, rows, strict=True)
        ],
    )
    metrics = fine_tune(model, tokenizer, rows, arguments)
    write_rows(output_dir / METRICS_FILE, metrics)
    # Whole, as `train-rl` and everything else can load it.
    save_model(
        model.merge_and_unload() if isinstance(model, PeftModel) else model, tokenizer, output_dir / MODEL_DIR
    )
    description = describe(answers, targets, metrics, config)
    write_text(output_dir / RESULT_FILE, description)
    return description


def check(
    config: WarmStartConfig,
    sampling: SamplingConfig,
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
) -> None:
    """Refuse a run that could not go through."""
    special_tokens(model, tokenizer)
    if tokenizer.eos_token is None:
        raise ConfigError("the tokenizer has no EOS token to end a target with; set tokenizer.eos_token")
    encode_prompts(
        tokenizer, [record.asked for record in records], model=model,
        max_new_tokens=sampling.max_new_tokens, chat_template=sampling.chat_template,
    )  # fmt: skip
    for phrase in config.abstention:
        said = continuing("", phrase)
        tokens = len(tokenizer(said, add_special_tokens=False)["input_ids"]) + 1  # and its end
        if tokens > sampling.max_new_tokens:
            raise ConfigError(
                f"the abstention {phrase!r} has {tokens} tokens with its end, max_new_tokens is "
                f"{sampling.max_new_tokens}; raise it, or abstain in fewer words"
            )


def refuse_misread(phrases: Sequence[str], records: Sequence[Record], judge: Scorer) -> None:
    """Refuse an abstention that the judge does not take for one: it would be paid like a wrong answer."""
    tried = records[:TRIED_QUESTIONS]
    for phrase in phrases:
        rate = verdict_metrics(judge.score([replace(record, completion=phrase) for record in tried]))[
            "judge/abstain_rate"
        ]
        if not rate >= UNDERSTOOD:
            raise ConfigError(
                f"expected an abstention that the judge takes for one, it does so with {phrase!r} after "
                f"{rate:.0%} of {len(tried)} questions; pass another --abstention, or another --judge"
            )


def arguments_of(config: WarmStartConfig, shared: Mapping[str, Any], window: int | None) -> SFTConfig:
    """The settings of a run as TRL spells them; the loss is on the completions alone.

    Args:
        shared: what every trainer of TRL is told.
        window: the most tokens that the model can read, if its config says so.
    """
    micro_batch_size = config.micro_batch_size or config.step_examples
    return SFTConfig(
        **shared,
        num_train_epochs=config.epochs,
        per_device_train_batch_size=micro_batch_size,
        gradient_accumulation_steps=config.step_examples // micro_batch_size,
        learning_rate=config.learning_rate,
        lr_scheduler_type=str(config.lr_scheduler_type),
        completion_only_loss=True,
        max_length=window,
        logging_steps=1,
    )


def fine_tune(
    model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, rows: Rows, arguments: SFTConfig
) -> list[dict[str, float]]:
    """Train `model` in place; the loss of every step, in nats a token."""
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list([dict(row) for row in rows]),
        processing_class=tokenizer,
        callbacks=[Bar()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    model.eval()
    return [
        {name: row[name] for name in ("step", "loss", "learning_rate", "grad_norm")}
        for row in trainer.state.log_history
        if "loss" in row
    ]


class Bar(TrainerCallback):
    """A bar that moves with each step."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Called by the trainer before the first step."""
        self._bar = tqdm(total=state.max_steps, unit="step", desc="training")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        """Called after each step, and once at the end with figures of the whole run."""
        if logs is not None and "loss" in logs:
            self._bar.set_postfix_str(f"loss {logs['loss']:.3f}")
            self._bar.update()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Called after the last step."""
        self._bar.close()


def write_rows(path: Path, rows: Rows) -> None:
    """A whole file of rows as JSON Lines."""
    with open_output(path, {}) as write:
        write(rows)


def describe(
    answers: Sequence[Answers],
    targets: Sequence[Target],
    metrics: Sequence[dict[str, float]],
    config: WarmStartConfig,
) -> str:
    """What the model knew, what it was taught, and where the results are."""
    said = rates(verdict_metrics([score for each in answers for score in each.scores]))
    known = sum(correct_rate(each) >= config.known_from for each in answers)
    abstentions = sum(target.abstains for target in targets)
    return (
        f"before: {said}; {known:,} of {len(answers):,} questions known, right in at least "
        f"{config.known_from:.0%} of {len(answers[0].texts)} answers\n"
        f"taught: {len(targets) - abstentions:,} answers, {abstentions:,} abstentions; loss "
        f"{metrics[0]['loss']:.3f} at first, {metrics[-1]['loss']:.3f} at last\n"
        f"model: {Path(config.output_dir) / MODEL_DIR}; {PROBE_FILE}, {TARGETS_FILE} and settings: "
        f"{config.output_dir}"
    )
