"""Training by DeepSpeed: gradients and moments (ZeRO 1 and 2) and weights (ZeRO 3) in shards.

What is sharded is what accelerate's launcher was told. Whole tensors go in and out by DeepSpeed's functions
for that, so a checkpoint is as on any other engine; its own pickles are not written.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, distributed, nn
from transformers import PreTrainedModel

from judge.errors import ConfigError
from rl.config import PPOConfig
from rl.engine import adam, trained_parameters, written
from rl.policy import Episodes, Policy, TokenOutputs
from rl.sharding import full_tensors

STAGES = (1, 2, 3)
MOMENTS = ("exp_avg", "exp_avg_sq")
STEPS = "step"
"""What Adam keeps, by its names for it."""
REFUSED = ("optimizer", "scheduler", "fp16", "bf16", "amp", "torch_autocast")
"""Sections of a DeepSpeed file that would decide what the run's own settings decide."""


def asked_for() -> bool:
    """Whether the launcher was told to train by DeepSpeed; False before processes have joined."""
    told = os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true"
    return told and distributed.is_initialized() and distributed.get_world_size() > 1


def settings() -> dict[str, Any]:
    """DeepSpeed's settings as the launcher was told them; what it leaves to its caller is left out.

    Raises:
        ConfigError: DeepSpeed is not there, or is told something that is not done here.
    """
    if find_spec("deepspeed") is None:
        raise ConfigError("DeepSpeed is not installed; pip install 'candor-rl[deepspeed]'")
    from accelerate.utils import DeepSpeedPlugin

    told = _decided(DeepSpeedPlugin().deepspeed_config)
    zero = told["zero_optimization"]
    if zero["stage"] not in STAGES:
        raise ConfigError(f"expected zero_stage 1, 2 or 3 in DeepSpeed's settings, got {zero['stage']}")
    for part in ("offload_optimizer", "offload_param"):
        if zero.pop(part, {}).get("device", "none") != "none":
            raise ConfigError(f"expected no {part} in DeepSpeed's settings")
    for section in REFUSED:
        if section in told and told[section].get("enabled", True):
            raise ConfigError(
                f"expected no {section} in DeepSpeed's settings: the run's own say it (learning_rate, "
                "lr_scheduler_type, bf16)"
            )
    return told


class ZeroEngine:
    """Adam by DeepSpeed.

    Args:
        policy: all float32.
        config: of the run.
        frozen: policies that are passed through alone; sharded too where weights are.

    Raises:
        ConfigError: as `settings`; or DeepSpeed sees another device than the policy's, a weight is not
            float32, or the head is of several layers and weights are to be sharded.
    """

    def __init__(self, policy: Policy, config: PPOConfig, frozen: Sequence[Policy]) -> None:
        import deepspeed
        from deepspeed.accelerator import get_accelerator

        here = policy.device.type
        if get_accelerator().device_name() != here:
            raise ConfigError(
                f"DeepSpeed is to train on {get_accelerator().device_name()}, the policy is on {here}; set "
                f"DS_ACCELERATOR={here} in the environment"
            )
        told = settings() | {
            "train_micro_batch_size_per_gpu": 1,  # for its count of samples alone
            "gradient_accumulation_steps": 1,
            "managed_gradient_accumulation": False,  # a step is where `step` is called
        }
        told.pop("train_batch_size", None)
        for each in (policy, *frozen):
            _check_dtype(each)
        self.deepspeed = deepspeed
        self.policy = policy
        self.stage: int = told["zero_optimization"]["stage"]
        if self.stage == max(STAGES):
            _check_head(policy)
        self.adam = adam(policy, config)
        training = told | {"gradient_clipping": config.max_grad_norm, "zero_allow_untested_optimizer": True}
        self.deepspeed_engine = deepspeed.initialize(model=policy, optimizer=self.adam, config=training)[0]
        self.frozen = [
            deepspeed.initialize(model=each, config=told)[0] for each in frozen if self.stage == max(STAGES)
        ]

    def zero_grad(self) -> None:
        """Nothing to do: a step leaves no gradient."""

    def forward(self, episodes: Episodes) -> TokenOutputs:
        """Log-prob and value of every response token."""
        outputs: TokenOutputs = self.deepspeed_engine(episodes)
        return outputs

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of a loss; DeepSpeed divides by the number of processes."""
        self.deepspeed_engine.backward(loss * distributed.get_world_size(), scale_wrt_gas=False)

    def step(self) -> Tensor:
        """Clip the gradient and step, unless it is not finite; its norm as it was."""
        self.deepspeed_engine.step()
        applied = self.deepspeed_engine.was_step_applied()
        norm = float(self.deepspeed_engine.get_global_grad_norm()) if applied else float("inf")
        return torch.tensor(norm, device=self.policy.device)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Gather the weights, if they are sharded."""
        if self.stage < max(STAGES):
            yield
            return
        from trl.models.utils import add_hooks, remove_hooks

        with self.deepspeed.zero.GatheredParameters(list(self.policy.parameters())):
            remove_hooks(self.deepspeed_engine)  # they would shard each layer again after its pass
            try:
                yield
            finally:
                add_hooks(self.deepspeed_engine)

    def state_dict(self, model: PreTrainedModel | PeftModel) -> dict[str, Tensor] | None:
        """What is written of a model in shards, for the first process; None if there are none."""
        if self.stage < max(STAGES):
            return None
        weights = written(model)
        with self.deepspeed.zero.GatheredParameters(list(weights.values())):
            return full_tensors(weights.items())

    def tensors(self) -> dict[str, Tensor]:
        """Trained weights and moments, for the first process."""
        return full_tensors(self._gathered())

    def _gathered(self) -> Iterator[tuple[str, Tensor]]:
        from deepspeed import utils

        states = list(self.adam.state.values())
        for index, (name, parameter) in enumerate(trained_parameters(self.policy).items()):
            yield f"policy.{name}", utils.safe_get_full_fp32_param(parameter)
            if states:  # there are none before the first step
                yield f"optimizer.{index}.{STEPS}", states[0][STEPS]
                for moment in MOMENTS:
                    state = utils.safe_get_full_optimizer_state(parameter, moment)
                    yield f"optimizer.{index}.{moment}", state

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Put them back."""
        self._make_moments()
        trained = trained_parameters(self.policy)
        steps = torch.zeros(())
        with torch.no_grad(), self.deepspeed.zero.GatheredParameters(list(trained.values()), modifier_rank=0):
            for name, parameter in trained.items():
                parameter.copy_(tensors[f"policy.{name}"])
        for index, (name, parameter) in enumerate(trained.items()):
            self._put(parameter, tensors[f"policy.{name}"])
            steps = tensors.get(f"optimizer.{index}.{STEPS}", steps)
            for moment in MOMENTS:
                if (state := tensors.get(f"optimizer.{index}.{moment}")) is not None:
                    self._put(parameter, state, moment)
        for each in self.adam.state.values():
            each[STEPS].copy_(steps)

    def _put(self, parameter: nn.Parameter, value: Tensor, moment: str | None = None) -> None:
        """Set what DeepSpeed trains of a parameter, or one of its moments."""
        from deepspeed import utils

        value = value.flatten().to(parameter.device)
        if self.stage == max(STAGES):
            # Its function for whole values knows nothing of the padding of those that cannot be split evenly.
            size = -(-len(value) // distributed.get_world_size())
            start = size * distributed.get_rank()
            value = value[start : start + size]
            value = nn.functional.pad(value, (0, size - len(value)))
            weights, moments = utils.safe_set_local_fp32_param, utils.safe_set_local_optimizer_state
        else:
            weights, moments = utils.safe_set_full_fp32_param, utils.safe_set_full_optimizer_state
        if moment is None:
            weights(parameter, value)
        else:
            moments(parameter, value, moment)

    def _make_moments(self) -> None:
        """Have Adam make its state, all zeros, which it does in its first step; this one changes nothing."""
        one = torch.ones(1, 2, dtype=torch.long, device=self.policy.device)
        outputs = self.forward(Episodes(tokens=one, attention_mask=one, response_mask=one[:, 1:]))
        self.backward(0.0 * (outputs.logprobs.sum() + outputs.values.sum()))
        self.step()


def _decided(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is `auto`, which is for Trainers to fill in, and sections that hold nothing else."""
    decided = {
        name: _decided(value) if isinstance(value, Mapping) else value
        for name, value in told.items()
        if value != "auto"
    }
    return {name: value for name, value in decided.items() if value != {}}


def _check_dtype(policy: Policy) -> None:
    dtypes = {parameter.dtype for parameter in policy.parameters()}
    if dtypes != {torch.float32}:
        raise ConfigError(
            f"expected weights in float32 under DeepSpeed, got {', '.join(sorted(map(str, dtypes)))}; set "
            "dtype float32, with bf16 for products in bfloat16, or launch with FSDP2"
        )


def _check_head(policy: Policy) -> None:
    """Refuse a head whose parts would be gathered for each of its chunks, of which processes have different
    numbers; one that is a layer by itself is gathered once."""
    parts = [name for name, _ in policy.causal_lm.head.named_children()]
    if parts:
        raise ConfigError(
            f"expected no adapters on the output head under ZeRO 3, got {', '.join(parts)}; leave the head "
            "as it is, or launch with FSDP2"
        )
