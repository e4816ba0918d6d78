"""Weights as 8-bit differences from a backbone: a judge of 11 MB that still has all its layers trained.

A matrix is stored as round((W - W0) / s) with one scale s = max|W - W0| / 127 for each row; vectors (biases,
layer norms) and tensors that the backbone lacks are stored in float32; tensors that training left alone are
not stored. The differences are far smaller than the weights, and so is the error of rounding them.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE_SUFFIX = ".scale"
_INT8_MAX = 127


def pack(trained: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Differences of `trained` from `base`, by tensor name.

    Args:
        trained: state of the trained model.
        base: state of the same model before training; tensors may be missing.
    """
    packed: dict[str, Tensor] = {}
    for name, weight in trained.items():
        weight = weight.detach().float().cpu()
        if name not in base or base[name].shape != weight.shape:
            packed[name] = weight.contiguous()
            continue
        difference = weight - base[name].float().cpu()
        if not difference.any():
            continue
        if difference.dim() < 2:
            packed[name] = weight.contiguous()
            continue
        scale = difference.abs().amax(dim=1, keepdim=True) / _INT8_MAX
        packed[name] = (difference / scale.clamp_min(torch.finfo(torch.float32).tiny)).round().to(torch.int8)
        packed[name + SCALE_SUFFIX] = scale
    return packed


def unpack(packed: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state that `pack` was given, up to rounding; tensors it left out come from `base`.

    Raises:
        KeyError: a difference was stored for a tensor that `base` does not have.
    """
    state = dict(base)
    for name, stored in packed.items():
        if name.endswith(SCALE_SUFFIX):
            continue
        if stored.dtype is torch.int8:
            stored = base[name].float() + stored.float() * packed[name + SCALE_SUFFIX]
        state[name] = stored
    return state
