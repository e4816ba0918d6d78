"""One loss over rows that carry different labels.

A row of the training mix says something about one or two of the judge's outputs and nothing about the
rest: those are NaN in its label vector and take no part. Soft labels (graded answers) are targets in [0, 1].
"""

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.util import batch_to_device
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


def masked_binary_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean binary cross-entropy over the labels that are there.

    Args:
        logits: (B, tasks), any float dtype; computed in float32.
        labels: (B, tasks) in [0, 1], NaN where the row says nothing.

    Returns:
        Scalar. NaN if no label is there at all: an unlabelled batch is a fault of the sampler.
    """
    present = ~labels.isnan()
    return binary_cross_entropy_with_logits(logits.float()[present], labels.float()[present])


class MultiTaskLoss(nn.Module):
    """`masked_binary_cross_entropy` in the form that `CrossEncoderTrainer` calls."""

    def __init__(self, model: CrossEncoder):
        super().__init__()
        self.model = model

    def forward(
        self,
        inputs: list[list[str]],
        labels: list[Tensor],
        prompt: str | None = None,
        task: str | None = None,
    ) -> Tensor:
        """Tokenize the two text columns as pairs, and compare the outputs with the label vectors."""
        pairs = list(zip(*inputs, strict=True))
        features = batch_to_device(self.model.preprocess(pairs, prompt=prompt, task=task), self.model.device)
        logits = self.model(features)["scores"]
        return masked_binary_cross_entropy(logits, torch.stack(labels).to(logits.device))
