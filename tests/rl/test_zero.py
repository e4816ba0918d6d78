"""DeepSpeed, in two processes joined by gloo on the CPU; skipped where it is not installed."""

import dataclasses
import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel
from two_processes import (
    CONFIG,
    a_run,
    command,
    goes_on_bit_for_bit,
    in_two_processes,
    learns_what_one_process_learns,
    skips_a_gradient_that_is_not_finite,
    small_model,
    train,
)

from judge.errors import ConfigError
from rl import ppo, zero
from rl.policy import Episodes
from rl.pretrained import with_adapters

installed = pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs candor-rl[deepspeed]")


def launcher(stage: int) -> dict[str, str]:
    """What `accelerate launch` says to its processes."""
    return {"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": str(stage)}


def model_with_adapters() -> PreTrainedModel:
    return with_adapters(small_model(), rank=4, seed=0)


@installed
@pytest.mark.parametrize(
    ("make", "stage"), [(small_model, 1), (small_model, 2), (small_model, 3), (model_with_adapters, 3)]
)
def test_deepspeed_learns_what_a_whole_model_learns(make, stage, tmp_path: Path, monkeypatch):
    learns_what_one_process_learns(tmp_path, make, launcher(stage), monkeypatch)


@installed
@pytest.mark.parametrize("stage", [2, 3])
def test_a_run_by_deepspeed_goes_on_bit_for_bit(stage, tmp_path: Path):
    goes_on_bit_for_bit(tmp_path, launcher(stage))


@installed
@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_skips_a_gradient_that_is_not_finite_in_one_process(stage, tmp_path: Path):
    found = in_two_processes(tmp_path, skips_a_gradient_that_is_not_finite, launcher=launcher(stage))
    assert found == [True, True]


def numbers_kept() -> tuple[int, int]:
    """Of the policy, and of the first moments, in this process."""
    state = ppo.initial_state(CONFIG, small_model())
    one = torch.ones(1, 2, dtype=torch.long)
    state.engine.backward(state.engine.forward(Episodes(one, one, one[:, 1:])).values.sum())
    state.engine.step()
    policy = sum(parameter.ds_tensor.numel() for parameter in state.policy.parameters())
    return policy, sum(moments["exp_avg"].numel() for moments in state.engine.adam.state.values())


@installed
def test_stage_3_keeps_half_of_weights_and_moments_in_each_process(tmp_path: Path):
    everything = sum(parameter.numel() for parameter in small_model().parameters()) + 16 + 1
    for kept in in_two_processes(tmp_path, numbers_kept, launcher=launcher(3)):
        assert kept == pytest.approx((everything / 2, everything / 2), abs=1)


@installed
def test_the_command_writes_a_whole_model_by_deepspeed(tmp_path: Path, tiny_judge: Path):
    argv = a_run(tmp_path, small_model(), judge=tiny_judge, eval_share=0.5)
    (first, printed), (second, _) = in_two_processes(tmp_path, command, argv, launcher=launcher(3))
    assert (first, second) == (0, 0)
    assert "held out, before: " in printed
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")
    last = load_file(tmp_path / "out" / "checkpoints" / "update-000002" / "tensors.safetensors")
    for name, weight in saved.named_parameters():
        assert last[f"policy.model.{name}"].equal(weight)
    assert not saved.lm_head.weight.equal(small_model().lm_head.weight)


@installed
def test_weights_in_half_precision_are_refused(tmp_path: Path):
    short = dataclasses.replace(CONFIG, updates=1)
    half = small_model().bfloat16()
    found = in_two_processes(tmp_path, train_half, short, half, launcher=launcher(2))
    assert all("expected weights in float32 under DeepSpeed" in said for said in found)


def train_half(config, model):
    return train(config, model=model)


@installed
@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"zero_optimization": {"stage": 0}}, "zero_stage 1, 2 or 3"),
        ({"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}}, "offload_optimizer"),
        ({"zero_optimization": {"stage": 2}, "fp16": {"enabled": True}}, "no fp16"),
        ({"zero_optimization": {"stage": 2}, "optimizer": {"type": "AdamW"}}, "no optimizer"),
    ],
)
def test_what_a_deepspeed_file_says_and_would_not_get_is_refused(told, said, tmp_path: Path, monkeypatch):
    (tmp_path / "deepspeed.json").write_text(json.dumps(told))
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_CONFIG_FILE", str(tmp_path / "deepspeed.json"))
    with pytest.raises(ConfigError, match=said):
        zero.settings()


@installed
def test_what_a_deepspeed_file_leaves_open_is_left_out(tmp_path: Path, monkeypatch):
    told = {
        "zero_optimization": {"stage": 2, "reduce_bucket_size": "auto", "overlap_comm": True},
        "bf16": {"enabled": "auto"},
        "train_batch_size": "auto",
    }
    (tmp_path / "deepspeed.json").write_text(json.dumps(told))
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_CONFIG_FILE", str(tmp_path / "deepspeed.json"))
    settings = zero.settings()
    assert settings["zero_optimization"] == {"stage": 2, "overlap_comm": True}
    assert "train_batch_size" not in settings


def test_without_deepspeed_its_extra_is_named(monkeypatch):
    monkeypatch.setattr(zero, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"candor-rl\[deepspeed\]"):
        zero.settings()
