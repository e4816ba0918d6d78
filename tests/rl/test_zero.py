"""DeepSpeed, in two processes joined by gloo on the CPU; skipped where it is not installed."""

import dataclasses
import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel
from two_processes import (
    CHUNKS,
    COMPUTED_AGAIN,
    CONFIG,
    a_run,
    command,
    goes_on_bit_for_bit,
    in_two_processes,
    learns_what_one_process_learns,
    saves_what_a_whole_model_saves,
    shards_learn_what_whole_models_learn,
    skips_a_gradient_that_is_not_finite,
    small_model,
    tied_model,
    train,
    train_model,
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


def without_exceptions(directory: Path) -> dict[str, str]:
    """Stage 3 by a file of DeepSpeed's that has small weights sharded too, which here all are."""
    told = {"zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 0}}
    (directory / "deepspeed.json").write_text(json.dumps(told))
    return {
        "ACCELERATE_USE_DEEPSPEED": "true",
        "ACCELERATE_DEEPSPEED_CONFIG_FILE": str(directory / "deepspeed.json"),
    }


@installed
@pytest.mark.parametrize("chunks", [CHUNKS, COMPUTED_AGAIN])
@pytest.mark.parametrize("make", [tied_model, model_with_adapters])
def test_stage_3_learns_the_same_where_the_head_is_applied_in_chunks(
    make, chunks, tmp_path: Path, monkeypatch
):
    launcher = without_exceptions(tmp_path)
    learns_what_one_process_learns(tmp_path, make, launcher, monkeypatch, chunks=chunks)


@installed
@pytest.mark.parametrize("setting", ["bf16", "gradient_checkpointing"])
def test_stage_3_learns_the_same_with_what_saves_time_or_memory(setting, tmp_path: Path):
    shards_learn_what_whole_models_learn(tmp_path, without_exceptions(tmp_path), **{setting: True})


@installed
@pytest.mark.parametrize("make", [small_model, model_with_adapters])
def test_of_stage_3_what_is_saved_is_gathered_and_nothing_else(make, tmp_path: Path):
    saves_what_a_whole_model_saves(tmp_path, make, launcher(3))


def adapters_on_the_head() -> PreTrainedModel:
    return get_peft_model(small_model(), LoraConfig(r=2, target_modules=["q_proj", "lm_head"])).eval()


@installed
def test_a_head_of_several_layers_is_refused_in_stage_3(tmp_path: Path):
    for said in in_two_processes(tmp_path, train_model, adapters_on_the_head, launcher=launcher(3)):
        assert "expected no adapters on the output head under ZeRO 3" in said


@installed
@pytest.mark.parametrize("stage", [2, 3])
def test_a_run_by_deepspeed_goes_on_bit_for_bit(stage, tmp_path: Path):
    goes_on_bit_for_bit(tmp_path, launcher(stage))


@installed
@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_skips_a_gradient_that_is_not_finite_in_one_process(stage, tmp_path: Path):
    found = in_two_processes(tmp_path, skips_a_gradient_that_is_not_finite, launcher=launcher(stage))
    assert found == [True, True]


def numbers_kept(stage: int) -> tuple[int, int]:
    """Of the policy, and of the first moments, in this process."""
    state = ppo.initial_state(CONFIG, small_model())
    one = torch.ones(1, 2, dtype=torch.long)
    state.engine.backward(state.engine.forward(Episodes(one, one, one[:, 1:])).values.sum())
    state.engine.step()
    kept = [each.ds_tensor if stage == 3 else each for each in state.policy.parameters()]
    moments = [each["exp_avg"] for each in state.engine.adam.state.values()]
    return sum(weight.numel() for weight in kept), sum(moment.numel() for moment in moments)


@installed
@pytest.mark.parametrize(("stage", "share_of_weights"), [(2, 1.0), (3, 0.5)])
def test_each_process_keeps_half_of_the_moments_and_in_stage_3_of_the_weights(
    stage, share_of_weights, tmp_path: Path
):
    everything = sum(parameter.numel() for parameter in small_model().parameters()) + 16 + 1
    for kept in in_two_processes(tmp_path, numbers_kept, stage, launcher=launcher(stage)):
        # Shards are filled up to be of one size.
        assert kept == pytest.approx((share_of_weights * everything, everything / 2), abs=4)


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
