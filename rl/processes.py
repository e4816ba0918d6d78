"""The processes of a run: which of them this one is, its share of the work, what the others made of theirs.

All draw the same questions and minibatches. What costs time, sampling, judging and passes through the model,
each does for its share; the results are exchanged, so that all that is decided or logged is worked out from
the same numbers everywhere. On one process nothing is exchanged and nothing copied.

Every process holds the whole model, or a shard of it (rl.sharding, rl.zero). Other forms are refused.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.tensor import DTensor

from judge.errors import ConfigError
from rl.pretrained import find_device

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST_SEED = 2**63 - 1
REFUSED = {
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
}
"""What accelerate's launcher says to its processes, and what it means."""


@dataclass(frozen=True, slots=True)
class Processes:
    """One process among `count`; each has to call the same methods in the same order.

    Example:
        >>> Processes().spread(sorted, [3, 1, 2])
        [1, 2, 3]
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def joined(cls) -> Self:
        """Those of the group that this process is in; itself alone where it is in none."""
        if not distributed.is_initialized():
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files and shows bars."""
        return self.rank == 0

    def seed_of_its_own(self, seed: int) -> int:
        """The seed itself for the first process; for each of the others one that is drawn from it."""
        if self.leads:
            return seed
        drawn = torch.randint(LARGEST_SEED, (self.rank,), generator=torch.Generator().manual_seed(seed))
        return int(drawn[-1])

    def share(self, number: int) -> slice:
        """Which of so many things are this process's; shares are in order, and differ by one at most."""
        return slice(number * self.rank // self.count, number * (self.rank + 1) // self.count)

    def even_share(self, number: int) -> tuple[Tensor, Tensor]:
        """This process's share, with one thing more where others have one more: all have as many.

        Args:
            number: of things, at least one.

        Returns:
            Which they are, and 1.0 for each that is of this process's share, 0.0 for one that fills it up.
        """
        share = self.share(number)
        rows = torch.arange(share.start, share.start - (-number // self.count))
        return rows % number, (rows < share.stop).float()

    def gathered(self, share: Sequence[Item]) -> list[Item]:
        """The shares of all processes one after the other, in memory of the CPU; they are pickled."""
        if self.count == 1:
            return list(share)
        shares: list[Sequence[Item]] = [()] * self.count
        distributed.all_gather_object(shares, share)
        return list(chain.from_iterable(shares))

    def spread(
        self, work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]
    ) -> list[Result]:
        """`work(items)`, of which each process does its share."""
        return self.gathered(work(items[self.share(len(items))]))

    def summed(self, x: Tensor) -> Tensor:
        """The sum over all processes, to the bit the same on each."""
        if self.count == 1:
            return x
        total = x.clone()
        distributed.all_reduce(total)
        return total

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give each parameter the gradient of the sum of all processes' losses, whoever had one.

        That of a sharded parameter is the sum already.
        """
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.requires_grad and not isinstance(parameter, DTensor):
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                distributed.all_reduce(parameter.grad)

    @torch.no_grad()
    def copy_first(self, module: nn.Module) -> None:
        """Give a module everywhere the weights that it has on the first process."""
        if self.count > 1:
            for tensor in module.state_dict().values():
                distributed.broadcast(tensor, src=0)

    def wait(self) -> None:
        """Go on when all have come this far."""
        if self.count > 1:
            distributed.barrier()


def join(device: str | None) -> str:
    """Join the processes of `accelerate launch` or `torchrun`, if this is one of theirs.

    Args:
        device: as named in the settings.

    Returns:
        The device of this process.

    Raises:
        ConfigError: the device is not there or not one for each process, or the launcher was told what is not
            done here.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return find_device(device)
    for variable, name in REFUSED.items():
        if os.environ.get(variable, "false").lower() == "true":
            raise ConfigError(
                f"expected whole models, FSDP2 or DeepSpeed, accelerate is set to {name}; launch with "
                "--multi_gpu, or with a file of rl/recipes/accelerate"
            )
    if os.environ.get("ACCELERATE_MIXED_PRECISION", "no") != "no":
        raise ConfigError(
            f"accelerate is set to mixed precision {os.environ['ACCELERATE_MIXED_PRECISION']}; launch with "
            "--mixed_precision no, and set bf16"
        )
    if device not in (None, "cpu", "cuda"):
        raise ConfigError(f"expected device cpu or cuda, or none, for several processes, got {device!r}")

    on_cpu = find_device(device) == "cpu"
    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if not on_cpu and here > gpus:
        raise ConfigError(
            f"expected a GPU for each process, got {here} processes for {gpus}; start as many as there are "
            "GPUs, or pass --device cpu"
        )

    from accelerate import PartialState

    return str(PartialState(cpu=on_cpu).device)


def leave() -> None:
    """Leave the group, when all others are ready to."""
    Processes.joined().wait()
    if distributed.is_initialized():
        distributed.destroy_process_group()
