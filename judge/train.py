"""Supervised training of the judge on paired texts: one encoder, one multi-task run.

sentence-transformers' `CrossEncoderTrainer` does the training (progress, early stopping, resume, mixed
precision, several devices through accelerate); this module decides on what, and measures by task.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from scipy.stats import spearmanr
from sentence_transformers import CrossEncoder
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sklearn.metrics import roc_auc_score
from transformers import EarlyStoppingCallback
from transformers.trainer_utils import get_last_checkpoint

from judge.backbone import Backbone, find_backbone
from judge.calibrate import Calibration, fit_calibration
from judge.config import DEFAULT_JUDGE, TrainJudgeConfig
from judge.environment import machine, versions
from judge.losses import MultiTaskLoss
from judge.mixture import read_split
from judge.model import encode_pairs, new_encoder
from judge.pairs import TASKS, Split, TrainingRow
from judge.scorer import Judge, save_judge

logger = logging.getLogger(__name__)

MEGABATCH = 50
"""Batches a shuffled stretch holds before it is sorted by length and cut: little padding, still random."""


class LengthGroupedSampler(DefaultBatchSampler):
    """Batches of texts of like length, in random order; a new order each epoch."""

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: list[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
    ):
        super().__init__(
            range(len(dataset)),
            batch_size=batch_size,
            drop_last=drop_last,
            valid_label_columns=valid_label_columns,
            generator=generator,
            seed=seed,
        )
        texts = zip(dataset["first"], dataset["second"], strict=True)
        self.lengths = torch.tensor([len(first) + len(second) for first, second in texts])

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator)
        batches: list[list[int]] = []
        for stretch in torch.split(order, self.batch_size * MEGABATCH):
            by_length = stretch[self.lengths[stretch].argsort()]
            batches += [batch.tolist() for batch in torch.split(by_length, self.batch_size)]
        for index in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[index]


class HeldOutEvaluator(BaseEvaluator):
    """Ranking quality on held-out rows: AUROC by task and source (Spearman where labels are graded).

    The mean over tasks of the mean over their sources is what early stopping watches; NaN without any.
    """

    primary_metric = "auroc"

    def __init__(self, rows: Sequence[TrainingRow]):
        super().__init__()
        self.rows = rows

    def __call__(
        self, model: CrossEncoder, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """Measure the model as it stands."""
        logits = encode_pairs(model, [row.segments() for row in self.rows])
        metrics = ranking_by_source(self.rows, logits.numpy())
        by_task = [[v for k, v in metrics.items() if k.startswith(f"{task}/")] for task in TASKS]
        metrics["auroc"] = float(np.mean([np.mean(values) for values in by_task if values]))
        logger.info("held out: %s", {name: round(value, 4) for name, value in metrics.items()})
        return metrics


def ranking_by_source(rows: Sequence[TrainingRow], logits: np.ndarray) -> dict[str, float]:
    """AUROC (binary labels) or Spearman (graded) by `task/source`; contrastive kinds are one source.

    Sources of one class only are left out.

    Args:
        rows: N labelled rows.
        logits: (N, tasks).
    """
    by_source: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for row, row_logits in zip(rows, logits, strict=True):
        for task, target in row.targets.items():
            labels, scores = by_source[f"{task}/{row.source.partition('/')[0]}"]
            labels.append(target)
            scores.append(row_logits[TASKS.index(task)])
    metrics = {}
    for name, (labels, scores) in sorted(by_source.items()):
        if len(set(labels)) == 1:
            continue
        graded = not set(labels) <= {0.0, 1.0}
        metrics[name] = float(
            spearmanr(labels, scores).statistic if graded else roc_auc_score(labels, scores)
        )
    return metrics


def train(config: TrainJudgeConfig) -> Path:
    """Train a judge and write it to `config.output_dir`.

    The directory then holds the encoder (safetensors, tokenizer), its calibration, the resolved
    configuration, the environment, the held-out metrics and a model card.

    Returns:
        `config.output_dir`.

    Raises:
        DataError: a training file cannot be used.
        BackboneError: the encoder cannot be found.
    """
    output_dir = Path(config.output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    split = read_split(config)
    start = None if config.start_from is None else Judge.from_pretrained(_named(config.start_from))
    backbone = find_backbone(config.backbone) if start is None else start.backbone
    logger.info(
        "%d training rows, %d held out, encoder %s", len(split.train), len(split.held_out), backbone.source
    )
    write_json(output_dir / "train_config.json", asdict(config))
    write_json(output_dir / "environment.json", versions() | machine())

    model = new_encoder(
        backbone.directory,
        max_tokens=config.max_tokens,
        seed=config.seed,
        device=config.device,
        attention=config.attention,
    )
    if start is not None:
        model.model.load_state_dict(start.encoder.model.state_dict())
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
    if config.freeze_embeddings:
        model.model.get_input_embeddings().weight.requires_grad_(False)
    run_trainer(config, model, split, output_dir / "checkpoints")
    finish(config, model, split, backbone, output_dir, None if start is None else start.calibration)
    return output_dir


def run_trainer(config: TrainJudgeConfig, model: CrossEncoder, split: Split, checkpoints: Path) -> None:
    """Train in place; continue from the last checkpoint in `checkpoints` if there is one."""
    watched = _sample(split.held_out, config.eval_rows, config.seed)
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
        use_cpu=config.device == "cpu",
        batch_sampler=LengthGroupedSampler,
        eval_strategy="steps",
        eval_steps=config.eval_steps,
        save_strategy="steps",
        save_steps=config.eval_steps,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_auroc",
        logging_steps=config.logging_steps,
        seed=config.seed,
        report_to="none",
    )
    trainer = CrossEncoderTrainer(
        model=model,
        args=arguments,
        train_dataset=as_dataset(split.train),
        loss=MultiTaskLoss(model),
        evaluator=HeldOutEvaluator(watched),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=config.patience)],
    )
    trainer.train(
        resume_from_checkpoint=get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    )


def finish(
    config: TrainJudgeConfig,
    model: CrossEncoder,
    split: Split,
    backbone: Backbone,
    output_dir: Path,
    start: Calibration | None,
) -> None:
    """Calibrate on the held-out rows and write the judge."""
    rows = split.held_out
    logits = encode_pairs(model, [row.segments() for row in rows]).numpy().astype(np.float64)
    calibration, figures = fit_calibration(
        rows,
        logits,
        hidden=config.combiner_hidden,
        penalty=config.combiner_penalty,
        max_fpr=config.max_fpr,
        seed=config.seed,
        start=start,
    )
    logger.info("calibrated, out of fold: %s", figures)
    write_json(
        output_dir / "metrics.json", {"ranking": ranking_by_source(rows, logits), "calibrated": figures}
    )
    save_judge(model, calibration, output_dir, backbone=backbone, seed=config.seed, as_delta=config.as_delta)


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


def _named(judge: str) -> str | None:
    return None if judge == DEFAULT_JUDGE else judge


def _sample(rows: Sequence[TrainingRow], size: int, seed: int) -> list[TrainingRow]:
    if len(rows) <= size:
        return list(rows)
    chosen = np.random.default_rng(seed).choice(len(rows), size, replace=False)
    return [rows[i] for i in sorted(chosen)]


def write_json(path: Path, content: object) -> None:
    """Write sorted, indented JSON."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
