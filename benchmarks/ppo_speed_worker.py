"""One way to train, timed in a process of its own; `ppo_speed.py` starts it and reads what it prints.

It runs in the interpreter of the trainer that it times, so its top imports nothing but the standard library.
Every way trains the same model from the same weights on the same prompts; the reward alternates between
completions and costs nothing, but for the one way that has a judge. The update that warms things up is not
counted.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"

LEARNING_RATE = 1e-5
KL_COEF = 0.05
LORA_RANK = 32
"""As in the recipes."""
FLOOR_REPEATS = 3
FLOOR_LOGITS = {"cpu": 2**22, "cuda": 2**28}
"""Logits that the floor computes at a time: on a CPU, a buffer that stays in the cache."""
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
    family: str = "llama"  # as transformers names it
    heads: int = 4
    kv_heads: int = 4
    intermediate: int | None = None  # four times the width
    micro_batch_size: int | None = None  # all episodes
    bf16: bool = False
    device: str = "cpu"
    lora_rank: int = 0
    judged: bool = False  # by the judge that ships


@dataclass(slots=True)
class Stopwatch:
    """Seconds of the clock and of the processor when each update ended, and what memory was in use."""

    ends: list[tuple[float, float]] = field(default_factory=list)
    device: str = "cpu"
    imported: float = 0.0  # peak MB before a model was made

    def ready(self) -> None:
        """Everything is imported."""
        self.imported = peak_megabytes(self.device)

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
        peak = peak_megabytes(self.device)
        return {
            "update_s": seconds,
            "update_cpu_s": cpu_seconds,
            "peak_mb": peak,
            "peak_above_imports_mb": peak - self.imported,
        }


def peak_megabytes(device: str = "cpu") -> float:
    """Most memory of the device that this process has had, on CUDA in tensors.

    On the CPU, getrusage would count what its parent had before it started.
    """
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024


def model_of(setting: Setting) -> Any:
    """Random weights, the same for every way; Llama as the policy of the closed world is built."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(
        AutoConfig.for_model(
            setting.family, vocab_size=setting.vocabulary, hidden_size=setting.width,
            intermediate_size=setting.intermediate or 4 * setting.width,
            num_hidden_layers=setting.layers, num_attention_heads=setting.heads,
            num_key_value_heads=setting.kv_heads, max_position_embeddings=256,
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


def ours_one_base(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """The same with LoRA adapters on one base, frozen and in bfloat16 where products are."""
    return ours(replace(setting, lora_rank=LORA_RANK), watch)


def ours_judged(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """`ours`, with the judge that ships for the reward."""
    return ours(replace(setting, judged=True), watch)


def trl_rloo(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """TRL's RLOOTrainer, two completions to a prompt, given the same settings by `rl.trl_training`."""
    return by_trl("rloo", setting, watch)


def trl_grpo(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """TRL's GRPOTrainer, likewise."""
    return by_trl("grpo", setting, watch)


def by_trl(algorithm: str, setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    from rl import trl_training
    from rl.config import Algorithm, RewardConfig

    with inputs(setting, watch) as given, tempfile.TemporaryDirectory() as directory:
        trl_training.train(
            Algorithm(algorithm), ppo_config(setting), 2, Path(directory), reward=RewardConfig(),
            on_update=lambda *_: watch.lap(), **given,
        )  # fmt: skip
    return {}


def ppo_config(setting: Setting) -> Any:
    from rl.config import PPOConfig

    return PPOConfig(
        updates=1 + setting.updates, episodes=setting.episodes, epochs=setting.epochs, minibatches=1,
        micro_batch_size=setting.micro_batch_size, max_new_tokens=setting.new_tokens,
        learning_rate=LEARNING_RATE, kl_coef=KL_COEF, bf16=setting.bf16,
    )  # fmt: skip


@contextlib.contextmanager
def inputs(setting: Setting, watch: Stopwatch) -> Iterator[dict[str, Any]]:
    """Model, tokenizer, records and judge, as the trainers of this project take them."""
    import torch
    from transformers import AutoModelForCausalLM

    from judge.records import Record, Score, Verdict
    from judge.scorer import Judge
    from rl.pretrained import with_adapters

    right, wrong = Score(1.0, 0.0, Verdict.CORRECT), Score(0.0, 0.0, Verdict.WRONG)

    class Alternating:
        def score(self, records: Sequence[Record]) -> list[Score]:
            return [wrong if row % 2 else right for row in range(len(records))]

    watch.ready()
    with tempfile.TemporaryDirectory() as directory:
        # TRL loads the reference from where the model came from.
        model_of(setting).save_pretrained(directory)
        dtype = torch.bfloat16 if setting.bf16 and setting.lora_rank else torch.float32
        model = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).eval()
        if setting.lora_rank:
            model = with_adapters(model, setting.lora_rank, seed=0)
        yield {
            "model": model.to(setting.device),
            "tokenizer": word_tokenizer(setting),
            "records": [Record(prompt, ("w0",), id=prompt) for prompt in prompts(setting)],
            "judge": Judge.from_pretrained(device=setting.device) if setting.judged else Alternating(),
        }


def trl_ppo(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """PPOTrainer of TRL 1.12.0, without gradient checkpointing, in batches of the same size as ours."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, TrainerCallback
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
    model, tokenizer = model_of(setting), word_tokenizer(setting)
    batch_size = setting.micro_batch_size or setting.episodes
    value_config = type(model.config)(**model.config.to_dict() | {"num_labels": 1})
    with tempfile.TemporaryDirectory() as directory:
        arguments = PPOConfig(
            output_dir=directory, total_episodes=(1 + setting.updates) * setting.episodes,
            per_device_train_batch_size=batch_size, local_rollout_forward_batch_size=batch_size,
            gradient_accumulation_steps=setting.episodes // batch_size, num_mini_batches=1,
            num_ppo_epochs=setting.epochs, response_length=setting.new_tokens, temperature=1.0,
            learning_rate=LEARNING_RATE, kl_coef=KL_COEF, num_sample_generations=0,
            use_cpu=setting.device == "cpu", bf16=setting.bf16,
            gradient_checkpointing=False, save_strategy="no", report_to="none", disable_tqdm=True,
        )  # fmt: skip
        PPOTrainer(
            args=arguments, processing_class=tokenizer, model=model, ref_model=None,
            reward_model=Alternating(),
            value_model=AutoModelForSequenceClassification.from_config(value_config),
            train_dataset=Dataset.from_dict({"input_ids": tokenizer(prompts(setting))["input_ids"]}),
            callbacks=[Lap()],
        ).train()  # fmt: skip
    return {}


def floor(setting: Setting, watch: Stopwatch) -> dict[str, Any]:
    """The matrix products of linear layers and head in each phase of our PPO; attention is left out."""
    import torch

    watch.ready()
    width, episodes = setting.width, setting.episodes
    inner, kv_width = setting.intermediate or 4 * width, width // setting.heads * setting.kv_heads
    shapes = [(width, width)] * 2 + [(kv_width, width)] * 2 + [(inner, width)] * 2 + [(width, inner)]
    empty = partial(
        torch.empty, device=setting.device, dtype=torch.bfloat16 if setting.bf16 else torch.float32
    )
    layers = [empty(*shape).normal_() for _ in range(setting.layers) for shape in shapes]  # out x in
    head = [empty(setting.vocabulary, width).normal_()]
    responses = episodes * setting.new_tokens
    chunk = min(responses, FLOOR_LOGITS[setting.device] // setting.vocabulary)
    pieces = episodes // (setting.micro_batch_size or episodes)
    prompt_tokens = episodes * (setting.prompt_tokens - 1)  # nothing is predicted from the last of all
    piece = (prompt_tokens + responses) // pieces

    forward = products_s(layers, piece) * pieces + products_s(head, chunk) * responses / chunk
    backward = products_s(layers, piece, backward=True) * pieces
    backward += products_s(head, chunk, backward=True) * responses / chunk
    prompts_s = products_s(layers, prompt_tokens // pieces) * pieces
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
        (
            weight.new_empty(rows, weight.shape[1]).normal_(),
            weight.new_empty(rows, weight.shape[0]).normal_(),
            torch.empty_like(weight),
        )
        for weight in weights
    ]

    def run() -> None:
        for weight, (x, y, gradient) in zip(weights, operands, strict=True):
            if backward:
                torch.mm(y, weight, out=x)
                torch.mm(y.T, x, out=gradient)
            else:
                torch.mm(x, weight.T, out=y)
        if weight.is_cuda:
            torch.cuda.synchronize()

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
    way.__name__: way for way in (ours, ours_one_base, ours_judged, trl_ppo, trl_rloo, trl_grpo, floor)
}


def main() -> None:
    """Name of a way and JSON of a setting in, figures as JSON out; what trainers print goes aside."""
    way, setting = sys.argv[1:]
    chosen = Setting(**json.loads(setting))
    watch = Stopwatch(device=chosen.device)
    with contextlib.redirect_stdout(sys.stderr):
        result = WAYS[way](chosen, watch)
    print(json.dumps(result | (watch.result() if watch.ends else {})))


if __name__ == "__main__":
    main()
