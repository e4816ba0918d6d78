"""What runs the encoder: torch in float32 or bfloat16, or OpenVINO in 8 bits.

An engine turns padded token ids into logits; `judge.model.encode_pairs` does the rest.
"""

import copy
from collections.abc import Mapping
from typing import Protocol

import torch
from sentence_transformers import CrossEncoder
from torch import Tensor, nn

from judge.config import Dtype, Engine, SpeedConfig
from judge.model import fast_bfloat16

CPU_BATCH_TOKENS = 2048
"""Their activations stay in the cache of a core; measured by benchmarks/judge_speed.py."""
GPU_BATCH_TOKENS = 32_768


class Forward(Protocol):
    """One pass of the encoder."""

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Logits of a padded batch.

        Args:
            features: what the tokenizer gives, each (B, tokens).

        Returns:
            (B, tasks) float32 on the CPU.
        """
        ...


def open_forward(model: CrossEncoder, speed: SpeedConfig) -> Forward:
    """The pass that the settings ask for; `model` itself stays as it is.

    Raises:
        ConfigError: the engine cannot run on the model's device, or its packages are not installed.
    """
    if speed.engine is Engine.OPENVINO_INT8:
        from judge.openvino_engine import OpenVinoForward

        return OpenVinoForward(model)
    return torch_forward(model, weights_dtype(speed.dtype, model.device))


def torch_forward(model: CrossEncoder, dtype: torch.dtype) -> Forward:
    """A pass by torch, with weights and activations in `dtype`; in a copy where the model's have another.

    The weights are cast once. Autocast would cast them in every batch, and every input of every layer.
    """
    network = (model.model if dtype == model.model.dtype else cast(copy.deepcopy(model.model), dtype)).eval()

    def forward(features: Mapping[str, Tensor]) -> Tensor:
        logits: Tensor = network(**features).logits
        return logits.float().cpu()

    return forward


def cast(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The same network, its weights in `dtype`.

    Buffers stay as they are: the frequencies of rotary embeddings, rounded, would turn distant tokens by
    whole radians.
    """
    for weight in network.parameters():
        weight.data = weight.data.to(dtype)
    return network


def weights_dtype(dtype: Dtype, device: torch.device) -> torch.dtype:
    """What a dtype by name is on a device; `auto` is bfloat16 where its products are faster."""
    if dtype is Dtype.AUTO:
        return torch.bfloat16 if fast_bfloat16(device) else torch.float32
    return torch.bfloat16 if dtype is Dtype.BFLOAT16 else torch.float32


def batch_tokens(speed: SpeedConfig, device: torch.device) -> int:
    """Tokens a batch, padding included."""
    if speed.batch_tokens is not None:
        return speed.batch_tokens
    return GPU_BATCH_TOKENS if device.type == "cuda" else CPU_BATCH_TOKENS
