"""Trains the extractive reader: low-rank differences (LoRA) on the judge's encoder, and a span output.

transformers' `Trainer` does the training; this module makes the exercises, chooses the margin that an answer
must have over no answer on one half of the held-out ones, and measures on the other.
"""

import json
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase, Trainer, TrainingArguments

from judge.backbone import Backbone, find_backbone
from judge.baselines import exact_match, token_f1
from judge.config import TrainJudgeConfig, TrainReaderConfig
from judge.environment import machine, versions
from judge.errors import DataError
from judge.mixture import read_split
from judge.model import quiet_adapters
from judge.outputs import make_directory, writing
from judge.reader import READER_FILE, ExtractiveReader, Reading, chunk_pairs, open_qa_model
from judge.reader_examples import Example, make_examples
from judge.train import ROOM_NEEDED, go_on, stays_on_cpu, write_json

logger = logging.getLogger(__name__)

_CANDIDATE_MARGINS = 201
_LAYERS = ["query", "key", "value", "dense"]
"""Every linear layer of a BERT's blocks."""


def train(config: TrainReaderConfig) -> Path:
    """Train a reader and write it to `config.output_dir`; a run that was killed goes on from there.

    Returns:
        `config.output_dir`.

    Raises:
        DataError: the directory cannot be made, a training file cannot be used, or the rows make too few
            exercises.
        BackboneError: the encoder cannot be found.
    """
    output_dir = Path(config.output_dir)
    make_directory(output_dir)
    training, held_out = read_examples(config)
    answered = sum(bool(example.answer) for example in held_out)
    if not 0 < answered < len(held_out):
        raise DataError(
            "expected held-out exercises with an answer and without, to choose the margin on, found "
            f"{answered} and {len(held_out) - answered}; add rows, or raise --held_out_share"
        )
    logger.info("%d exercises, %d held out", len(training), len(held_out))
    backbone = find_backbone(config.backbone)
    torch.manual_seed(config.seed)
    model, tokenizer = open_qa_model(str(backbone.directory), fresh_output=True, attention=config.attention)
    lora = LoraConfig(
        task_type="QUESTION_ANS",
        r=config.lora_rank,
        lora_alpha=2 * config.lora_rank,
        target_modules=_LAYERS,
        modules_to_save=["qa_outputs"],
    )
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with quiet_adapters():
        model = get_peft_model(model, lora)
    run_trainer(config, model, tokenizer, training)
    write_reader(config, model, tokenizer, held_out, backbone)
    return output_dir


def read_examples(config: TrainReaderConfig) -> tuple[list[Example], list[Example]]:
    """Exercises to train on, and exercises from other groups of rows to measure on."""
    split = read_split(
        TrainJudgeConfig(
            output_dir=config.output_dir,
            train_files=config.train_files,
            data_dir=config.data_dir,
            held_out_share=config.held_out_share,
            seed=config.seed,
        )
    )
    rng = random.Random(config.seed)
    training, held_out = (make_examples(rows, seed=config.seed) for rows in (split.train, split.held_out))
    return _some(training, config.train_examples, rng), _some(held_out, config.eval_examples, rng)


def _some(examples: list[Example], size: int, rng: random.Random) -> list[Example]:
    return rng.sample(examples, size) if len(examples) > size else examples


def run_trainer(
    config: TrainReaderConfig,
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
) -> None:
    """Train in place; continue from the last checkpoint if there is one."""
    arguments = TrainingArguments(
        output_dir=str(Path(config.output_dir) / "checkpoints"),
        num_train_epochs=config.epochs,
        max_steps=config.max_steps,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        warmup_steps=config.warmup_share,
        lr_scheduler_type="linear",
        bf16=config.bf16,
        use_cpu=stays_on_cpu(config.device),
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        remove_unused_columns=False,
        label_names=["start_positions", "end_positions"],
        save_strategy="steps",
        save_steps=config.save_steps,
        save_total_limit=1,
        logging_steps=config.logging_steps,
        dataloader_pin_memory=False,
        seed=config.seed,
        report_to="none",
    )
    dataset = as_dataset(examples, tokenizer, max_tokens=config.max_tokens)
    collate = DataCollatorWithPadding(tokenizer)

    def without_length(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return dict(collate([{k: v for k, v in row.items() if k != "length"} for row in rows]))

    trainer = Trainer(model=model, args=arguments, train_dataset=dataset, data_collator=without_length)
    go_on(trainer)


def as_dataset(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, *, max_tokens: int
) -> Dataset:
    """A row for each chunk of each exercise: the model's inputs, and the answer's first and last token.

    Both are 0, the place of no answer, in a chunk that does not hold the whole answer.
    """
    encodings = chunk_pairs(
        tokenizer, [e.question for e in examples], [e.text for e in examples], max_tokens=max_tokens
    )
    columns = {name: encodings[name] for name in tokenizer.model_input_names if name in encodings}
    places = [
        _answer_tokens(examples[owner], offsets, segments)
        for owner, offsets, segments in zip(
            encodings["owner"], encodings["offset_mapping"], encodings["segment"], strict=True
        )
    ]
    return Dataset.from_dict(
        columns
        | {
            "start_positions": [first for first, _ in places],
            "end_positions": [last for _, last in places],
            "length": [len(ids) for ids in encodings["input_ids"]],
        }
    )


def _answer_tokens(
    example: Example, offsets: Sequence[tuple[int, int]], segments: Sequence[int]
) -> tuple[int, int]:
    """First and last token of the answer in a chunk; (0, 0) where it is not all there."""
    within = [
        token
        for token, ((start, end), segment) in enumerate(zip(offsets, segments, strict=True))
        if segment == 1 and start < example.end and end > example.start
    ]
    if not within or offsets[within[0]][0] > example.start or offsets[within[-1]][1] < example.end:
        return 0, 0
    return within[0], within[-1]


def write_reader(
    config: TrainReaderConfig,
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    held_out: Sequence[Example],
    backbone: Backbone,
) -> None:
    """Measure, choose the margin, and write what `ExtractiveReader.from_pretrained` reads."""
    directory = Path(config.output_dir)
    model.peft_config["default"].base_model_name_or_path = backbone.source
    reader = ExtractiveReader(model, tokenizer, max_tokens=config.max_tokens)
    readings = reader.read(questions=[e.question for e in held_out], texts=[e.text for e in held_out])
    chosen = choose_margin(held_out[::2], readings[::2])
    metrics = measure(held_out[1::2], readings[1::2], margin=chosen)
    logger.info("held out: %s", metrics["all"])
    content = {
        "backbone": {"source": backbone.source, "sha256": backbone.sha256},
        "max_tokens": config.max_tokens,
        "no_answer_margin": chosen,
    }
    half = {name: weight.half() for name, weight in model.state_dict().items()}
    with writing(directory, ROOM_NEEDED):
        model.save_pretrained(directory, state_dict=half, save_embedding_layers=False)
        (directory / READER_FILE).write_text(json.dumps(content, indent=1) + "\n")
        write_json(directory / "train_config.json", asdict(config))
        write_json(directory / "environment.json", versions() | machine())
        write_json(directory / "metrics.json", metrics)


def choose_margin(examples: Sequence[Example], readings: Sequence[Reading]) -> float:
    """The margin of the best mean of token F1 where there is an answer and silence where there is none."""
    margins = np.array([reading.margin for reading in readings])
    overlap = np.array(
        [token_f1(reading.span, example.answer) for example, reading in zip(examples, readings, strict=True)]
    )
    answerable = np.array([bool(example.answer) for example in examples])
    candidates = np.quantile(margins, np.linspace(0.0, 1.0, _CANDIDATE_MARGINS))
    quality = [
        np.where(margins > margin, overlap, 0.0)[answerable].mean() + (margins <= margin)[~answerable].mean()
        for margin in candidates
    ]
    return float(candidates[int(np.argmax(quality))])


def measure(
    examples: Sequence[Example], readings: Sequence[Reading], *, margin: float
) -> dict[str, dict[str, float]]:
    """Exact match and token F1 where there is an answer, silence where there is none; by source, and `all`.

    Args:
        examples: N exercises.
        readings: N readings, one for each.
        margin: above it an answer is given.
    """
    rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    counts = Counter(example.source for example in examples) + Counter(all=len(examples))
    for example, reading in zip(examples, readings, strict=True):
        given = reading.span if reading.margin > margin else ""
        for name in ("all", example.source):
            if example.answer:
                rows[name]["exact_match"].append(exact_match(given, example.answer))
                rows[name]["token_f1"].append(token_f1(given, example.answer))
            else:
                rows[name]["no_answer_accuracy"].append(float(not given))
    return {
        name: {metric: float(np.mean(values)) for metric, values in sorted(metrics.items())}
        | {"rows": counts[name]}
        for name, metrics in sorted(rows.items())
    }
