"""Training batches of texts of like length, so that little of a batch is padding."""

from collections.abc import Iterator, Sequence

import torch
from datasets import Dataset
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch import Tensor
from torch.utils.data import Sampler

MEGABATCH = 50
"""Batches a shuffled stretch holds before it is sorted by length and cut: little padding, still random."""


class LengthGroupedOrder(Sampler[int]):
    """Rows in an order that, cut into batches, puts like lengths together; a new one each epoch.

    Every process draws the same order, and accelerate deals the batches out. A batch that is not full comes
    last, where it can be left out: processes must not differ in their number of batches.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int):
        self.lengths = torch.tensor(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """What the trainer calls before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator)
        batches: list[Tensor] = []
        for stretch in torch.split(order, self.batch_size * MEGABATCH):
            by_length = stretch[self.lengths[stretch].argsort()]
            batches += torch.split(by_length, self.batch_size)
        full = len(order) // self.batch_size
        for index in [*torch.randperm(full, generator=generator).tolist(), *range(full, len(batches))]:
            yield from batches[index].tolist()


def length_grouped_batches(
    dataset: Dataset, batch_size: int, drop_last: bool, seed: int, **_: object
) -> DefaultBatchSampler:
    """Batches of texts of like length, in the form that `CrossEncoderTrainer` calls."""
    texts = zip(dataset["first"], dataset["second"], strict=True)
    order = LengthGroupedOrder([len(first) + len(second) for first, second in texts], batch_size, seed)
    return DefaultBatchSampler(order, batch_size=batch_size, drop_last=drop_last, seed=seed)
