"""Sharded weights: of each weight, gradient and moment a process keeps its shard alone, by torch's FSDP2.

What is sharded, and how, is what accelerate's launcher was told. A layer is gathered for the time of its
pass; the rest of the model, embeddings and head among it, for the time of a pass through all of it. What is
learned is the same as with whole weights, up to the order of sums.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from judge.errors import ConfigError
from rl.policy import Episodes, Policy

RESHARD = "FSDP_RESHARD_AFTER_FORWARD"
REFUSED = (
    "FSDP_CPU_RAM_EFFICIENT_LOADING",  # the judge would come without its weights, too
    "FSDP_OFFLOAD_PARAMS",
    "FSDP_ACTIVATION_CHECKPOINTING",
)
"""What accelerate may be told of FSDP and is not done here, as its launcher passes it on."""


def asked_for() -> bool:
    """Whether the launcher was told to shard the model; False before processes have joined."""
    told = os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
    return told and distributed.is_initialized() and distributed.get_world_size() > 1


def settings() -> Any:
    """What the launcher was told of FSDP: accelerate's `FullyShardedDataParallelPlugin`.

    Raises:
        ConfigError: it was told something that is not done here.
    """
    from accelerate import FullyShardedDataParallelPlugin
    from accelerate.utils import parse_flag_from_env
    from torch.distributed.fsdp.wrap import size_based_auto_wrap_policy

    version = os.environ.get("FSDP_VERSION", "1")
    if version != "2":
        raise ConfigError(f"expected fsdp_version 2 in accelerate's settings, got {version}")
    for variable in REFUSED:
        if parse_flag_from_env(variable):
            raise ConfigError(f"expected {variable.lower()} false in accelerate's settings, got true")
    plugin = FullyShardedDataParallelPlugin()
    if plugin.ignored_modules is not None:
        raise ConfigError(
            f"expected no fsdp_ignored_modules in accelerate's settings, got {plugin.ignored_modules}"
        )
    if plugin.auto_wrap_policy is size_based_auto_wrap_policy:
        raise ConfigError(
            "expected fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP or NO_WRAP in accelerate's settings, got "
            "SIZE_BASED_WRAP"
        )
    return plugin


def shard(policy: Policy) -> None:
    """Leave each process its shard of a policy, which is changed in place; its optimizer is made after this.

    Gradients are summed over the processes, not averaged.
    """
    from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy

    plugin = settings()
    frozen = not any(parameter.requires_grad for parameter in policy.parameters())
    options: dict[str, Any] = {
        "mesh": init_device_mesh(policy.device.type, (distributed.get_world_size(),)),
        # Frozen weights see no backward pass, after which they would be resharded.
        "reshard_after_forward": plugin.reshard_after_forward or frozen,
    }
    model = policy.causal_lm.model
    try:
        is_layer = fsdp2_prepare_auto_wrap_policy(plugin, model)
    except ValueError as error:
        raise ConfigError(f"cannot do what accelerate's settings say of FSDP: {error}") from error
    for module in reversed(list(model.modules())) if is_layer is not None else ():
        if is_layer(module):
            fully_shard(module, **options)
    # By itself: what is trained in one group has one dtype.
    fully_shard(policy.value_head, **options)
    fully_shard(policy, **options)
    for part in _parts(policy):
        part.set_gradient_divide_factor(1.0)
        part.set_force_sum_reduction_for_comms(True)
    # The first pass tells FSDP which module holds all others; sampling goes through one of the others.
    with torch.no_grad():
        one = torch.ones(1, 2, dtype=torch.long, device=policy.device)
        policy(Episodes(tokens=one, attention_mask=one, response_mask=one[:, 1:]))
    for part in _parts(policy):
        part.reshard()


@contextmanager
def whole(policy: nn.Module) -> Iterator[None]:
    """Have all weights of a policy in every process for as long as this lasts; each has to call it.

    Processes may then pass through the model as often as each likes. Nothing may be trained meanwhile.
    """
    from accelerate.utils import parse_flag_from_env

    parts = _parts(policy)
    for part in parts:
        part.unshard()
        part.set_reshard_after_forward(False, recurse=False)
    try:
        yield
    finally:
        for part in parts:
            part.set_reshard_after_forward(parse_flag_from_env(RESHARD, default=True), recurse=False)
            part.reshard()


def holds_shards(policy: nn.Module) -> bool:
    """Whether `shard` was called for it."""
    return bool(_parts(policy))


def full(tensor: Tensor) -> Tensor:
    """The whole of a tensor that may be sharded; each process has to call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def full_tensors(tensors: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """The whole of each tensor, copied to memory of the CPU, for the first process; for the others nothing.

    Each process has to call it; a device holds one more tensor at a time.
    """
    leads = not distributed.is_initialized() or distributed.get_rank() == 0
    found: dict[str, Tensor] = {}
    for name, tensor in tensors:
        complete = full(tensor.detach())
        if leads:
            found[name] = complete.to("cpu", copy=True)
    return found


def shard_like(complete: Tensor, other: Tensor) -> Tensor:
    """This process's shard of a tensor, if another of the same shape is sharded; else the tensor."""
    if not isinstance(other, DTensor) or complete.shape != other.shape:
        return complete
    return distribute_tensor(
        complete.to(other.device), other.device_mesh, other.placements, src_data_rank=None
    )


def _parts(policy: nn.Module) -> list[FSDPModule]:
    """Those of its modules whose weights are gathered at once."""
    return [module for module in policy.modules() if isinstance(module, FSDPModule)]
