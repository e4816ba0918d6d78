"""From the losses of a minibatch to a step, wherever weights, gradients and Adam's moments are kept.

`TorchEngine` trains whole weights, or FSDP2's shards of them; `rl.zero.ZeroEngine` is DeepSpeed's. To learn
from is the sum of the losses of all processes. Nothing is sampled here, and what runs the judge's encoder is
`judge.engine`.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from rl import sharding
from rl.config import PPOConfig
from rl.policy import Episodes, Policy, TokenOutputs
from rl.processes import Processes
from rl.sharding import full, full_tensors, holds_shards, shard_like


class Engine(Protocol):
    """What trains a policy; all processes have to call the same methods in the same order."""

    adam: torch.optim.Adam

    def zero_grad(self) -> None:
        """Begin a minibatch."""
        ...

    def forward(self, episodes: Episodes) -> TokenOutputs:
        """The policy on a part of it, [B, T] each, to go backward through next."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of a loss, once for each forward pass.

        Args:
            loss: no dimensions; made of what that pass returned, this process's part of the whole.
        """
        ...

    def step(self) -> Tensor:
        """Clip the gradient and step, unless it is not finite.

        Returns:
            The norm of the whole gradient before it was clipped, no dimensions.
        """
        ...

    def whole(self) -> AbstractContextManager[None]:
        """All weights in every process for as long as it lasts: each may pass as often as it likes."""
        ...

    def state_dict(self, model: PreTrainedModel | PeftModel) -> dict[str, Tensor] | None:
        """What `model.save_pretrained` has to be given where a process holds shards of the model.

        Returns:
            The weights that are written, as `written` names them, on the CPU, for the first process; nothing
            for the others. None where every process holds the whole model, which is written as it is.
        """
        ...

    def tensors(self) -> dict[str, Tensor]:
        """What is trained, whole, on the CPU, for the first process; nothing for the others.

        Returns:
            `policy.<name>` for each trained weight and, after the first step, `optimizer.<index>.<name>` for
            its moments (its own shape) and number of steps (no dimensions), in the order of the weights.
        """
        ...

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave the first process; each process is given all of it.

        Raises:
            KeyError: a trained weight is missing. Moments may be: they are then as before the first step.
        """
        ...


class TorchEngine:
    """Adam by torch."""

    def __init__(self, policy: Policy, config: PPOConfig, processes: Processes) -> None:
        self.policy = policy
        self.processes = processes
        self.max_grad_norm = config.max_grad_norm
        self.adam = adam(policy, config)

    def zero_grad(self) -> None:
        """Begin a minibatch."""
        self.adam.zero_grad()

    def forward(self, episodes: Episodes) -> TokenOutputs:
        """Log-prob and value of every response token."""
        outputs: TokenOutputs = self.policy(episodes)
        return outputs

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of a loss."""
        torch.autograd.backward(loss)

    def step(self) -> Tensor:
        """Clip the gradient and step, unless it is not finite; its norm as it was."""
        self.processes.sum_gradients(self.policy.parameters())
        norm = full(nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm))
        if norm.isfinite():
            self.adam.step()
        return norm

    def whole(self) -> AbstractContextManager[None]:
        """Gather FSDP2's shards, if there are any."""
        return sharding.whole(self.policy)

    def state_dict(self, model: PreTrainedModel | PeftModel) -> dict[str, Tensor] | None:
        """What is written of a model in shards, for the first process; None if there are none."""
        return full_tensors(written(model).items()) if holds_shards(self.policy) else None

    def tensors(self) -> dict[str, Tensor]:
        """Trained weights and moments, for the first process."""
        tensors = {f"policy.{name}": value.data for name, value in trained_parameters(self.policy).items()}
        for index, moments in self.adam.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        return full_tensors(tensors.items())

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Put them back; weights are changed in place."""
        trained = trained_parameters(self.policy)
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(shard_like(tensors[f"policy.{name}"], parameter))
        parameters = list(trained.values())
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".")
                # A copy: what is read may be a view of the file, which is removed in time.
                moment = shard_like(tensor.clone(), parameters[int(index)])
                moments.setdefault(int(index), {})[name] = moment
        # The groups hold settings alone, which are the same.
        groups = self.adam.state_dict()["param_groups"]
        self.adam.load_state_dict({"state": moments, "param_groups": groups})


def adam(policy: nn.Module, config: PPOConfig) -> torch.optim.Adam:
    """For what is trained, in one group."""
    trained = list(trained_parameters(policy).values())
    return torch.optim.Adam(trained, lr=config.learning_rate, eps=config.adam_eps, fused=True)


def trained_parameters(policy: nn.Module) -> dict[str, nn.Parameter]:
    """By name; of weights that are tied, one."""
    return {name: value for name, value in policy.named_parameters() if value.requires_grad}


def written(model: PreTrainedModel | PeftModel) -> Mapping[str, Tensor]:
    """What is saved of a model, by the names of its state dict: all of it, but of one with adapters these."""
    return trained_parameters(model) if isinstance(model, PeftModel) else model.state_dict(keep_vars=True)
