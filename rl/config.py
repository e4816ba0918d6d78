"""Settings of a run, as the command line and YAML spell them. A bad value is refused when it is set.

Imports neither torch nor transformers, so that `--help` stays instant.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from judge.errors import ConfigError

# What several commands ask for, said once.
_MODEL = {"help": "causal LM to train: a directory or a Hub id; safetensors weights, no remote code"}
_QUESTIONS = {
    "help": "questions with right answers: .jsonl, .csv (either may be gzipped) or .parquet; a data set's "
    "directory or Hub id (or ID@REVISION), of which the split train is taken; or a file of one, "
    "hf://datasets/OWNER/NAME/FILE"
}
_JUDGE = {"help": "judge directory or Hub id; the one that ships by default"}
_PROMPT_COLUMN = {"help": "column of the question"}
_REFERENCE_COLUMN = {"help": "column of the right answer: text, or a list of which any may match"}
_ID_COLUMN = {"help": "column that names the row; where a file has no `id`, its row number does"}
_DTYPE = {"help": "precision of the model's weights"}
_BF16 = {"help": "matrix products in bfloat16, with weights as dtype says, losses and optimizer in float32"}
_GRADIENT_CHECKPOINTING = {
    "help": "run each layer again in the backward pass instead of keeping what it computed: less memory, one "
    "more pass forward"
}
_DEVICE = {"help": "cpu, cuda, ...; the best there is by default"}
_AS_IN_TRAIN_RL = {"help": "share of wrong answers that may pass for right; as in train-rl"}


class RewardMode(StrEnum):
    """How a score becomes a number."""

    HARD = "hard"
    SOFT = "soft"


class Algorithm(StrEnum):
    """What turns rewards into a better policy."""

    PPO = "ppo"
    RLOO = "rloo"
    GRPO = "grpo"


class ReportTo(StrEnum):
    """Where a run can be watched."""

    TENSORBOARD = "tensorboard"
    WANDB = "wandb"
    TRACKIO = "trackio"
    NONE = "none"


class Dtype(StrEnum):
    """Precision of a model's weights."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Targets(StrEnum):
    """What a warm start teaches a model to say."""

    RANDOM = "random"
    REFUSAL_AWARE = "refusal_aware"


class KLEstimator(StrEnum):
    """What the KL to the reference is estimated by, at tokens drawn from the policy."""

    K1 = "k1"
    K3 = "k3"


class Schedule(StrEnum):
    """What becomes of the learning rate over a run."""

    CONSTANT = "constant"
    LINEAR = "linear"
    COSINE = "cosine"


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """What a verdict is worth. The abstain level follows from the break-even confidence t*."""

    break_even: float = field(
        default=0.5,
        metadata={"help": "t* in [0, 1]: abstaining pays off exactly below this chance of being right"},
    )
    break_even_start: float | None = field(
        default=None, metadata={"help": "t* at update 0, moved linearly to break_even; unset: constant"}
    )
    ramp_updates: int = field(default=0, metadata={"help": "updates over which t* moves; 0: constant"})
    abstain_target: float | None = field(
        default=None,
        metadata={
            "help": "abstain rate in [0, 1] towards which t* is steered in each rollout; unset: not at all"
        },
    )
    abstain_gain: float = field(
        default=1.0,
        metadata={"help": "change of t* for each unit by which the abstain rate is off its target"},
    )
    probe_gain: float = field(
        default=1.0,
        metadata={
            "help": "with a probe, change of a question's t* for each unit by which its share of right "
            "answers is below t*"
        },
    )
    reward_correct: float = field(default=1.0, metadata={"help": "reward of a correct answer"})
    reward_wrong: float = field(
        default=-1.0, metadata={"help": "reward of a wrong answer, below reward_correct"}
    )
    reward_mode: RewardMode = field(
        default=RewardMode.HARD,
        metadata={"help": "hard: by verdict; soft: expectation under the judge's probabilities"},
    )
    missing_eos_penalty: float | None = field(
        default=None,
        metadata={
            "help": "taken off the reward of a completion cut at max_new_tokens; unset: judged like any other"
        },
    )

    def __post_init__(self) -> None:
        for name in ("break_even", "break_even_start", "abstain_target"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name} must be in [0, 1], got {value}")
        if (self.break_even_start is None) != (self.ramp_updates == 0):
            raise ConfigError(
                f"break_even_start and ramp_updates go together, got {self.break_even_start} and "
                f"{self.ramp_updates}; set both for a ramp, neither for a constant t*"
            )
        _at_least(0, self, "ramp_updates")
        for name in ("abstain_gain", "probe_gain"):
            _at_least(0.0, self, name)
        if not (math.isfinite(self.reward_correct) and math.isfinite(self.reward_wrong)):
            raise ConfigError(
                f"reward levels must be finite, got {self.reward_correct} and {self.reward_wrong}"
            )
        if self.reward_wrong >= self.reward_correct:
            raise ConfigError(
                f"reward_wrong must be below reward_correct={self.reward_correct}, got {self.reward_wrong}"
            )
        _one_of(RewardMode, self, "reward_mode")
        if self.missing_eos_penalty is not None:
            _at_least(0.0, self, "missing_eos_penalty")


@dataclass(frozen=True, slots=True)
class DemoConfig:
    """Settings of `candor demo`."""

    output_dir: str = field(
        default="runs/demo", metadata={"help": "where report, figures, metrics and completions go"}
    )
    judge: str | None = field(default=None, metadata=_JUDGE)
    seed: int = field(default=0, metadata={"help": "of the world and of every training in it"})


@dataclass(frozen=True, slots=True)
class SamplingConfig:
    """How each question is answered, n times."""

    n: int = field(default=8, metadata={"help": "answers to each question"})
    chat_template: bool = field(
        default=False,
        metadata={
            "help": "ask each prompt as a user message, or as the messages that it is; prompts and answers "
            "are written as messages"
        },
    )
    max_new_tokens: int = field(default=64, metadata={"help": "longest answer, in tokens"})
    temperature: float = field(default=1.0, metadata={"help": "sampling temperature"})
    batch_size: int = field(default=64, metadata={"help": "answers sampled at a time, to fit memory"})
    seed: int = field(default=0, metadata={"help": "of all that is drawn"})

    def __post_init__(self) -> None:
        for name in ("n", "max_new_tokens", "batch_size"):
            _at_least(1, self, name)
        _above_zero(self, "temperature")


@dataclass(frozen=True, slots=True)
class BestOfNConfig:
    """Settings of `candor best-of-n`, but for `SamplingConfig` and `RewardConfig`."""

    model: str = field(
        metadata={
            "help": "causal LM that answers: a directory or a Hub id; safetensors weights, no remote code"
        }
    )
    input: str = field(metadata=_QUESTIONS)
    output: str = field(
        metadata={"help": "where the best answer to each goes; bad rows go to OUTPUT.rejected.jsonl"}
    )
    pairs: str | None = field(
        default=None,
        metadata={
            "help": "where the best answer goes beside the worst, as chosen and rejected; unset: nowhere"
        },
    )
    judge: str | None = field(default=None, metadata=_JUDGE)
    max_fpr: float | None = field(default=None, metadata=_AS_IN_TRAIN_RL)
    prompt_column: str = field(default="prompt", metadata=_PROMPT_COLUMN)
    reference_column: str = field(
        default="reference",
        metadata=_REFERENCE_COLUMN,
    )
    id_column: str = field(
        default="id",
        metadata=_ID_COLUMN,
    )
    dtype: Dtype = field(default=Dtype.FLOAT32, metadata=_DTYPE)
    device: str | None = field(default=None, metadata=_DEVICE)

    def __post_init__(self) -> None:
        if self.output == self.pairs:
            raise ConfigError(f"output and pairs must be two files, got {self.output} twice")
        _one_of(Dtype, self, "dtype")


@dataclass(frozen=True, slots=True)
class WarmStartConfig:
    """Settings of `candor warm-start`, but for `SamplingConfig`."""

    model: str = field(metadata=_MODEL)
    data: str = field(metadata=_QUESTIONS)
    output_dir: str = field(
        metadata={"help": "new or empty directory for the model, what it knew, targets and bad rows"}
    )
    targets: Targets = field(
        default=Targets.REFUSAL_AWARE,
        metadata={
            "help": "refusal_aware: its own right answer where it knows one, an abstention elsewhere; "
            "random: its own answers, some at random replaced by an abstention"
        },
    )
    known_from: float = field(
        default=0.5,
        metadata={
            "help": "share of right answers in (0, 1] from which on a question is known, for refusal_aware"
        },
    )
    abstain_share: float = field(
        default=0.2, metadata={"help": "share of targets in (0, 1) that are abstentions, for random"}
    )
    abstention: list[str] = field(
        default_factory=lambda: ["I don't know."],
        metadata={"help": "how to abstain; of several, one at random for each question"},
    )
    judge: str | None = field(default=None, metadata=_JUDGE)
    max_fpr: float | None = field(default=None, metadata=_AS_IN_TRAIN_RL)
    prompt_column: str = field(default="prompt", metadata=_PROMPT_COLUMN)
    reference_column: str = field(
        default="reference",
        metadata=_REFERENCE_COLUMN,
    )
    id_column: str = field(
        default="id",
        metadata=_ID_COLUMN,
    )
    epochs: int = field(default=1, metadata={"help": "passes over the targets"})
    step_examples: int = field(default=16, metadata={"help": "targets per optimizer step"})
    micro_batch_size: int | None = field(
        default=None,
        metadata={"help": "targets per forward pass, to fit memory; unset: all of a step"},
    )
    gradient_checkpointing: bool = field(default=False, metadata=_GRADIENT_CHECKPOINTING)
    learning_rate: float = field(default=2e-5, metadata={"help": "AdamW step size, at the first step"})
    lr_scheduler_type: Schedule = field(
        default=Schedule.LINEAR, metadata={"help": "constant, or linear or cosine to 0 over the run"}
    )
    lora_rank: int = field(
        default=0,
        metadata={
            "help": "rank of LoRA adapters on all linear layers, merged in the end; 0: train every weight"
        },
    )
    dtype: Dtype = field(default=Dtype.FLOAT32, metadata=_DTYPE)
    bf16: bool = field(default=False, metadata=_BF16)
    device: str | None = field(default=None, metadata=_DEVICE)

    def __post_init__(self) -> None:
        for name in ("epochs", "step_examples"):
            _at_least(1, self, name)
        _at_least(0, self, "lora_rank")
        _above_zero(self, "learning_rate")
        if not 0.0 < self.known_from <= 1.0:
            raise ConfigError(f"known_from must be in (0, 1], got {self.known_from}")
        if not 0.0 < self.abstain_share < 1.0:
            raise ConfigError(f"abstain_share must be in (0, 1), got {self.abstain_share}")
        if not self.abstention or not all(phrase.strip() for phrase in self.abstention):
            raise ConfigError(f"abstention must be at least one sentence, got {self.abstention}")
        if self.micro_batch_size is not None:
            _at_least(1, self, "micro_batch_size")
            if self.step_examples % self.micro_batch_size:
                raise ConfigError(
                    f"step_examples must be a multiple of micro_batch_size, got {self.step_examples} and "
                    f"{self.micro_batch_size}"
                )
        _one_of(Targets, self, "targets")
        _one_of(Schedule, self, "lr_scheduler_type")
        _one_of(Dtype, self, "dtype")


@dataclass(frozen=True, slots=True)
class PPOConfig:
    """One PPO run. Defaults suit a small model on a CPU; recipes hold those for larger ones."""

    updates: int = field(default=100, metadata={"help": "rollouts, each followed by `epochs` passes over it"})
    episodes: int = field(default=128, metadata={"help": "completions sampled per update"})
    epochs: int = field(default=2, metadata={"help": "passes over each rollout"})
    minibatches: int = field(default=2, metadata={"help": "optimizer steps per epoch"})
    micro_batch_size: int | None = field(
        default=None,
        metadata={"help": "episodes per forward pass, to fit memory; unset: the whole minibatch"},
    )
    gradient_checkpointing: bool = field(default=False, metadata=_GRADIENT_CHECKPOINTING)
    bf16: bool = field(default=False, metadata=_BF16)
    torch_compile: bool = field(
        default=False,
        metadata={
            "help": "sample by a compiled step, on CUDA one graph a token; what it saves has to make up for "
            "the time it takes to compile"
        },
    )
    chat_template: bool = field(
        default=False,
        metadata={
            "help": "ask each prompt as a user message, or as the messages that it is; the judge reads the "
            "question alone"
        },
    )
    max_new_tokens: int = field(default=16, metadata={"help": "longest completion, in tokens"})
    temperature: float = field(
        default=1.0, metadata={"help": "sampling temperature, of every log-prob alike"}
    )
    top_k: int | None = field(default=None, metadata={"help": "not supported: it would bias the log-probs"})
    top_p: float | None = field(default=None, metadata={"help": "not supported: it would bias the log-probs"})
    learning_rate: float = field(default=1e-5, metadata={"help": "Adam step size, at the first update"})
    lr_scheduler_type: Schedule = field(
        default=Schedule.CONSTANT,
        metadata={"help": "constant, or linear or cosine to 0 over the updates"},
    )
    adam_eps: float = field(default=1e-5, metadata={"help": "Adam epsilon"})
    max_grad_norm: float = field(default=1.0, metadata={"help": "gradients are scaled down to this L2 norm"})
    gamma: float = field(default=1.0, metadata={"help": "discount per token, in (0, 1]"})
    gae_lambda: float = field(default=0.95, metadata={"help": "GAE lambda, in [0, 1]"})
    whiten_advantages: bool = field(default=True, metadata={"help": "mean 0, variance 1 over the rollout"})
    clip_range: float = field(default=0.2, metadata={"help": "PPO clip of the probability ratio"})
    dual_clip: float | None = field(
        default=None,
        metadata={"help": "probability ratio above 1 from which on a bad token is let go; unset: never"},
    )
    value_clip_range: float = field(default=0.2, metadata={"help": "clip of the value around the old one"})
    value_coef: float = field(default=0.1, metadata={"help": "weight of the value loss"})
    entropy_coef: float = field(
        default=0.0, metadata={"help": "weight of the entropy of each token in nats, which is rewarded"}
    )
    kl_coef: float = field(default=0.05, metadata={"help": "beta: penalty per nat of KL to the reference"})
    kl_estimator: KLEstimator = field(
        default=KLEstimator.K1,
        metadata={"help": "k1: log p/q, may be negative; k3: q/p - 1 - log q/p, never is"},
    )
    kl_target: float | None = field(
        default=None, metadata={"help": "nats per episode that beta is steered towards; unset: beta is fixed"}
    )
    kl_horizon: int = field(default=10_000, metadata={"help": "episodes over which beta adapts"})
    vllm_importance_sampling_correction: bool = field(
        default=True,
        metadata={"help": "with use_vllm, weigh each token by its probability here over that on the server"},
    )
    vllm_importance_sampling_clip_max: float = field(
        default=3.0, metadata={"help": "the most that such a weight may be"}
    )
    seed: int = field(default=0, metadata={"help": "of sampling and shuffling"})

    def __post_init__(self) -> None:
        for name in ("updates", "episodes", "epochs", "minibatches", "max_new_tokens", "kl_horizon"):
            _at_least(1, self, name)
        if self.micro_batch_size is not None:
            _at_least(1, self, "micro_batch_size")
        for name in (
            "temperature", "learning_rate", "adam_eps", "max_grad_norm", "clip_range", "value_clip_range",
            "vllm_importance_sampling_clip_max",
        ):  # fmt: skip
            _above_zero(self, name)
        for name in ("value_coef", "entropy_coef", "kl_coef", "gae_lambda"):
            _at_least(0.0, self, name)
        if self.kl_target is not None:
            _above_zero(self, "kl_target")
        if self.dual_clip is not None and not (math.isfinite(self.dual_clip) and self.dual_clip > 1.0):
            raise ConfigError(f"dual_clip must be a finite number above 1, got {self.dual_clip}")
        _one_of(Schedule, self, "lr_scheduler_type")
        _one_of(KLEstimator, self, "kl_estimator")
        if self.gae_lambda > 1.0:
            raise ConfigError(f"gae_lambda must be in [0, 1], got {self.gae_lambda}")
        if not 0.0 < self.gamma <= 1.0:
            raise ConfigError(f"gamma must be in (0, 1], got {self.gamma}")
        if self.episodes < self.minibatches:
            raise ConfigError(
                f"minibatches must be at most episodes, got {self.minibatches} of {self.episodes} episodes"
            )
        if self.top_k is not None or self.top_p is not None:
            raise ConfigError(
                "top_k and top_p would sample from another distribution than the one whose log-probs are "
                f"trained, got top_k={self.top_k}, top_p={self.top_p}; leave both unset and use temperature"
            )


@dataclass(frozen=True, slots=True)
class TrainRLConfig:
    """What `candor train-rl` trains, on what, and where to; how is said by `PPOConfig` and `RewardConfig`."""

    model: str = field(metadata=_MODEL)
    data: str = field(metadata=_QUESTIONS)
    output_dir: str = field(
        metadata={
            "help": "new or empty directory for the model, metrics, completions and bad rows; a run that was "
            "killed goes on in its own"
        }
    )
    algorithm: Algorithm = field(
        default=Algorithm.PPO,
        metadata={"help": "ppo: this project's own; rloo and grpo: TRL's trainers, the same reward"},
    )
    num_generations: int | None = field(
        default=None, metadata={"help": "completions of each prompt, for rloo and grpo; unset: 8 with these"}
    )
    judge: str | None = field(default=None, metadata=_JUDGE)
    max_fpr: float | None = field(
        default=None,
        metadata={
            "help": "share of wrong answers that may pass for right, by the judge's held-out rows; unset: "
            "the one it was trained for"
        },
    )
    skip_audit: bool = field(
        default=False, metadata={"help": "train even with a judge that text without the answer fools"}
    )
    probe: str | None = field(
        default=None,
        metadata={
            "help": "the probe.jsonl of candor warm-start: abstaining pays less where the model knew, more "
            "where it did not (probe_gain); unset: t* is the same for all questions"
        },
    )
    eval_data: str | None = field(
        default=None,
        metadata={"help": "held-out questions with right answers, in the columns of data; unset: eval_share"},
    )
    eval_share: float = field(
        default=0.0, metadata={"help": "share of the questions in data, below 1, that is held out; 0: none"}
    )
    eval_every: int = field(
        default=10,
        metadata={
            "help": "updates between greedy answers to the held-out questions, the first before update 0"
        },
    )
    second_judge: str | None = field(
        default=None,
        metadata={
            "help": "judge directory or Hub id that scores the held-out answers too; unset: is a reference "
            "contained in them?"
        },
    )
    alarm_gap: float = field(
        default=0.1,
        metadata={
            "help": "how much the share of held-out answers that the judge takes for right and the second "
            "scorer does not may grow before an alarm is given"
        },
    )
    stop_on_collapse: bool = field(
        default=False, metadata={"help": "end the run while the policy abstains on nearly everything"}
    )
    prompt_column: str = field(default="prompt", metadata=_PROMPT_COLUMN)
    reference_column: str = field(
        default="reference",
        metadata=_REFERENCE_COLUMN,
    )
    id_column: str = field(
        default="id",
        metadata=_ID_COLUMN,
    )
    dtype: Dtype = field(default=Dtype.FLOAT32, metadata=_DTYPE)
    device: str | None = field(default=None, metadata=_DEVICE)
    lora_rank: int = field(
        default=0, metadata={"help": "rank of LoRA adapters on all linear layers; 0: train every weight"}
    )
    save_every: int = field(default=10, metadata={"help": "updates between checkpoints"})
    keep_checkpoints: int = field(default=2, metadata={"help": "checkpoints that are kept, the last ones"})
    report_to: ReportTo = field(
        default=ReportTo.TENSORBOARD,
        metadata={"help": "where the metrics are shown: tensorboard, wandb, trackio, none"},
    )
    show_every: int = field(
        default=10,
        metadata={"help": "updates between tables of the best and worst paid completions; 0: no table"},
    )

    def __post_init__(self) -> None:
        for name in ("lora_rank", "show_every"):
            _at_least(0, self, name)
        for name in ("save_every", "keep_checkpoints", "eval_every"):
            _at_least(1, self, name)
        _at_least(0.0, self, "alarm_gap")
        if not 0.0 <= self.eval_share < 1.0:
            raise ConfigError(f"eval_share must be in [0, 1), got {self.eval_share}")
        if self.eval_data is not None and self.eval_share:
            raise ConfigError(
                f"eval_data and eval_share exclude each other, got {self.eval_data} and {self.eval_share}"
            )
        if self.second_judge is not None and self.eval_data is None and not self.eval_share:
            raise ConfigError(
                f"second_judge scores held-out answers, got {self.second_judge} without any; set eval_data "
                "or eval_share"
            )
        _one_of(Algorithm, self, "algorithm")
        _one_of(Dtype, self, "dtype")
        _one_of(ReportTo, self, "report_to")
        if self.num_generations is not None:
            _at_least(2, self, "num_generations")
            if self.algorithm == Algorithm.PPO:
                raise ConfigError(
                    f"num_generations is for algorithm rloo and grpo, got {self.num_generations} with ppo; "
                    "leave it out, or set algorithm"
                )


@dataclass(frozen=True, slots=True)
class VLLMConfig:
    """Where completions are sampled, if not in the process that trains; spelled as in TRL."""

    use_vllm: bool = field(
        default=False, metadata={"help": "sample on a vLLM server, which is sent the weights of every update"}
    )
    vllm_server_base_url: str = field(
        default="http://localhost:8000", metadata={"help": "the server, on GPUs of its own"}
    )
    vllm_server_timeout: float = field(
        default=240.0,
        metadata={
            "help": "seconds to wait until the server is up and, by ppo alone, for each of its answers"
        },
    )
    vllm_group_port: int = field(
        default=51216, metadata={"help": "port by which the weights go to the server"}
    )

    def __post_init__(self) -> None:
        _above_zero(self, "vllm_server_timeout")
        if not self.vllm_server_base_url.startswith(("http://", "https://")):
            raise ConfigError(
                f"vllm_server_base_url must begin with http:// or https://, got {self.vllm_server_base_url!r}"
            )


_Config = (
    RewardConfig | SamplingConfig | BestOfNConfig | WarmStartConfig | PPOConfig | TrainRLConfig | VLLMConfig
)


def _one_of(choices: type[StrEnum], config: _Config, name: str) -> None:
    value = getattr(config, name)  # plain text, from a command line or YAML
    if value not in list(choices):
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _at_least(least: float, config: _Config, name: str) -> None:
    value = getattr(config, name)
    if not (math.isfinite(value) and value >= least):
        raise ConfigError(f"{name} must be at least {least}, got {value}")


def _above_zero(config: _Config, name: str) -> None:
    value = getattr(config, name)
    if not (math.isfinite(value) and value > 0.0):
        raise ConfigError(f"{name} must be a finite number above 0, got {value}")
