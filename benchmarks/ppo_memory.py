"""How much memory does an update of PPO take on one frozen base, and how much on separate models?

    python benchmarks/ppo_memory.py

One rollout, its evaluation and one optimizer step on a Llama of random weights, in float32, by the same code
three ways: LoRA adapters and a value head on one frozen base, which is the reference too (`one_base`); a
policy trained whole, with the value head on it, and a frozen copy (`whole_policy`); a policy, a frozen copy
and a value model, as TRL's PPOTrainer kept them (`separate`). Then with a judge of the policy's size, which
reads the rollout: as adapters on the one base (`one_base_judge`), or beside it as a model of its own
(`one_base_own_judge`, `separate_own_judge`). Each is a process of its own. Writes what the models, gradients
and Adam hold, and the peak above what was in use before a model was made, to results/ppo_memory.json; MB are
2^20 bytes.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from ppo_speed_worker import LORA_RANK, Setting, model_of, peak_megabytes, prompts, word_tokenizer
from sentence_transformers import CrossEncoder
from tokenizers.pre_tokenizers import Whitespace
from torch import Tensor, nn

from judge.backbone import find_backbone
from judge.engine import Forward, torch_forward
from judge.environment import machine, versions
from judge.lora import Host, add_adapters, pass_on, put_on
from judge.model import encode_pairs, new_encoder
from judge.pairs import abstention_segments, equivalence_segments
from judge.storage import open_encoder, save_encoder
from rl import ppo
from rl.config import PPOConfig
from rl.engine import TorchEngine
from rl.policy import Episodes, Policy, TokenOutputs, positions
from rl.pretrained import with_adapters
from rl.rollout import sample
from rl.state import TrainState, initial_state

RESULT = Path(__file__).parent / "results" / "ppo_memory.json"
BATCH = {"episodes": 8, "prompt_tokens": 8, "new_tokens": 32, "epochs": 1, "updates": 1}
SETTINGS = {
    "8 x 512": Setting(layers=8, width=512, vocabulary=32_000, **BATCH),
    "12 x 768": Setting(layers=12, width=768, vocabulary=32_000, **BATCH),
}
MICRO_BATCH_SIZE = 4
DESCRIPTION = "encoder.json"
JUDGE_TOKENS = 128
"""Its window."""
OWN_SHARES = {
    "one_base": ("whole_policy", "separate"),
    "one_base_judge": ("one_base_own_judge", "separate_own_judge"),
}
"""What is held against what."""

Held = Mapping[str, float]
"""Megabytes by what holds them."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    results = {}
    for name, setting in SETTINGS.items():
        with TemporaryDirectory() as directory:
            in_a_process(write_judge, setting, Path(directory))
            ways = {way: in_a_process(measure, way, setting, Path(directory)) for way in WAYS}
        results[name] = {"setting": asdict(setting), "ways": ways, "share_of": shares(ways)}
        print(name, *lines(ways), sep="\n", flush=True)
    content = {
        "command": "python benchmarks/ppo_memory.py",
        "micro_batch_size": MICRO_BATCH_SIZE,
        "lora_rank": LORA_RANK,
        "versions": versions(),
        "machine": machine(),
        "results": results,
    }
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    print(f"results: {arguments.output}")


def in_a_process(work: Callable[..., Any], *arguments: object) -> Any:
    """What it returns in a fresh process, as a peak never falls again."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def write_judge(setting: Setting, directory: Path) -> None:
    """The model that is trained, and a judge of fresh adapters on it."""
    base = directory / "base"
    model_of(setting).save_pretrained(base)
    tokenizer = word_tokenizer(setting)
    # By words and signs, so that no text can spell a special token.
    tokenizer.backend_tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save_pretrained(base)
    encoder = new_encoder(base, max_tokens=JUDGE_TOKENS, device="cpu")
    add_adapters(encoder, LORA_RANK, seed=0)
    description = save_encoder(encoder, directory, find_backbone(str(base)), seed=0, as_delta=False)
    (directory / DESCRIPTION).write_text(json.dumps(description))


def measure(way: str, setting: Setting, directory: Path) -> Held:
    """One update, and what it left in memory.

    Args:
        directory: what `write_judge` wrote.
    """
    imported = peak_megabytes()
    config = PPOConfig(
        updates=1, episodes=setting.episodes, epochs=setting.epochs, minibatches=1,
        micro_batch_size=MICRO_BATCH_SIZE, max_new_tokens=setting.new_tokens,
    )  # fmt: skip
    state = WAYS[way].state(setting, config)
    open_judge = WAYS[way].judge
    judge = None if open_judge is None else open_judge(state, directory)
    rollout = sample(
        state.policy.model, word_tokenizer(setting), prompts(setting), max_new_tokens=setting.new_tokens,
        generator=state.sampling,
    )  # fmt: skip
    if judge is not None:
        texts = list(zip(prompts(setting), rollout.completions, strict=True))
        pairs = [equivalence_segments(question=q, reference="w0", completion=c) for q, c in texts]
        pairs += [abstention_segments(question=q, completion=c) for q, c in texts]
        encode_pairs(judge.encoder, pairs, forward=judge.forward)
    rewards = [1.0 - 2.0 * (episode % 2) for episode in range(setting.episodes)]
    evaluation = ppo.evaluate(state, config, rollout.episodes)
    experience, _ = ppo.experience_of(state, config, rollout.episodes, evaluation, dict(enumerate(rewards)))
    ppo.improve(state, config, experience)
    peak = peak_megabytes()  # before anything else is counted
    modules: list[nn.Module] = [state.policy, state.reference.policy.model]
    if judge is not None:
        modules.append(judge.encoder)
    parameters = {id(each): each for module in modules for each in module.parameters()}.values()
    held = {
        "parameters_mb": megabytes(parameters),
        "gradients_mb": megabytes(each.grad for each in parameters if each.grad is not None),
        "optimizer_mb": megabytes(
            moment for moments in state.engine.adam.state.values() for moment in moments.values()
        ),
    }
    return held | {"held_mb": sum(held.values()), "peak_above_imports_mb": peak - imported}


def megabytes(tensors: Iterable[Tensor]) -> float:
    return sum(tensor.nbytes for tensor in tensors) / 2**20


def one_base(setting: Setting, config: PPOConfig) -> TrainState:
    return initial_state(config, with_adapters(model_of(setting), LORA_RANK, seed=0))


def whole_policy(setting: Setting, config: PPOConfig) -> TrainState:
    return initial_state(config, model_of(setting))


def separate(setting: Setting, config: PPOConfig) -> TrainState:
    state = initial_state(config, model_of(setting))
    state.policy = WithCritic(state.policy, model_of(setting).model)
    state.engine = TorchEngine(state.policy, config, state.processes)
    return state


class WithCritic(nn.Module):
    """A policy whose values come from a model of their own: a backbone without its vocabulary head."""

    def __init__(self, policy: Policy, backbone: nn.Module) -> None:
        super().__init__()
        self.policy = policy
        self.model = policy.model
        self.backbone = backbone.eval()
        self.value_head = policy.value_head

    def forward(self, episodes: Episodes) -> TokenOutputs:
        """Log-prob and value of every response token."""
        mask = episodes.attention_mask[:, :-1]
        hidden = self.backbone(
            input_ids=episodes.tokens[:, :-1], attention_mask=mask, position_ids=positions(mask),
            use_cache=False,
        ).last_hidden_state  # fmt: skip
        response_mask = episodes.response_mask
        values = self.value_head(hidden[:, -response_mask.shape[1] :]).squeeze(-1) * response_mask
        return TokenOutputs(self.policy(episodes).logprobs, values)


class Judging(NamedTuple):
    """A judge, and how it passes through its layers."""

    encoder: CrossEncoder
    forward: Forward


def on_the_base(state: TrainState, directory: Path) -> Judging:
    host = Host(state.policy.model, find_backbone(str(directory / "base")))
    encoder = put_on(host, directory, described(directory))
    return Judging(encoder, pass_on(host, encoder))


def by_itself(state: TrainState, directory: Path) -> Judging:
    encoder, _ = open_encoder(directory, described(directory), device="cpu")
    return Judging(encoder, torch_forward(encoder, torch.float32))


def described(directory: Path) -> dict[str, Any]:
    description: dict[str, Any] = json.loads((directory / DESCRIPTION).read_text())
    return description


class Way(NamedTuple):
    """How the models are kept."""

    state: Callable[[Setting, PPOConfig], TrainState]
    judge: Callable[[TrainState, Path], Judging] | None = None


WAYS = {
    "one_base": Way(one_base),
    "whole_policy": Way(whole_policy),
    "separate": Way(separate),
    "one_base_judge": Way(one_base, on_the_base),
    "one_base_own_judge": Way(one_base, by_itself),
    "separate_own_judge": Way(separate, by_itself),
}


def shares(ways: Mapping[str, Held]) -> dict[str, dict[str, dict[str, float]]]:
    """What one base takes, as a share of what each other way takes that does the same."""
    names = ("held_mb", "peak_above_imports_mb")
    return {
        own: {other: {name: ways[own][name] / ways[other][name] for name in names} for other in others}
        for own, others in OWN_SHARES.items()
    }


def lines(ways: Mapping[str, Held]) -> Iterator[str]:
    """A way each."""
    for way, held in ways.items():
        yield f"{way}: " + ", ".join(f"{name} {value:.0f}" for name, value in held.items())


if __name__ == "__main__":
    main()
