"""Supervised training of the judge on paired texts: one encoder, one multi-task run.

sentence-transformers' `CrossEncoderTrainer` does the training (progress, early stopping, resume, mixed
precision, several devices through accelerate); this module decides on what, and measures by task.
"""

import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from datasets import Dataset
from safetensors import SafetensorError
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from transformers import EarlyStoppingCallback, Trainer
from transformers.trainer import TRAINER_STATE_NAME

from judge.backbone import Backbone, find_backbone
from judge.batches import length_grouped_batches
from judge.calibrate import fit_calibration, rows_to_fit
from judge.card import CONFIG_FILE, DATA_FILE, ENVIRONMENT_FILE, METRICS_FILE, stated_licences, write_card
from judge.config import Dtype, SpeedConfig, TrainJudgeConfig
from judge.environment import machine, versions
from judge.errors import ConfigError, DataError
from judge.lora import AdapterTrainer, add_adapters
from judge.losses import MultiTaskLoss
from judge.mixture import read_split
from judge.model import encode_pairs, new_encoder
from judge.outputs import make_directory, writing
from judge.pairs import KINDS, TASKS, Split, TrainingRow
from judge.ranking import HeldOutEvaluator, ranking_by_source
from judge.scorer import Judge, save_judge

logger = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
LEARNING = (
    "backbone", "start_from", "lora_rank", "freeze_embeddings", "max_tokens", "batch_size", "learning_rate",
    "weight_decay", "warmup_share", "dropout", "seed",
)  # fmt: skip
"""Settings that a run which goes on from a checkpoint must share with the one that wrote it."""
ROOM_NEEDED = "make room, and run the same command again, which goes on from its last checkpoint"
FEWEST_MEASUREMENTS = 4
"""Times that even the shortest run is measured, so that the best of its steps can be kept."""


def train(config: TrainJudgeConfig) -> Path:
    """Train a judge and write it to `config.output_dir`; each process of a distributed run calls it.

    The directory then holds the encoder (safetensors, tokenizer), its calibration, the resolved
    configuration, what it was trained on, the environment, the held-out metrics and a model card.

    Returns:
        `config.output_dir`.

    Raises:
        ConfigError: `config.output_dir` holds the start of another run, or the batches are too many.
        DataError: the directory cannot be made or written, a training file cannot be used, or the rows do not
            have both labels of a task.
        BackboneError: the encoder cannot be found.
    """
    output_dir = Path(config.output_dir)
    checkpoints = output_dir / CHECKPOINTS
    make_directory(output_dir)
    arguments = training_arguments(config, checkpoints)
    writes = arguments.process_index == 0
    if not writes:
        logging.getLogger(__package__).setLevel(logging.WARNING)
    stated_licences(config.data_licences, [*config.train_files, *config.question_files])
    split = read_split(config, keep_rejected=writes)
    check_split(split, config, processes=arguments.world_size)
    device = str(arguments.device)
    start = None
    if config.start_from is not None:
        exact = SpeedConfig(dtype=Dtype.FLOAT32)  # its weights are gone on from
        start = Judge.from_pretrained(config.start_from, device=device, speed=exact)
    backbone = find_backbone(config.backbone) if start is None else start.backbone
    logger.info(
        "%d training rows, %d held out, encoder %s", len(split.train), len(split.held_out), backbone.source
    )
    facts = {"files": split.sizes, "sha256": _digest(split), "backbone": backbone.source}
    if writes:
        _check_resumed(config, facts, checkpoints)
        write_json(output_dir / CONFIG_FILE, asdict(config))
        write_json(output_dir / DATA_FILE, facts)
        write_json(output_dir / ENVIRONMENT_FILE, versions() | machine())

    model = new_encoder(
        backbone.directory,
        max_tokens=config.max_tokens,
        seed=config.seed,
        device=device,
        attention=config.attention,
    )
    if start is not None:
        model.model.load_state_dict(start.encoder.model.state_dict())
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
    if config.lora_rank:
        add_adapters(model, config.lora_rank, config.seed)
    elif config.freeze_embeddings:
        model.model.get_input_embeddings().weight.requires_grad_(False)
    run_trainer(config, arguments, model, split)
    if writes:
        finish(config, model, split, backbone, output_dir, start)
    PartialState().wait_for_everyone()
    PartialState().destroy_process_group()
    return output_dir


def check_split(split: Split, config: TrainJudgeConfig, *, processes: int) -> None:
    """Refuse before training what could not be trained, measured or calibrated after it.

    Raises:
        DataError: a task has rows of one label alone, or too few to hold any out.
        ConfigError: there are not enough rows for one batch a process.
    """
    for task in KINDS:
        labels = [
            {row.targets[task] for row in side if task in row.targets}
            for side in (split.train, split.held_out)
        ]
        found = sorted(labels[0] | labels[1])
        if len(found) == 1:
            raise DataError(
                f"expected rows of {task} with different labels, found {found[0]:g} alone; add others, or "
                "have some made: --contrast_per_kind for answers, --abstention_rows for abstentions"
            )
        if found and len(labels[1]) < 2:
            raise DataError(
                f"expected rows of {task} from at least four groups (questions) of each label, one to be "
                "held out, found fewer; add rows, or set --held_out_share and --group_column"
            )
    rows_to_fit(split.held_out, going_on=config.start_from is not None)
    if processes > 1 and len(split.train) < processes * config.batch_size:
        raise ConfigError(
            f"batch_size must be at most {len(split.train) // processes} for {len(split.train)} training "
            f"rows on {processes} processes, got {config.batch_size}"
        )


def _digest(split: Split) -> str:
    """SHA-256 over the rows of both sides, in order."""
    digest = hashlib.sha256()
    for side in (split.train, split.held_out):
        for row in side:
            digest.update(repr((*row.segments(), sorted(row.targets.items()))).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _check_resumed(config: TrainJudgeConfig, facts: Mapping[str, Any], checkpoints: Path) -> None:
    """Refuse to go on from checkpoints of a run that learnt something else, or otherwise."""
    if last_checkpoint(checkpoints) is None:
        return
    earlier = json.loads((checkpoints.parent / CONFIG_FILE).read_text())
    changed = [name for name in LEARNING if earlier.get(name) != getattr(config, name)]
    if json.loads((checkpoints.parent / DATA_FILE).read_text())["sha256"] != facts["sha256"]:
        changed.append("the training rows")
    if changed:
        raise ConfigError(
            f"{checkpoints} holds a run that differs in {', '.join(changed)}; pass another --output_dir, or "
            "remove that directory to start anew"
        )


def training_arguments(config: TrainJudgeConfig, checkpoints: Path) -> CrossEncoderTrainingArguments:
    """The trainer's settings; making them joins the process group of a distributed run.

    Raises:
        ConfigError: the device is not there, or one process sees several GPUs, which the trainer would then
            share among threads.
    """
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.epochs,
        max_steps=config.max_steps,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        warmup_steps=config.warmup_share,
        lr_scheduler_type="linear",
        max_grad_norm=1.0,
        bf16=config.bf16,
        use_cpu=stays_on_cpu(config.device),
        batch_sampler=length_grouped_batches,
        eval_strategy="steps",
        save_strategy="steps",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_auroc",
        logging_steps=config.logging_steps,
        seed=config.seed,
        report_to="none",
        ddp_find_unused_parameters=False,
    )
    if arguments.n_gpu > 1:
        raise ConfigError(
            f"found {arguments.n_gpu} GPUs and one process; start one for each by `accelerate launch -m "
            "rl.cli train-judge ...`, or choose one GPU by CUDA_VISIBLE_DEVICES=0"
        )
    arguments.dataloader_drop_last = arguments.world_size > 1
    return arguments


def stays_on_cpu(device: str | None) -> bool:
    """Whether a trainer must look for no accelerator: the CPU is named, or nothing is and there is no other.

    Raises:
        ConfigError: another device is named where there is none.
    """
    if torch.accelerator.is_available():
        return device == "cpu"
    if device not in (None, "cpu"):
        raise ConfigError(
            f"cannot use device {device!r}, torch finds the CPU alone; pass --device cpu, or leave it out"
        )
    return True


def run_trainer(
    config: TrainJudgeConfig, arguments: CrossEncoderTrainingArguments, model: CrossEncoder, split: Split
) -> None:
    """Train in place; continue from the last checkpoint if there is one."""
    watched = _sample(split.held_out, config.eval_rows, config.seed)
    arguments.eval_steps = arguments.save_steps = _steps_between(
        config, len(split.train), arguments.world_size
    )
    trainer = (AdapterTrainer if config.lora_rank else CrossEncoderTrainer)(
        model=model,
        args=arguments,
        train_dataset=as_dataset(split.train),
        loss=MultiTaskLoss(model),
        evaluator=HeldOutEvaluator(watched),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=config.patience)],
    )
    go_on(trainer)


def go_on(trainer: Trainer) -> None:
    """Train from the last checkpoint, or from the start if there is none.

    Raises:
        DataError: a checkpoint cannot be written; those before it stay.
    """
    checkpoints = Path(trainer.args.output_dir)
    try:
        trainer.train(resume_from_checkpoint=last_checkpoint(checkpoints))
    except (OSError, RuntimeError, SafetensorError) as error:  # RuntimeError by torch.save
        if not trainer.control.should_save:
            raise
        raise DataError(f"cannot write {checkpoints}: {error}; {ROOM_NEEDED}") from error


def last_checkpoint(checkpoints: Path) -> str | None:
    """The last checkpoint that was written to its end.

    The trainer's state, a JSON object on lines of its own, is written last; whoever is killed before leaves
    a checkpoint without it.
    """
    states = checkpoints.glob(f"checkpoint-*/{TRAINER_STATE_NAME}")
    whole = [path.parent for path in states if path.read_text(encoding="utf-8").endswith("}\n")]
    last = max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
    return None if last is None else str(last)


def _steps_between(config: TrainJudgeConfig, rows: int, processes: int) -> int:
    """Steps between measurements: as configured, but a few in the shortest run."""
    steps = (
        config.epochs * rows / (config.batch_size * processes) if config.max_steps < 0 else config.max_steps
    )
    return max(1, min(config.eval_steps, math.ceil(steps / FEWEST_MEASUREMENTS)))


def finish(
    config: TrainJudgeConfig,
    model: CrossEncoder,
    split: Split,
    backbone: Backbone,
    output_dir: Path,
    start: Judge | None,
) -> None:
    """Calibrate on the held-out rows, measure, and write the judge and its card."""
    rows = split.held_out
    pairs = [row.segments() for row in rows]
    logits = encode_pairs(model, pairs).numpy().astype(np.float64)
    calibration, figures = fit_calibration(
        rows,
        logits,
        hidden=config.combiner_hidden,
        penalty=config.combiner_penalty,
        max_fpr=config.max_fpr,
        seed=config.seed,
        start=None if start is None else start.calibration,
    )
    logger.info("calibrated, out of fold: %s", figures or "nothing new")
    metrics = {"ranking": ranking_by_source(rows, logits), "calibrated": figures}
    if start is not None:
        metrics["ranking_before"] = ranking_by_source(rows, encode_pairs(start.encoder, pairs).numpy())
    with writing(output_dir, ROOM_NEEDED):
        write_json(output_dir / METRICS_FILE, metrics)
        save_judge(
            model, calibration, output_dir, backbone=backbone, seed=config.seed, as_delta=config.as_delta
        )
        write_card(output_dir)


def as_dataset(rows: Sequence[TrainingRow]) -> Dataset:
    """Columns `first` and `second` (segments) and `label` (a vector over `TASKS`, NaN where unknown)."""
    segments = [row.segments() for row in rows]
    return Dataset.from_dict(
        {
            "first": [first for first, _ in segments],
            "second": [second for _, second in segments],
            "label": [[row.targets.get(task, float("nan")) for task in TASKS] for row in rows],
        }
    )


def _sample(rows: Sequence[TrainingRow], size: int, seed: int) -> list[TrainingRow]:
    if len(rows) <= size:
        return list(rows)
    chosen = np.random.default_rng(seed).choice(len(rows), size, replace=False)
    return [rows[i] for i in sorted(chosen)]


def write_json(path: Path, content: object) -> None:
    """Write sorted, indented JSON."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
