"""Sharded weights, in two processes joined by gloo on the CPU."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import word_tokenizer
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from two_processes import (
    CONFIG,
    QUESTIONS,
    WORDS,
    Outcome,
    a_run,
    command,
    in_two_processes,
    same,
    small_model,
    train,
)

from judge.errors import ConfigError
from rl import ppo
from rl.checkpoint import Checkpoints, settings_of
from rl.config import RewardConfig
from rl.pretrained import with_adapters
from rl.sharding import settings, whole

FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
}
"""What `accelerate launch` says to its processes for rl/recipes/accelerate/fsdp2.yaml."""


def half_precision_base_with_adapters() -> PreTrainedModel:
    return with_adapters(small_model().bfloat16(), rank=4, seed=0)


def train_model(make) -> Outcome:
    return train(CONFIG, model=make())


@pytest.mark.parametrize(
    ("make", "reshard"), [(small_model, "true"), (half_precision_base_with_adapters, "false")]
)
def test_shards_learn_what_a_whole_model_learns_from_the_same_rollouts(
    make, reshard, tmp_path: Path, monkeypatch
):
    launcher = FSDP | {"FSDP_RESHARD_AFTER_FORWARD": reshard}
    first, second = in_two_processes(tmp_path, train_model, make, launcher=launcher)
    assert same(first, second)
    assert first.rollouts[0].completions[:5] != first.rollouts[0].completions[5:10]  # each samples its own

    recorded = iter(first.rollouts)
    monkeypatch.setattr(ppo, "sample", lambda *_, **__: next(recorded))
    alone = train_model(make)
    for expected, got in zip(alone.metrics, first.metrics, strict=True):
        assert got == pytest.approx(expected, rel=1e-3, abs=1e-5)
    for name, weight in alone.weights.items():
        torch.testing.assert_close(first.weights[name], weight, atol=2e-5, rtol=1e-3)
    before = {f"model.{name}": weight for name, weight in make().state_dict().items()}
    moved = [(alone.weights[name] - weight).abs().max().item() for name, weight in before.items()]
    assert max(moved) > 1e-2  # by far more than the two may differ


def numbers_in(tensors) -> int:
    return sum((x.to_local() if isinstance(x, DTensor) else x).numel() for x in tensors)


def steps_of_a_sharded_run() -> dict[str, object]:
    config = dataclasses.replace(CONFIG, episodes=4)
    state = ppo.initial_state(config, small_model())
    with whole(state.policy):
        in_sampling = numbers_in(state.policy.parameters())
        episodes = ppo.sample(
            state.policy.model, word_tokenizer(*WORDS), [record.prompt for record in QUESTIONS],
            max_new_tokens=4, generator=torch.Generator().manual_seed(0),
        ).episodes  # fmt: skip
    evaluation = ppo.evaluate(state, config, episodes)
    experience, _ = ppo.experience_of(state, config, episodes, evaluation, dict(enumerate([1.0, 0, 0, -1.0])))
    ppo.step(state, config, experience)
    kept = [
        numbers_in(x)
        for x in (
            state.policy.parameters(),
            state.reference.policy.parameters(),
            (state.optimizer.state[parameter]["exp_avg"] for parameter in state.policy.parameters()),
        )
    ]
    experience.advantages[3, 0] = math.nan  # of the second process's share
    before = [parameter.to_local().clone() for parameter in state.policy.parameters()]
    skipped = ppo.step(state, config, experience)["optimizer/skipped"].item()
    after = [parameter.to_local() for parameter in state.policy.parameters()]
    return {
        "in_sampling": in_sampling,
        "kept": kept,
        "skipped": skipped == 1.0 and all(map(torch.equal, before, after)),
    }


def test_a_process_keeps_its_half_and_has_the_whole_to_sample_from(tmp_path: Path):
    everything = sum(parameter.numel() for parameter in small_model().parameters()) + 16 + 1  # value head
    found = in_two_processes(tmp_path, steps_of_a_sharded_run, launcher=FSDP)
    assert [each["in_sampling"] for each in found] == [everything, everything]
    first, second = (each["kept"] for each in found)
    assert [one + other for one, other in zip(first, second, strict=True)] == [everything] * 3
    assert all(abs(one - other) < 0.02 * everything for one, other in zip(first, second, strict=True))
    # And a gradient that is not finite in one process is skipped in both.
    assert [each["skipped"] for each in found] == [True, True]


def train_with_checkpoints(directory: Path, updates: int) -> Outcome:
    config = dataclasses.replace(CONFIG, updates=updates)
    learning = settings_of(config, RewardConfig(), QUESTIONS, small_model())
    return train(config, checkpoints=Checkpoints(directory, learning, every=1))


def test_a_run_goes_on_bit_for_bit(tmp_path: Path):
    complete, _ = in_two_processes(
        tmp_path / "1", train_with_checkpoints, tmp_path / "whole", 2, launcher=FSDP
    )
    in_two_processes(tmp_path / "2", train_with_checkpoints, tmp_path / "parted", 1, launcher=FSDP)
    first, second = in_two_processes(
        tmp_path / "3", train_with_checkpoints, tmp_path / "parted", 2, launcher=FSDP
    )
    assert same(first, second)
    assert same(first, complete)


def test_the_command_writes_a_whole_model(tmp_path: Path, tiny_judge: Path):
    model = small_model()
    model.config.tie_word_embeddings = True
    model.tie_weights()
    argv = a_run(tmp_path, model, judge=tiny_judge, eval_share=0.5, episodes=6)
    (first, printed), (second, silence) = in_two_processes(tmp_path, command, argv, launcher=FSDP)
    assert (first, second, silence) == (0, 0, "")
    assert "held out, before: " in printed
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")
    last = load_file(tmp_path / "out" / "checkpoints" / "update-000002" / "tensors.safetensors")
    for name, weight in saved.named_parameters():
        assert torch.equal(last[f"policy.model.{name}"], weight)
    assert not torch.equal(saved.lm_head.weight, model.lm_head.weight)
    assert saved.lm_head.weight is saved.model.embed_tokens.weight


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FSDP_VERSION", "1", "fsdp_version 2"),
        ("FSDP_OFFLOAD_PARAMS", "true", "fsdp_offload_params"),
        ("FSDP_CPU_RAM_EFFICIENT_LOADING", "true", "fsdp_cpu_ram_efficient_loading"),
        ("FSDP_AUTO_WRAP_POLICY", "SIZE_BASED_WRAP", "TRANSFORMER_BASED_WRAP"),
    ],
)
def test_what_a_launcher_says_of_fsdp_and_would_not_get_is_refused(variable, value, said, monkeypatch):
    for name, usual in FSDP.items():
        monkeypatch.setenv(name, usual)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=said):
        settings()
