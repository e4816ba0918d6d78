import sys
from pathlib import Path

import pytest
import torch

from judge.config import Dtype, Engine, SpeedConfig
from judge.engine import (
    CPU_BATCH_TOKENS,
    GPU_BATCH_TOKENS,
    batch_tokens,
    cast,
    open_forward,
    torch_forward,
    weights_dtype,
)
from judge.errors import ConfigError
from judge.model import encode_pairs, new_encoder

CPU, GPU = torch.device("cpu"), torch.device("cuda")
PAIRS = [("ab", "cd"), ("who wrote it", "it was bob"), ("x", "a much longer text than the others are")]


def test_an_unknown_cpu_gets_float32_and_one_with_amx_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: False)
    assert weights_dtype(Dtype.AUTO, CPU) == torch.float32
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: True)
    assert weights_dtype(Dtype.AUTO, CPU) == torch.bfloat16


@pytest.mark.parametrize("amx", [True, False])
def test_a_named_dtype_is_taken_whatever_the_cpu(monkeypatch: pytest.MonkeyPatch, amx: bool) -> None:
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: amx)
    assert weights_dtype(Dtype.FLOAT32, CPU) == torch.float32
    assert weights_dtype(Dtype.BFLOAT16, CPU) == torch.bfloat16


def test_a_gpu_gets_larger_batches_unless_told_otherwise() -> None:
    assert batch_tokens(SpeedConfig(), CPU) == CPU_BATCH_TOKENS
    assert batch_tokens(SpeedConfig(), GPU) == GPU_BATCH_TOKENS
    assert batch_tokens(SpeedConfig(batch_tokens=100), GPU) == 100


def test_float32_is_the_model_to_the_bit_and_bfloat16_close_to_it(tiny_backbone: Path) -> None:
    model = new_encoder(tiny_backbone, max_tokens=64, device="cpu")
    features = model.tokenizer(["ab"], ["cd"], return_tensors="pt")
    with torch.inference_mode():
        plain = model.model.eval()(**features).logits
        assert torch.equal(torch_forward(model, torch.float32)(features), plain)
    exact = encode_pairs(model, PAIRS, forward=torch_forward(model, torch.float32))
    half = encode_pairs(model, PAIRS, forward=torch_forward(model, torch.bfloat16))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact, atol=2e-2, rtol=0)


def test_the_frequencies_of_positions_are_not_rounded_with_the_weights(tiny_causal_lm: Path) -> None:
    network = cast(new_encoder(tiny_causal_lm, max_tokens=64, device="cpu").model, torch.bfloat16)
    assert {weight.dtype for weight in network.parameters()} == {torch.bfloat16}
    tables = dict(network.named_buffers())
    assert {tables[name].dtype for name in tables if name.endswith("inv_freq")} == {torch.float32}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_tokens": 0}, "batch_tokens must be at least 1, got 0"),
        ({"max_references": 0}, "max_references must be at least 1, got 0"),
        ({"cache_size": -1}, "cache_size must be at least 0, got -1"),
        ({"engine": Engine.OPENVINO_INT8, "dtype": Dtype.FLOAT32}, "dtype is for the engine torch"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SpeedConfig(**settings)  # type: ignore[arg-type]


def test_a_missing_engine_names_its_extra(tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "judge.openvino_engine", raising=False)
    model = new_encoder(tiny_backbone, max_tokens=64, device="cpu")
    with pytest.raises(ConfigError, match=r"pip install 'candor-rl\[openvino\]'"):
        open_forward(model, SpeedConfig(engine=Engine.OPENVINO_INT8))
