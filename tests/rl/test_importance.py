from itertools import pairwise
from math import log

import pytest
import torch

from rl.importance import importance_weights, sampling_metrics
from rl.losses import policy_loss


def logs(*probabilities: float) -> torch.Tensor:
    return torch.tensor([probabilities]).log()


def test_a_token_weighs_its_probability_over_that_of_the_sampler_up_to_the_cap():
    # .5 / .25 = 2; .1 / .4 = .25; .9 / .1 = 9, cut at 3
    weights = importance_weights(logs(0.5, 0.1, 0.9), logs(0.25, 0.4, 0.1), cap=3.0)
    torch.testing.assert_close(weights, torch.tensor([[2.0, 0.25, 3.0]]))


def test_what_the_policy_itself_would_have_sampled_weighs_exactly_one():
    logprobs = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(importance_weights(logprobs, logprobs, cap=3.0), torch.ones(3, 4))


P, MU = (0.6, 0.3, 0.1), (0.5, 0.1, 0.4)
"""What the policy and the sampler would choose with; p / mu is 1.2, 3 and .25."""
ADVANTAGES = torch.tensor([1.0, -2.0, 0.5])


def mean_gradient(weights: torch.Tensor) -> torch.Tensor:
    """Of the policy loss with regard to the logits, as a mean over the arms that MU chooses."""
    logits = logs(*P)[0].requires_grad_()
    logprobs = torch.log_softmax(logits, 0)
    losses = policy_loss(logprobs, logprobs.detach(), ADVANTAGES, 0.2) * weights
    (gradient,) = torch.autograd.grad((torch.tensor(MU) * losses).sum(), logits)
    return gradient


def gradient_by_hand(weighing: tuple[float, ...]) -> torch.Tensor:
    """-sum_a w_a A_a grad log p_a, with d log p_a / d logit_k = [a = k] - p_k."""
    return torch.tensor(
        [
            -sum(w * A * ((a == k) - P[k]) for a, (w, A) in enumerate(zip(weighing, ADVANTAGES, strict=True)))
            for k in range(3)
        ]
    )


def test_weighed_choices_of_another_sampler_have_the_gradient_of_the_policys_own():
    # E_p[A] = .6 - .6 + .05 = .05; the gradient at logit k is -p_k (A_k - .05)
    expected = torch.tensor([-0.6 * 0.95, 0.3 * 2.05, -0.1 * 0.45])
    torch.testing.assert_close(gradient_by_hand(P), expected)
    corrected = mean_gradient(importance_weights(logs(*P), logs(*MU), cap=10.0)[0])
    torch.testing.assert_close(corrected, expected)
    uncorrected = mean_gradient(torch.ones(3))
    torch.testing.assert_close(uncorrected, gradient_by_hand(MU))
    assert (uncorrected - expected).abs().max() > 0.2


def test_a_cap_takes_from_the_tokens_above_it_alone():
    # 3 is cut at 2: the second arm weighs .2 of its .3 in the mean
    capped = mean_gradient(importance_weights(logs(*P), logs(*MU), cap=2.0)[0])
    torch.testing.assert_close(capped, gradient_by_hand((0.6, 0.2, 0.1)))


def test_a_lower_cap_never_makes_a_weight_larger():
    weights = [importance_weights(logs(*P), logs(*MU), cap=cap) for cap in (0.5, 1.0, 2.0, 4.0)]
    assert all((low <= high).all() for low, high in pairwise(weights))


def test_metrics_are_over_real_tokens_under_the_names_of_trl():
    # |log 2| and |log .25| on the two real tokens; what stands on the padding is not seen
    logprobs, sampled = logs(0.5, 0.1, 0.9), logs(0.25, 0.4, 0.001)
    weights = importance_weights(logprobs, sampled, cap=1.5)
    metrics = sampling_metrics(logprobs, sampled, weights, torch.tensor([[1, 1, 0]]))
    assert {name: float(value) for name, value in metrics.items()} == {
        "sampling/sampling_logp_difference/mean": pytest.approx((log(2) + log(4)) / 2),
        "sampling/sampling_logp_difference/max": pytest.approx(log(4)),
        "sampling/importance_sampling_ratio/min": pytest.approx(0.25),
        "sampling/importance_sampling_ratio/mean": pytest.approx((1.5 + 0.25) / 2),
        "sampling/importance_sampling_ratio/max": pytest.approx(1.5),
    }
