"""What a token weighs that was drawn by another sampler than the policy. Pure; torch alone.

A fast sampler at other precision draws from mu, which is near the policy p but is not p, while the gradient
of the policy is a mean over p. A token weighs p / mu, by which a mean over mu becomes one over p, and at most
a cap, as the ratio has no bound. All tensors are [B, T] float32, log-probs in nats. Sources: Espeholt et al.
2018 (arXiv:1802.01561), section 4.1, for the cap; Yao et al. 2025, "Your Efficient RL Framework Secretly
Brings You Off-Policy RL Training", for samplers.
"""

from torch import Tensor


def importance_weights(logprobs: Tensor, sampled_logprobs: Tensor, cap: float) -> Tensor:
    """min(p / mu, c) at tokens drawn from mu.

    Args:
        logprobs: of p, the policy as it was when its weights were sent to the sampler.
        sampled_logprobs: of mu.
        cap: c.

    Example:
        >>> importance_weights(torch.tensor([0.5, 0.8]).log(), torch.tensor([0.25, 0.1]).log(), cap=3.0)
        tensor([2., 3.])
    """
    return (logprobs - sampled_logprobs).exp().clamp(max=cap)


def sampling_metrics(
    logprobs: Tensor, sampled_logprobs: Tensor, weights: Tensor, mask: Tensor
) -> dict[str, Tensor]:
    """|log p - log mu| and the weights over real tokens, under the names that TRL gives them.

    Args:
        mask: 1 on real tokens, of which there is at least one.
    """
    real = mask.bool()
    difference, weights = (logprobs - sampled_logprobs).abs()[real], weights[real]
    return {
        "sampling/sampling_logp_difference/mean": difference.mean(),
        "sampling/sampling_logp_difference/max": difference.max(),
        "sampling/importance_sampling_ratio/min": weights.min(),
        "sampling/importance_sampling_ratio/mean": weights.mean(),
        "sampling/importance_sampling_ratio/max": weights.max(),
    }
