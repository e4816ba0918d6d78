"""Everything that changes while PPO trains, as it is at the start, and the walk over the records."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from peft import PeftModel
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel, get_scheduler

from judge.model import fast_bfloat16
from judge.records import Record
from rl import sharding, zero
from rl.config import PPOConfig
from rl.engine import Engine, TorchEngine
from rl.policy import Policy, Reference, reference_of
from rl.processes import Processes
from rl.tracking import Metrics

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class TrainState:
    """What a checkpoint has to hold, but for the reference, which never changes."""

    policy: Policy
    reference: Reference
    engine: Engine
    schedule: LambdaLR  # a function of the update alone
    kl_coef: float
    sampling: torch.Generator  # on the model's device; each process has its own
    shuffling: torch.Generator  # on the CPU: order of records and of minibatches; alike on all processes
    processes: Processes
    queue: list[int] = field(default_factory=list)  # records still to ask in this pass over them
    update: int = 0
    history: list[Metrics] = field(default_factory=list)  # of every update so far


def initial_state(config: PPOConfig, model: PreTrainedModel | PeftModel) -> TrainState:
    """A value head at zero, a reference equal to the policy, and generators seeded by the config."""
    processes = Processes.joined()
    policy = Policy(
        model,
        config.temperature,
        bf16=config.bf16,
        gradient_checkpointing=config.gradient_checkpointing,
    )
    if config.bf16 and not fast_bfloat16(policy.device):
        logger.warning("%s has no fast bfloat16 products: bf16 is slower than float32 here", policy.device)
    processes.copy_first(policy)
    reference = reference_of(policy)
    engine = engine_of(policy, reference, config, processes)
    return TrainState(
        policy=policy,
        reference=reference,
        engine=engine,
        schedule=get_scheduler(
            str(config.lr_scheduler_type), engine.adam, num_warmup_steps=0, num_training_steps=config.updates
        ),
        kl_coef=config.kl_coef,
        sampling=torch.Generator(policy.device).manual_seed(processes.seed_of_its_own(config.seed)),
        shuffling=torch.Generator().manual_seed(config.seed),
        processes=processes,
    )


def engine_of(policy: Policy, reference: Reference, config: PPOConfig, processes: Processes) -> Engine:
    """What trains the policy; policy and reference are sharded if the launcher was told to."""
    both = list(dict.fromkeys([policy, reference.policy]))
    if zero.asked_for():
        return zero.ZeroEngine(policy, config, frozen=both[1:])
    if sharding.asked_for():
        for each in both:
            sharding.shard(each)
    return TorchEngine(policy, config, processes)


def is_sharded() -> bool:
    """Whether the launcher was told to shard what is trained.

    Raises:
        ConfigError: in a way that is not done here.
    """
    told = [way.settings() for way in (sharding, zero) if way.asked_for()]
    return bool(told)


def set_learning_rate(state: TrainState) -> float:
    """Give the optimizer the rate that the schedule has for this update, and return it."""
    (factor,) = (rate_at(state.update) for rate_at in state.schedule.lr_lambdas)
    (group,) = state.engine.adam.param_groups
    group["lr"] = group["initial_lr"] * factor
    return float(group["lr"])


def next_records(state: TrainState, records: Sequence[Record], number: int) -> list[Record]:
    """The next records of an endless walk over all of them, shuffled anew in each pass."""
    while len(state.queue) < number:
        state.queue += torch.randperm(len(records), generator=state.shuffling).tolist()
    taken, state.queue = state.queue[:number], state.queue[number:]
    return [records[index] for index in taken]
