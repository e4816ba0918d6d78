"""The clipped losses of PPO, per token. Pure; torch alone.

Nothing is averaged here: the caller sums over real tokens and divides by their number in the whole
minibatch, so that a minibatch cut in pieces has the gradient of the whole. All tensors are [B, T] float32.
Source: Schulman et al. 2017 (arXiv:1707.06347), equation 7; value clipping as in its reference code.
"""

import torch
from torch import Tensor


def policy_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """-min(r A, clip(r, 1 - eps, 1 + eps) A), with r = p / p_old."""
    ratio = (logprobs - old_logprobs).exp()
    clipped = ratio.clamp(1.0 - clip_range, 1.0 + clip_range)
    return -torch.minimum(ratio * advantages, clipped * advantages)


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip_range: float) -> Tensor:
    """max((V - R)^2, (clip(V, V_old +- eps) - R)^2) / 2."""
    clipped = old_values + (values - old_values).clamp(-clip_range, clip_range)
    return 0.5 * torch.maximum((values - returns).square(), (clipped - returns).square())


def sampled_entropy(logprobs: Tensor, old_logprobs: Tensor) -> Tensor:
    """-r log p at tokens drawn from p_old, with r = p / p_old: an estimate of the entropy of p, in nats.

    Its mean over the tokens that could be drawn is the entropy, and the mean of its gradient the entropy's,
    as r carries a gradient too; that of -log p alone would be 0 on average where p = p_old. It needs no
    logits of other tokens, and varies more than the entropy of the whole distribution would.
    """
    return -(logprobs - old_logprobs).exp() * logprobs


def is_clipped(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """1 where clipping zeroes the gradient: r > 1 + eps with A > 0, or r < 1 - eps with A < 0."""
    ratio = (logprobs - old_logprobs).exp()
    above = (ratio > 1.0 + clip_range) & (advantages > 0)
    below = (ratio < 1.0 - clip_range) & (advantages < 0)
    return (above | below).float()
