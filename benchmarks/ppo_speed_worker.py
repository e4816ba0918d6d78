"""One way to train, timed in a process of its own; `ppo_speed.py` starts it and reads what it prints.

It runs in the interpreter of the trainer that it times, so its top imports nothing but the standard library.
Every way trains the same Llama from the same weights on the same prompts; the reward alternates between
completions and costs nothing. The update that warms things up is not counted.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"

LEARNING_RATE = 1e-5
KL_COEF = 0.05
FLOOR_REPEATS = 3
FLOOR_LOGITS = 2**22
"""Logits that the floor computes at a time: a buffer that stays in the cache."""
SPECIAL = ("<pad>", "<eos>", "<unk>")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is trained, and on how much."""

    layers: int
    width: int
    vocabulary: int
    episodes: int
    prompt_tokens: int
    new_tokens: int
    epochs: int
    updates: int  # timed


@dataclass(slots=True)
class Stopwatch:
    """Seconds of the clock and of the processor when each update ended, and what memory was in use."""

    ends: list[tuple[float, float]] = field(default_factory=list)
    imported: float = 0.0  # peak MB before a model was made

    def ready(self) -> None:
        """Everything is imported."""
        self.imported = peak_megabytes()

    def lap(self) -> None:
        """An update has ended."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.ends.append((time.perf_counter(), used.ru_utime + used.ru_stime))

    def result(self) -> dict[str, Any]:
        """Medians over the updates after the first."""
        laps = [
            tuple(after - before for after, before in zip(*ends, strict=True))
            for ends in zip(self.ends[1:], self.ends, strict=False)
        ]
        seconds, cpu_seconds = (median(column) for column in zip(*laps, strict=True))
        peak = peak_megabytes()
        return {
            "update_s": seconds,
            "update_cpu_s": cpu_seconds,
            "peak_mb": peak,
            "peak_above_imports_mb": peak - self.imported,
        }


def peak_megabytes() -> float:
    """Most memory that this process has had; getrusage would count what its parent had before it started."""
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024


def llama(setting: Setting) -> Any:
    """As the policy of the closed world is built."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=setting.vocabulary, hidden_size=setting.width, intermediate_size=4 * setting.width,
            num_hidden_layers=setting.layers, num_attention_heads=4, max_position_embeddings=256,
            tie_word_embeddings=True, pad_token_id=0, eos_token_id=1, bos_token_id=None,
        )
    )  # fmt: skip


def word_tokenizer(setting: Setting) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    pad, eos, unknown = SPECIAL
    words = SPECIAL + tuple(f"w{i}" for i in range(setting.vocabulary - len(SPECIAL)))
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token=unknown))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, eos_token=eos, unk_token=unknown, padding_side="left"
    )


def prompts(setting: Setting) -> list[str]:
    """As many as a rollout has episodes, all of one length."""
    number, length = setting.vocabulary - len(SPECIAL), setting.prompt_tokens
    return [
        " ".join(f"w{(7 * episode + 13 * i) % number}" for i in range(length))
        for episode in range(setting.episodes)
    ]


def ours(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """`rl.ppo`, and its phases."""
    from rl import ppo

    phases: dict[str, list[float]] = {}

    def on_update(update: int, metrics: dict[str, float]) -> None:
        watch.lap()
        for phase in ("rollout", "judge", "evaluate", "update") if update else ():
            phases.setdefault(phase, []).append(metrics[f"time/{phase}_s"])

    with inputs(setting, watch) as given:
        ppo.train(ppo_config(setting), on_update=on_update, **given)
    return {"phases_s": {phase: median(seconds) for phase, seconds in phases.items()}}


def trl_rloo(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """TRL's RLOOTrainer, two completions to a prompt, given the same settings by `rl.trl_training`."""
    from rl import trl_training
    from rl.config import Algorithm, RewardConfig

    with inputs(setting, watch) as given, tempfile.TemporaryDirectory() as directory:
        trl_training.train(
            Algorithm.RLOO, ppo_config(setting), 2, Path(directory), reward=RewardConfig(),
            on_update=lambda *_: watch.lap(), **given,
        )  # fmt: skip
    return {}


def ppo_config(setting: Setting) -> Any:
    from rl.config import PPOConfig

    return PPOConfig(
        updates=1 + setting.updates, episodes=setting.episodes, epochs=setting.epochs, minibatches=1,
        max_new_tokens=setting.new_tokens, learning_rate=LEARNING_RATE, kl_coef=KL_COEF,
    )  # fmt: skip


@contextlib.contextmanager
def inputs(setting: Setting, watch: Stopwatch) -> Iterator[dict[str, Any]]:
    """Model, tokenizer, records and judge, as the trainers of this project take them."""
    from transformers import LlamaForCausalLM

    from judge.records import Record, Score, Verdict

    right, wrong = Score(1.0, 0.0, Verdict.CORRECT), Score(0.0, 0.0, Verdict.WRONG)

    class Alternating:
        def score(self, records: Sequence[Record]) -> list[Score]:
            return [wrong if row % 2 else right for row in range(len(records))]

    watch.ready()
    with tempfile.TemporaryDirectory() as directory:
        # TRL loads the reference from where the model came from.
        llama(setting).save_pretrained(directory)
        yield {
            "model": LlamaForCausalLM.from_pretrained(directory).eval(),
            "tokenizer": word_tokenizer(setting),
            "records": [Record(prompt, ("w0",), id=prompt) for prompt in prompts(setting)],
            "judge": Alternating(),
        }


def trl_ppo(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """PPOTrainer of TRL 1.12.0 in float32, without gradient checkpointing, a rollout in one batch."""
    import torch
    from datasets import Dataset
    from transformers import LlamaForSequenceClassification, TrainerCallback
    from transformers.modeling_outputs import BaseModelOutput
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    class Alternating(torch.nn.Module):
        """What the trainer asks of a reward model: hidden states by a backbone, scores by a head."""

        base_model_prefix = "backbone"

        def __init__(self) -> None:
            super().__init__()
            self.score = torch.nn.Identity()

        def backbone(self, input_ids: torch.Tensor, **_: object) -> BaseModelOutput:
            reward = 1.0 - 2.0 * (torch.arange(len(input_ids)) % 2)
            return BaseModelOutput(hidden_states=(reward[:, None, None].expand(*input_ids.shape, 1),))

    class Lap(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            watch.lap()

    watch.ready()
    model, tokenizer = llama(setting), word_tokenizer(setting)
    value_config = type(model.config)(**model.config.to_dict() | {"num_labels": 1})
    with tempfile.TemporaryDirectory() as directory:
        arguments = PPOConfig(
            output_dir=directory, total_episodes=(1 + setting.updates) * setting.episodes,
            per_device_train_batch_size=setting.episodes, local_rollout_forward_batch_size=setting.episodes,
            gradient_accumulation_steps=1, num_mini_batches=1, num_ppo_epochs=setting.epochs,
            response_length=setting.new_tokens, temperature=1.0, learning_rate=LEARNING_RATE,
            kl_coef=KL_COEF, num_sample_generations=0, use_cpu=True, bf16=False,
            gradient_checkpointing=False, save_strategy="no", report_to="none", disable_tqdm=True,
        )  # fmt: skip
        PPOTrainer(
            args=arguments, processing_class=tokenizer, model=model, ref_model=None,
            reward_model=Alternating(),
            value_model=LlamaForSequenceClassification(value_config),
            train_dataset=Dataset.from_dict({"input_ids": tokenizer(prompts(setting))["input_ids"]}),
            callbacks=[Lap()],
        ).train()  # fmt: skip
    return {}


def floor(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """The matrix products of linear layers and head in each phase of our PPO; attention is left out."""
    import torch

    watch.ready()
    width, episodes = setting.width, setting.episodes
    shapes = [(width, width)] * 4 + [(4 * width, width)] * 2 + [(width, 4 * width)]  # out x in
    layers = [torch.randn(*shape) for _ in range(setting.layers) for shape in shapes]
    head = [torch.randn(setting.vocabulary, width)]
    responses = episodes * setting.new_tokens
    tokens = responses + episodes * (setting.prompt_tokens - 1)  # nothing is predicted from the last
    chunk = min(responses, FLOOR_LOGITS // setting.vocabulary)

    forward = products_s(layers, tokens) + products_s(head, chunk) * responses / chunk
    backward = products_s(layers, tokens, backward=True)
    backward += products_s(head, chunk, backward=True) * responses / chunk
    prompts_s = products_s(layers, tokens - responses)
    phases = {
        "rollout": prompts_s + products_s(layers + head, episodes) * setting.new_tokens,
        "evaluate": 2 * forward,  # policy and reference
        "update": setting.epochs * (forward + backward),
    }
    return {"phases_s": phases}


def products_s(weights: Sequence[Any], rows: int, *, backward: bool = False) -> float:
    """Seconds of y = x W' for each W in turn; backward, of dy W and dy' x. Results go to the same memory."""
    import torch

    operands = [
        (torch.randn(rows, weight.shape[1]), torch.randn(rows, weight.shape[0]), torch.empty_like(weight))
        for weight in weights
    ]

    def run() -> None:
        for weight, (x, y, gradient) in zip(weights, operands, strict=True):
            if backward:
                torch.mm(y, weight, out=x)
                torch.mm(y.T, x, out=gradient)
            else:
                torch.mm(x, weight.T, out=y)

    return seconds_of(run)


def seconds_of(run: Callable[[], None]) -> float:
    """Median of a few runs after one that is not counted."""
    seconds = []
    for _ in range(1 + FLOOR_REPEATS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return median(seconds[1:])


WAYS: dict[str, Callable[[Setting, Stopwatch], dict[str, Any]]] = {
    "ours": ours,
    "trl_ppo": trl_ppo,
    "trl_rloo": trl_rloo,
    "floor": floor,
}


def main() -> None:
    """Name of a way and JSON of a setting in, figures as JSON out; what trainers print goes aside."""
    way, setting = sys.argv[1:]
    watch = Stopwatch()
    with contextlib.redirect_stdout(sys.stderr):
        result = WAYS[way](Setting(**json.loads(setting)), watch)
    print(json.dumps(result | (watch.result() if watch.ends else {})))


if __name__ == "__main__":
    main()
