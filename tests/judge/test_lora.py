import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from tiny import tiny_llama
from transformers import AutoModelForCausalLM

from judge.backbone import find_backbone
from judge.card import write_card
from judge.config import Dtype, SpeedConfig, TrainJudgeConfig
from judge.errors import BackboneError, ConfigError, JudgeError
from judge.lora import ADAPTER, ADAPTER_FILE, Host, switched_to
from judge.model import quiet_adapters
from judge.ranking import HeldOutEvaluator
from judge.records import Record, Verdict
from judge.scorer import Judge, base_of
from judge.train import train

EXACT = SpeedConfig(dtype=Dtype.FLOAT32)
ANSWERS = ("red.", "it is blue", "Blue!", "I don't know", "red " * 40)
RECORDS = [Record("colour of 99", ("red",), text) for text in ANSWERS]


@pytest.fixture
def host(tiny_causal_lm: Path) -> Host:
    return host_of(tiny_causal_lm)


def host_of(directory: Path, dtype: torch.dtype = torch.float32) -> Host:
    """The language model, with adapters that have learnt something of their own."""
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype)
    torch.manual_seed(1)
    with quiet_adapters():
        policy = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    learn(policy)
    return Host(policy.eval(), find_backbone(str(directory)))


@torch.no_grad()
def learn(model: PeftModel) -> None:
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter += 0.1 * torch.randn_like(parameter)


def probabilities(judge: Judge) -> torch.Tensor:
    texts: dict[str, Sequence[str]] = {"texts": ANSWERS, "claims": ["it is red"] * len(ANSWERS)}
    scores = judge.score(RECORDS)
    said = [[score.equivalence, score.abstention] for score in scores if score is not None]
    return torch.tensor([*zip(*said, strict=True), judge.support(**texts)])


# By itself


def test_a_judge_of_adapters_tells_apart_what_it_was_trained_on(lora_judge: Path) -> None:
    judge = Judge.from_pretrained(lora_judge, device="cpu", speed=replace(EXACT, cheap_stage=False))
    said = [Record("colour of 99", ("red",), text) for text in ("red", "blue", "I don't know")]
    verdicts = [score.verdict for score in judge.score(said) if score is not None]
    assert verdicts == [Verdict.CORRECT, Verdict.WRONG, Verdict.ABSTAIN]


def test_of_the_base_nothing_is_written(lora_judge: Path, tiny_causal_lm: Path) -> None:
    tensors = load_file(lora_judge / ADAPTER_FILE)
    assert {"score" if "score" in name else "lora_" in name for name in tensors} == {"score", True}
    assert [path.name for path in lora_judge.glob("*.safetensors")] == [ADAPTER_FILE]
    encoder = json.loads((lora_judge / "judge.json").read_text())["encoder"]
    assert encoder["backbone"] == {
        "source": str(tiny_causal_lm), "sha256": find_backbone(str(tiny_causal_lm)).sha256,
    }  # fmt: skip
    assert base_of(lora_judge) == encoder["backbone"]["sha256"]
    write_card(lora_judge)
    assert "low-rank adapters" in (lora_judge / "README.md").read_text()


def test_a_judge_with_weights_of_its_own_stands_on_no_base(tiny_judge: Path) -> None:
    assert base_of(tiny_judge) is None


def test_another_base_is_refused(lora_judge: Path, tiny_causal_lm: Path, tmp_path: Path) -> None:
    other = copytree(tiny_causal_lm, tmp_path / "other")
    tiny_llama(261, seed=1, positions=128).save_pretrained(other)
    with pytest.raises(BackboneError, match="the judge works only with the encoder it was trained on"):
        Judge.from_pretrained(lora_judge, backbone=str(other), device="cpu")


def test_adapters_that_cannot_be_read_are_said_to_be(lora_judge: Path, tmp_path: Path) -> None:
    broken = copytree(lora_judge, tmp_path / "broken")
    (broken / ADAPTER_FILE).write_bytes(b"cut off")
    with pytest.raises(JudgeError, match="is the judge directory whole"):
        Judge.from_pretrained(broken, device="cpu")


def test_by_itself_it_is_cast_before_the_device_holds_it(
    lora_judge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[set[torch.dtype]] = []
    monkeypatch.setattr(
        CrossEncoder, "to", lambda self, device: moved.append({weight.dtype for weight in self.parameters()})
    )
    judge = Judge.from_pretrained(lora_judge, device="cpu", speed=SpeedConfig(dtype=Dtype.BFLOAT16))
    assert moved[-1] == {torch.bfloat16}
    assert all(score is not None for score in judge.score(RECORDS))


def test_a_killed_run_goes_on_to_the_adapters_of_a_whole_one(
    tiny_causal_lm: Path, colour_files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainJudgeConfig(
        output_dir=str(tmp_path / "whole"), train_files=colour_files, backbone=str(tiny_causal_lm),
        lora_rank=2, max_steps=4, batch_size=8, eval_steps=2, learning_rate=1e-2, max_tokens=32,
        held_out_share=0.3, combiner_hidden=0, device="cpu", bf16=False,
    )  # fmt: skip
    train(config)
    parted = replace(config, output_dir=str(tmp_path / "parted"))
    with monkeypatch.context() as patch:
        patch.setattr(HeldOutEvaluator, "__call__", killed_at_the(3))
        with pytest.raises(KeyboardInterrupt):
            train(parted)
    train(parted)
    whole, resumed = (load_file(tmp_path / name / ADAPTER_FILE) for name in ("whole", "parted"))
    assert whole.keys() == resumed.keys()
    assert all(whole[name].equal(resumed[name]) for name in whole)


def killed_at_the(last: int) -> Callable[..., dict[str, float]]:
    """A measurement that stops the run at its last call."""
    measure = HeldOutEvaluator.__call__
    calls = count(1)

    def measured(*args: Any, **kwargs: Any) -> dict[str, float]:
        if next(calls) == last:
            raise KeyboardInterrupt
        return measure(*args, **kwargs)

    return measured


@pytest.mark.parametrize("other", [{"as_delta": True}, {"start_from": "default"}])
def test_adapters_are_for_a_bare_backbone_and_are_written_as_they_are(other: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="lora_rank trains adapters of the bare backbone"):
        TrainJudgeConfig(output_dir="judge", lora_rank=4, **other)


# On a model in memory


def test_on_a_model_with_adapters_of_its_own_a_judge_says_what_it_says_by_itself(
    lora_judge: Path, host: Host
) -> None:
    alone = probabilities(Judge.from_pretrained(lora_judge, device="cpu", speed=EXACT))
    judge = Judge.from_pretrained(lora_judge, host=host)
    torch.testing.assert_close(probabilities(judge), alone, atol=1e-5, rtol=1e-4)
    learn(host.model)
    judge.clear_cache()
    torch.testing.assert_close(probabilities(judge), alone, atol=1e-5, rtol=1e-4)


def test_with_products_in_bfloat16_it_says_nearly_that(lora_judge: Path, host: Host) -> None:
    alone = probabilities(Judge.from_pretrained(lora_judge, device="cpu", speed=EXACT))
    rounded = probabilities(Judge.from_pretrained(lora_judge, host=replace(host, bf16=True)))
    torch.testing.assert_close(rounded, alone, atol=0.05, rtol=0.0)
    assert not rounded.allclose(alone, atol=1e-5)


def test_on_a_model_in_bfloat16_its_adapters_are_float32(lora_judge: Path, tiny_causal_lm: Path) -> None:
    host = host_of(tiny_causal_lm, torch.bfloat16)
    judge = Judge.from_pretrained(lora_judge, host=host)
    own = {name: x.dtype for name, x in host.model.named_parameters() if f".{ADAPTER}." in name}
    assert set(own.values()) == {torch.float32}
    alone = probabilities(Judge.from_pretrained(lora_judge, device="cpu", speed=EXACT))
    torch.testing.assert_close(probabilities(judge), alone, atol=0.05, rtol=0.0)


def test_the_model_says_and_learns_what_it_would_without_a_judge(lora_judge: Path, host: Host) -> None:
    model = host.model
    tokens = torch.tensor([[2, 70, 71, 72]])
    before = model(tokens).logits
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    judge = Judge.from_pretrained(lora_judge, host=host)
    own = {name: x.clone() for name, x in model.named_parameters() if f".{ADAPTER}." in name}
    judge.score(RECORDS)
    assert model.active_adapter == "default"
    assert [name for name, parameter in model.named_parameters() if parameter.requires_grad] == trained
    after = model(tokens).logits
    assert after.equal(before)
    after.sum().backward()
    assert {name for name, parameter in model.named_parameters() if parameter.grad is not None} == set(
        trained
    )
    assert all(model.get_parameter(name).equal(weight) for name, weight in own.items())


def test_the_base_is_not_loaded_twice(lora_judge: Path, host: Host) -> None:
    judge = Judge.from_pretrained(lora_judge, host=host)
    shared = {id(parameter) for parameter in host.model.parameters()}
    assert [n for n, x in judge.encoder.named_parameters() if id(x) not in shared] == ["0.model.score.weight"]


def test_what_was_active_and_trained_is_so_again_even_after_an_error(lora_judge: Path, host: Host) -> None:
    Judge.from_pretrained(lora_judge, host=host)
    frozen, *rest = (parameter for parameter in host.model.parameters() if parameter.requires_grad)
    frozen.requires_grad_(False)
    found = []
    with suppress(KeyboardInterrupt), switched_to(host.model, ADAPTER):
        found += [host.model.active_adapter, any(x.requires_grad for x in host.model.parameters())]
        raise KeyboardInterrupt
    assert found == [ADAPTER, False]
    assert host.model.active_adapter == "default"
    assert [parameter for parameter in host.model.parameters() if parameter.requires_grad] == rest


def test_a_model_with_another_base_is_refused(lora_judge: Path, host: Host) -> None:
    other = Host(host.model, replace(host.backbone, sha256="0" * 64))
    with pytest.raises(BackboneError, match="expected a model whose base has SHA-256"):
        Judge.from_pretrained(lora_judge, host=other)


def test_adapters_that_do_not_fit_are_refused(lora_judge: Path, host: Host, tmp_path: Path) -> None:
    other = copytree(lora_judge, tmp_path / "other")
    tensors = load_file(other / ADAPTER_FILE)
    tensors["base_model.model.classifier.weight"] = tensors.pop("base_model.model.score.weight")
    save_file(tensors, other / ADAPTER_FILE)
    with pytest.raises(JudgeError, match="1 weights that it has no place for and none for 1 of its own"):
        Judge.from_pretrained(other, host=host)
