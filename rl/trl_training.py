"""RLOO and GRPO by TRL's own trainers, with the judge's reward and the settings of a PPO run.

An update is a rollout and the optimizer steps on it, as in `rl.ppo`. What PPO has and TRL's trainers have not
(a value function, discounts, an adaptive KL coefficient) is refused rather than ignored. Sources: Ahmadian et
al. 2024 (arXiv:2402.14740) for RLOO; Shao et al. 2024 (arXiv:2402.03300) for GRPO.
"""

import logging
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from safetensors import SafetensorError
from torch import nn
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from judge.errors import ConfigError
from judge.model import quiet_adapters
from judge.records import Record, Score
from rl.adapters.trl import JudgeReward
from rl.checkpoint import Checkpoints
from rl.config import Algorithm, PPOConfig, RewardConfig, VLLMConfig, WarmStartConfig
from rl.probe import Probe
from rl.processes import Processes
from rl.reward import Scorer
from rl.rollout import SpecialTokens, messages_of, special_tokens
from rl.tracking import Metrics, Row, Tracker, completion_rows

logger = logging.getLogger(__name__)

DEFAULT_GENERATIONS = 8
ASIDE = "trl.part"
"""Where TRL writes."""
PPO_ONLY = (
    "gamma", "gae_lambda", "value_clip_range", "value_coef", "entropy_coef", "dual_clip", "kl_estimator",
    "kl_target", "kl_horizon", "torch_compile",
)  # fmt: skip
"""Settings without a counterpart here: a value function, an entropy bonus, a dual clip, a choice of KL,
and sampling of our own."""
METRICS = {
    "reward": "objective/scores",
    "loss": "loss/policy_avg",
    "grad_norm": "optimizer/grad_norm",
    "learning_rate": "optimizer/learning_rate",
    "clip_ratio/region_mean": "policy/clipfrac_avg",
    "completions/mean_length": "rollout/response_tokens",
    "completions/clipped_ratio": "rollout/truncated_rate",
}
"""What TRL logs, and what it is called here."""
PER_TOKEN = {"kl": "objective/kl", "entropy": "objective/entropy"}
"""Logged by TRL in nats a token, here in nats an answer."""
OWN_METRICS = ("judge/", "reward/", "time/", "sampling/")
"""How the names begin of what the reward function logs, and of what has one name everywhere."""


def train(
    algorithm: Algorithm,
    config: PPOConfig,
    num_generations: int,
    output_dir: Path,
    *,
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
    judge: Scorer,
    reward: RewardConfig,
    probe: Probe | None = None,
    tracker: Tracker | None = None,
    before_update: Callable[[int], Metrics] | None = None,
    on_update: Callable[[int, Metrics], bool | None] | None = None,
    checkpoints: Checkpoints | None = None,
    vllm: VLLMConfig | None = None,
) -> list[Metrics]:
    """Teach `model` to earn the reward; what is not said here is as in `rl.ppo.train`.

    Args:
        algorithm: RLOO or GRPO.
        num_generations: completions of each prompt, against whose mean reward each is measured.
        output_dir: where TRL makes a directory for what becomes a checkpoint, and leaves none; on the disk
            of `checkpoints`.
        model: on the CPU or the first CUDA device; without adapters, from a directory or the Hub, where TRL
            loads the reference from.
        vllm: the server to sample on, if one is to be used.

    Returns:
        The metrics of each update.

    Raises:
        ConfigError, DataError: before the first update, if a setting is not for these algorithms or the run
            cannot go on; DataError later, if a checkpoint cannot be written.
    """
    arguments = arguments_of(algorithm, config, num_generations, output_dir, model.device, vllm)
    special = ends_for_trl(model, tokenizer)
    if checkpoints is not None:
        checkpoints.check(config.updates, [weight for weight in model.parameters() if weight.requires_grad])
    run = Run(config, tracker, before_update, on_update, checkpoints)
    judge_reward = JudgeReward(
        judge,
        reward,
        probe=probe,
        eos_token_ids=special.eos,
        steps_per_update=config.epochs * config.minibatches,
        observe=run.keep,
    )
    with quiet_adapters():
        trainer = (RLOOTrainer if algorithm == Algorithm.RLOO else GRPOTrainer)(
            model=model,
            reward_funcs=judge_reward,
            args=arguments,
            train_dataset=questions(records, config, num_generations),
            processing_class=tokenizer,
            callbacks=[run],
        )
        trainer.remove_callback(PrinterCallback)
        if checkpoints is None:
            trainer.train()
        else:
            go_on(trainer, run, checkpoints)
        # In bf16 the trainer has given it a forward of its own.
        trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    if isinstance(model, PeftModel):
        model.delete_adapter("ref")  # TRL's copy of the first adapters
    model.eval()
    return run.metrics


def ends_for_trl(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase) -> SpecialTokens:
    """The tokens that end a completion, put where TRL's trainers look for them."""
    special = special_tokens(model, tokenizer)
    model.generation_config.eos_token_id = list(special.eos)
    if tokenizer.eos_token is None:  # TRL ends and pads with it
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(special.eos[0])
    return special


def go_on(trainer: RLOOTrainer | GRPOTrainer, run: "Run", checkpoints: Checkpoints) -> None:
    """Train from the last checkpoint, or from the start if there is none.

    Raises:
        DataError: a checkpoint cannot be written; those before it stay.
    """
    last = checkpoints.last
    if last is not None:
        logger.info("going on from %s", last.directory)
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last.directory))
    except (OSError, RuntimeError, SafetensorError) as error:  # RuntimeError by torch.save
        if not trainer.control.should_save:
            raise
        raise checkpoints.unwritten(len(run.metrics), error) from error
    finally:
        if Processes.joined().leads:
            shutil.rmtree(trainer.args.output_dir, ignore_errors=True)


def arguments_of(
    algorithm: Algorithm,
    config: PPOConfig,
    num_generations: int,
    output_dir: Path,
    device: torch.device,
    vllm: VLLMConfig | None = None,
) -> RLOOConfig | GRPOConfig:
    """The settings of a run as TRL spells them.

    Raises:
        ConfigError: a setting is PPO's alone, completions cannot be shared out evenly, or one process sees
            several GPUs.
    """
    vllm = vllm or VLLMConfig()
    refuse_others(config, algorithm, vllm)
    shared: dict[str, Any] = trainer_arguments(config, output_dir / ASIDE, device, config.seed) | {
        **batches_of(algorithm, config, num_generations),
        # An update: one rollout, `epochs` passes over it, `minibatches` optimizer steps in each.
        "max_steps": config.updates * config.epochs * config.minibatches,
        "logging_steps": config.epochs * config.minibatches,
        "num_iterations": config.epochs,
        "max_completion_length": config.max_new_tokens,
        "temperature": config.temperature,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": str(config.lr_scheduler_type),
        "adam_epsilon": config.adam_eps,
        "max_grad_norm": config.max_grad_norm,
        "epsilon": config.clip_range,
        "beta": config.kl_coef,
        "shuffle_dataset": False,  # `questions` are in order
        "disable_dropout": True,
        "vllm_mode": "server",
        **asdict(vllm),
    }
    if algorithm == Algorithm.RLOO:
        return RLOOConfig(normalize_advantages=config.whiten_advantages, **shared)
    return GRPOConfig(
        scale_rewards="group" if config.whiten_advantages else "none",
        vllm_importance_sampling_correction=config.vllm_importance_sampling_correction,
        vllm_importance_sampling_mode="token_truncate",  # as in `rl.ppo`
        vllm_importance_sampling_clip_max=config.vllm_importance_sampling_clip_max,
        **shared,
    )


def batches_of(algorithm: Algorithm, config: PPOConfig, num_generations: int) -> dict[str, int]:
    """How a rollout is shared out among processes, optimizer steps and passes, as TRL spells it.

    Raises:
        ConfigError: it cannot be shared out evenly.
    """
    processes = Processes.joined().count
    shares = config.minibatches * processes
    micro_batch_size = config.micro_batch_size or max(config.episodes // shares, 1)
    if config.episodes % (shares * micro_batch_size) or config.episodes % num_generations:
        raise ConfigError(
            f"{algorithm} needs episodes to be a multiple of minibatches x processes x micro_batch_size and "
            f"of num_generations, got {config.episodes}, {config.minibatches} x {processes} x "
            f"{micro_batch_size} and {num_generations}"
        )
    return {
        "generation_batch_size": config.episodes,
        "per_device_train_batch_size": micro_batch_size,
        "gradient_accumulation_steps": config.episodes // shares // micro_batch_size,
        "num_generations": num_generations,
    }


def trainer_arguments(
    config: PPOConfig | WarmStartConfig, output_dir: Path, device: torch.device, seed: int
) -> dict[str, Any]:
    """What every trainer of TRL is told here, whatever it trains by.

    Raises:
        ConfigError: one process sees several GPUs, among which TRL's trainers do not choose.
    """
    gpus = torch.cuda.device_count()
    if device.type == "cuda" and gpus > 1 and Processes.joined().count == 1:
        raise ConfigError(
            f"TRL's trainers want a GPU for each process, got one process, {gpus} GPUs and device {device}; "
            f"set CUDA_VISIBLE_DEVICES={device.index or 0} and device cuda, or launch train-rl by "
            "`accelerate launch --multi_gpu`"
        )
    return {
        "output_dir": str(output_dir),
        "seed": seed,
        "weight_decay": 0.0,
        "bf16": config.bf16,
        "activation_checkpointing": config.gradient_checkpointing,
        "use_cpu": device.type == "cpu",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def refuse_others(config: PPOConfig, algorithm: Algorithm, vllm: VLLMConfig) -> None:
    """Raise a ConfigError for a setting that only PPO has and that is not as it is by default, or for a
    correction that RLOO has not."""
    defaults = {field.name: field.default for field in fields(config)}
    for name in PPO_ONLY:
        if getattr(config, name) != defaults[name]:
            raise ConfigError(
                f"{name} is for algorithm ppo, got {getattr(config, name)} with {algorithm}; leave it out"
            )
    if vllm.use_vllm and config.vllm_importance_sampling_correction and algorithm == Algorithm.RLOO:
        raise ConfigError(
            "TRL's RLOO does not correct for tokens that a vLLM server sampled; set "
            "vllm_importance_sampling_correction to false, or choose ppo or grpo"
        )


def questions(records: Sequence[Record], config: PPOConfig, num_generations: int) -> Dataset:
    """What a run asks, in order: passes over all records, each shuffled anew."""
    needed = config.updates * config.episodes // num_generations
    generator = torch.Generator().manual_seed(config.seed)
    passes = [torch.randperm(len(records), generator=generator) for _ in range(-(-needed // len(records)))]
    rows = [
        {
            "prompt": messages_of(record.asked) if config.chat_template else record.prompt,
            "reference": list(record.references),
            "id": record.id,
        }
        for record in records
    ]
    return Dataset.from_list(rows).select(torch.cat(passes)[:needed].tolist())


class Run(TrainerCallback):
    """What TRL logs, under the names of `rl.ppo`, with the completions of each rollout."""

    def __init__(
        self,
        config: PPOConfig,
        tracker: Tracker | None,
        before_update: Callable[[int], Metrics] | None,
        on_update: Callable[[int, Metrics], bool | None] | None,
        checkpoints: Checkpoints | None,
    ) -> None:
        self.config = config
        self.tracker = tracker
        self.measure = before_update
        self.report = on_update
        self.checkpoints = checkpoints
        self.metrics: list[Metrics] = [] if checkpoints is None else list(checkpoints.history)
        self._measured: Metrics = {}
        self._completions: list[Row] = []
        self._clock = 0.0
        self._seconds: Metrics = {}

    def keep(
        self, records: Sequence[Record], scores: Sequence[Score | None], rewards: Sequence[float | None]
    ) -> None:
        """Note a rollout, until its update is logged."""
        self._completions += Processes.joined().gathered(completion_rows(records, scores, rewards))
        self._time("time/rollout_s")

    def on_step_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        **_: object,
    ) -> None:
        """Called by the trainer before each optimizer step, the first of an update before its rollout."""
        if state.global_step % (self.config.epochs * self.config.minibatches):
            return
        if self.measure is not None and model is not None:
            model.eval()
            self._measured = self.measure(len(self.metrics))
            model.train()
        self._clock = time.perf_counter()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        """Called by the trainer after each update, and once at the end with figures of the whole run."""
        if logs is None or "reward" not in logs:
            return
        self._time("time/update_s")
        update, metrics = len(self.metrics), self._measured | self._renamed(logs)
        if self.tracker is not None:
            self.tracker.log(update, metrics, self._completions)
        stopped = self.report is not None and bool(self.report(update, metrics))
        self.metrics.append(metrics)
        self._completions = []
        control.should_training_stop = stopped
        if self.checkpoints is not None:
            done = len(self.metrics)
            ended = stopped or done == self.config.updates
            control.should_save = ended or done % self.checkpoints.every == 0

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Called by the trainer on every process when it has written what it goes on from."""
        processes = Processes.joined()
        processes.wait()  # each has written its generators
        if self.checkpoints is not None and processes.leads:
            written = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            try:
                self.checkpoints.finish(written, len(self.metrics), self.metrics)
            except OSError as error:
                raise self.checkpoints.unwritten(len(self.metrics), error) from error

    def _time(self, name: str) -> None:
        """Note the seconds since the last call, or the beginning of the update."""
        now = time.perf_counter()
        self._seconds[name] = now - self._clock
        self._clock = now

    def _renamed(self, logs: dict[str, Any]) -> Metrics:
        # TRL logs None for a mean over nothing.
        found = {name: math.nan if value is None else float(value) for name, value in logs.items()}
        tokens = found["completions/mean_length"]
        own = {name: value for name, value in found.items() if name.startswith(OWN_METRICS)}
        renamed = {ours: found[theirs] for theirs, ours in METRICS.items()}
        scaled = {ours: found[theirs] * tokens for theirs, ours in PER_TOKEN.items() if theirs in found}
        # What the judge takes of a rollout has a name of its own.
        rollout_s = self._seconds["time/rollout_s"] - found["time/judge_s"]
        fixed = {"objective/kl_coef": self.config.kl_coef}
        return own | renamed | scaled | fixed | self._seconds | {"time/rollout_s": rollout_s}
