"""From rewards to advantages: KL penalty, GAE, whitening. Pure; torch alone.

B episodes, T response tokens. `mask` is 1 on real response tokens, which come first, and 0 on padding.
Everything is float32. Sources: Schulman et al. 2016 (arXiv:1506.02438), Ziegler et al. 2019
(arXiv:1909.08593) for the KL penalty and its controller, http://joschu.net/blog/kl-approx.html for k1, k3.
"""

import torch
from torch import Tensor

# Added to a variance under the square root: below it, a signal is rounding noise.
VARIANCE_FLOOR = 1e-8
# Ziegler et al. 2019, section 2.2: the relative error is clipped to this.
KL_ERROR_CLIP = 0.2


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of `x` where `mask` is 1; NaN when it is 1 nowhere."""
    return (x * mask).sum() / mask.sum()


def kl_k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """log p/q at tokens drawn from p: unbiased for KL(p, q), may be negative. [B, T] nats."""
    return logprobs - ref_logprobs


def kl_k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """q/p - 1 - log q/p at tokens drawn from p: unbiased for KL(p, q), never negative. [B, T] nats."""
    log_ratio = ref_logprobs - logprobs
    return torch.expm1(log_ratio) - log_ratio


def token_rewards(rewards: Tensor, kl: Tensor, mask: Tensor, kl_coef: float) -> Tensor:
    """-beta * KL on each real token; the episode's reward once, on the last of them.

    Args:
        rewards: [B], what the reward table gave.
        kl: [B, T] nats, policy to reference.
        mask: [B, T], at least one 1 in each row.
        kl_coef: beta.

    Returns:
        [B, T]; 0 on padding; each row sums to reward - beta * sum(kl).
    """
    shaped = -kl_coef * kl * mask
    last = mask.sum(1, keepdim=True).long() - 1
    return shaped.scatter_add(1, last, rewards.unsqueeze(1))


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Tensor:
    """A_t = delta_t + gamma lam A_{t+1}, with delta_t = r_t + gamma V_{t+1} - V_t.

    The episode ends with its last real token: V and A beyond it are 0.

    Args:
        rewards, values, mask: [B, T].
        gamma: discount, in (0, 1].
        lam: 0 is one-step TD, 1 is Monte Carlo.

    Returns:
        Advantages, [B, T]; 0 on padding.
    """
    values = values * mask
    advantages = torch.zeros_like(values)
    value_tp1 = torch.zeros_like(values[:, 0])
    advantage_tp1 = torch.zeros_like(value_tp1)
    for t in reversed(range(values.shape[1])):
        delta_t = rewards[:, t] + gamma * value_tp1 - values[:, t]
        advantage_tp1 = (delta_t + gamma * lam * advantage_tp1) * mask[:, t]
        value_tp1 = values[:, t]
        advantages[:, t] = advantage_tp1
    return advantages


def whiten(x: Tensor, mask: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the real tokens of the whole rollout; 0 on padding.

    A constant `x`, one token included, becomes 0.
    """
    centred = (x - masked_mean(x, mask)) * mask
    variance = masked_mean(centred.square(), mask)
    return centred / (variance + VARIANCE_FLOOR).sqrt()


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    """1 - Var[R - V] / Var[R] over real tokens: 1 for a perfect critic, 0 for a constant one."""
    real = mask.bool()
    error = (returns - values)[real]
    return 1.0 - error.var(correction=0) / returns[real].var(correction=0)


def adapted_kl_coef(kl_coef: float, kl: float, target: float, episodes: int, horizon: int) -> float:
    """Next beta: beta (1 + clip(KL / target - 1, +-0.2) n / horizon).

    Args:
        kl_coef: beta now.
        kl: measured nats per episode.
        target: wanted nats per episode.
        episodes: n, how many were measured.
        horizon: episodes over which beta adapts.
    """
    error = min(max(kl / target - 1.0, -KL_ERROR_CLIP), KL_ERROR_CLIP)
    return kl_coef * (1.0 + error * episodes / horizon)
