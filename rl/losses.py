"""The clipped losses of PPO, per token. Pure; torch alone.

Nothing is averaged here: the caller sums over real tokens and divides by their number in the whole
minibatch, so that a minibatch cut in pieces has the gradient of the whole. All tensors are [B, T] float32.
Source: Schulman et al. 2017 (arXiv:1707.06347), equation 7; value clipping as in its reference code.
"""

import torch
from torch import Tensor


def policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    clip_range: float,
    dual_clip: float | None = None,
) -> Tensor:
    """-min(r A, clip(r, 1 - eps, 1 + eps) A), with r = p / p_old; under a dual clip at most -c A where A < 0.

    Args:
        logprobs, old_logprobs: nats, of p and p_old.
        advantages: A.
        clip_range: eps.
        dual_clip: c, above 1: a bad token that has become likelier than this is let go, as its loss has no
            bound otherwise (Ye et al. 2020, arXiv:1912.09729, equation 5).
    """
    ratio = (logprobs - old_logprobs).exp()
    clipped = ratio.clamp(1.0 - clip_range, 1.0 + clip_range)
    gain = torch.minimum(ratio * advantages, clipped * advantages)
    if dual_clip is not None:
        gain = torch.where(advantages < 0, torch.maximum(gain, dual_clip * advantages), gain)
    return -gain


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


def is_clipped(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    clip_range: float,
    dual_clip: float | None = None,
) -> Tensor:
    """1 where clipping zeroes the gradient: r > 1 + eps with A > 0; r < 1 - eps, or r > c, with A < 0."""
    ratio = (logprobs - old_logprobs).exp()
    above = (ratio > 1.0 + clip_range) & (advantages > 0)
    outside = ratio < 1.0 - clip_range
    if dual_clip is not None:
        outside = outside | (ratio > dual_clip)
    return (above | (outside & (advantages < 0))).float()
