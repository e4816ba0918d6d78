"""FSDP2's shards, in two processes joined by gloo on the CPU."""

import dataclasses
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file
from tiny import word_tokenizer
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from two_processes import (
    CHUNKS,
    COMPUTED_AGAIN,
    CONFIG,
    QUESTIONS,
    WORDS,
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
)

import rl
from judge.errors import ConfigError
from rl import ppo
from rl.pretrained import with_adapters
from rl.sharding import settings

RECIPE = Path(rl.__file__).parent / "recipes" / "accelerate" / "fsdp2.yaml"
FSDP = {"ACCELERATE_USE_FSDP": "true"} | {
    name.upper(): str(value) for name, value in yaml.safe_load(RECIPE.read_text())["fsdp_config"].items()
}
"""What `accelerate launch` says to its processes."""


def half_precision_base_with_adapters() -> PreTrainedModel:
    return with_adapters(small_model().bfloat16(), rank=4, seed=0)


@pytest.mark.parametrize(
    ("make", "reshard"), [(small_model, "true"), (half_precision_base_with_adapters, "false")]
)
def test_shards_learn_what_a_whole_model_learns(make, reshard, tmp_path: Path, monkeypatch):
    launcher = FSDP | {"FSDP_RESHARD_AFTER_FORWARD": reshard}
    learns_what_one_process_learns(tmp_path, make, launcher, monkeypatch)


@pytest.mark.parametrize("chunks", [CHUNKS, COMPUTED_AGAIN])
def test_shards_learn_the_same_where_the_head_is_applied_in_chunks(chunks, tmp_path: Path, monkeypatch):
    learns_what_one_process_learns(tmp_path, tied_model, FSDP, monkeypatch, chunks=chunks)


@pytest.mark.parametrize("setting", ["bf16", "gradient_checkpointing"])
def test_shards_learn_the_same_with_what_saves_time_or_memory(setting, tmp_path: Path):
    shards_learn_what_whole_models_learn(tmp_path, FSDP, **{setting: True})


@pytest.mark.parametrize("make", [small_model, half_precision_base_with_adapters])
def test_of_shards_what_is_saved_is_gathered_and_nothing_else(make, tmp_path: Path):
    saves_what_a_whole_model_saves(tmp_path, make, FSDP)


def test_nothing_is_gathered_of_a_model_that_is_whole():
    state = ppo.initial_state(CONFIG, small_model())
    assert state.engine.state_dict(state.policy.model) is None


def test_a_sharded_run_goes_on_bit_for_bit(tmp_path: Path):
    goes_on_bit_for_bit(tmp_path, FSDP)


def test_a_gradient_that_is_not_finite_in_one_shard_is_skipped_in_all(tmp_path: Path):
    found = in_two_processes(tmp_path, skips_a_gradient_that_is_not_finite, launcher=FSDP)
    assert found == [True, True]


def numbers_in(tensors) -> int:
    return sum((x.to_local() if isinstance(x, DTensor) else x).numel() for x in tensors)


def numbers_kept() -> dict[str, int]:
    """In this process: of the policy while it samples; then of policy, reference and moments."""
    config = dataclasses.replace(CONFIG, episodes=4)
    state = ppo.initial_state(config, small_model())
    with state.engine.whole():
        sampling = numbers_in(state.policy.parameters())
        episodes = ppo.sample(
            state.policy.model, word_tokenizer(*WORDS), [record.prompt for record in QUESTIONS],
            max_new_tokens=4,
        ).episodes  # fmt: skip
    rewards = dict(enumerate([1.0, 0.0, 0.0, -1.0]))
    evaluation = ppo.evaluate(state, config, episodes)
    experience, _ = ppo.experience_of(state, config, episodes, evaluation, rewards)
    ppo.step(state, config, experience)
    return {
        "sampling": sampling,
        "policy": numbers_in(state.policy.parameters()),
        "reference": numbers_in(state.reference.policy.parameters()),
        "moments": numbers_in(moments["exp_avg"] for moments in state.engine.adam.state.values()),
    }


def test_a_process_keeps_its_half_and_has_the_whole_to_sample_from(tmp_path: Path):
    value_head = 16 + 1
    everything = sum(parameter.numel() for parameter in small_model().parameters()) + value_head
    first, second = in_two_processes(tmp_path, numbers_kept, launcher=FSDP)
    assert first.pop("sampling") == second.pop("sampling") == everything
    for name in first:
        assert first[name] + second[name] == everything
        assert abs(first[name] - second[name]) < 0.02 * everything


def test_the_command_writes_a_whole_model_of_shards(tmp_path: Path, tiny_judge: Path):
    model = tied_model()
    argv = a_run(tmp_path, model, judge=tiny_judge, eval_share=0.5)
    (first, printed), (second, silence) = in_two_processes(tmp_path, command, argv, launcher=FSDP)
    assert (first, second, silence) == (0, 0, "")
    assert "held out, before: " in printed
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")
    last = load_file(tmp_path / "out" / "checkpoints" / "update-000002" / "tensors.safetensors")
    for name, weight in saved.named_parameters():
        assert last[f"policy.model.{name}"].equal(weight)
    assert not saved.lm_head.weight.equal(model.lm_head.weight)
    assert saved.lm_head.weight is saved.model.embed_tokens.weight


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FSDP_VERSION", "1", "fsdp_version 2"),
        ("FSDP_OFFLOAD_PARAMS", "true", "fsdp_offload_params"),
        ("FSDP_CPU_RAM_EFFICIENT_LOADING", "true", "fsdp_cpu_ram_efficient_loading"),
        ("FSDP_IGNORED_MODULES", "lm_head", "fsdp_ignored_modules"),
        ("FSDP_AUTO_WRAP_POLICY", "SIZE_BASED_WRAP", "TRANSFORMER_BASED_WRAP"),
    ],
)
def test_what_a_launcher_says_of_fsdp_and_would_not_get_is_refused(variable, value, said, monkeypatch):
    for name, usual in FSDP.items():
        monkeypatch.setenv(name, usual)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=said):
        settings()
