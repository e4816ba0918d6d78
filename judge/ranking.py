"""How well the encoder ranks held-out rows: what early stopping watches, and the model card shows."""

import logging
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr
from sentence_transformers import CrossEncoder
from sentence_transformers.base.evaluation import BaseEvaluator
from sklearn.metrics import roc_auc_score

from judge.model import encode_pairs
from judge.pairs import TASKS, Task, TrainingRow

logger = logging.getLogger(__name__)


class HeldOutEvaluator(BaseEvaluator):
    """Ranking quality on held-out rows: AUROC by task and source (Spearman where labels are graded).

    The mean over tasks of the mean over their sources is what early stopping watches.
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

    Sources of one label only are left out; a task that has no other is measured as a whole, as `task/all`.

    Args:
        rows: N labelled rows.
        logits: (N, tasks).
    """
    by_source: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        for task in row.targets:
            by_source[f"{task}/{row.source.partition('/')[0]}"].append(i)

    def ranking(task: Task, chosen: Sequence[int]) -> float | None:
        labels = [rows[i].targets[task] for i in chosen]
        if len(set(labels)) < 2:
            return None
        scores = logits[chosen, TASKS.index(task)]
        graded = not set(labels) <= {0.0, 1.0}
        return float(spearmanr(labels, scores).statistic if graded else roc_auc_score(labels, scores))

    metrics: dict[str, float] = {}
    for task in TASKS:
        names = sorted(name for name in by_source if name.startswith(f"{task}/"))
        found = {name: ranking(task, by_source[name]) for name in names}
        if names and not any(value is not None for value in found.values()):
            found = {f"{task}/all": ranking(task, [i for name in names for i in by_source[name]])}
        metrics |= {name: value for name, value in found.items() if value is not None}
    return metrics
