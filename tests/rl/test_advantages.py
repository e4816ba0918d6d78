import math

import pytest
import torch

from rl.advantages import (
    adapted_kl_coef,
    explained_variance,
    gae,
    kl_k1,
    kl_k3,
    masked_mean,
    token_rewards,
    whiten,
)


def random_episodes(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rewards and values with garbage on the padding, and the mask. Lengths 5, 3 and 1."""
    generator = torch.Generator().manual_seed(seed)
    rewards, values = torch.randn(2, 3, 5, generator=generator)
    mask = (torch.arange(5) < torch.tensor([[5], [3], [1]])).long()
    return rewards, values, mask


def test_the_reward_lands_once_on_the_last_real_token():
    # beta = .5. Episode 1: kl .2, .4 and a reward of 1: -.1, 1 - .2, padding 0.
    # Episode 2: kl 1, -1, .2 and a reward of -1: -.5, .5, -1.1.
    kl = torch.tensor([[0.2, 0.4, 9.0], [1.0, -1.0, 0.2]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    shaped = token_rewards(torch.tensor([1.0, -1.0]), kl, mask, 0.5)
    torch.testing.assert_close(shaped, torch.tensor([[-0.1, 0.8, 0.0], [-0.5, 0.5, -1.1]]))


def test_token_rewards_sum_to_the_reward_less_beta_times_kl():
    kl, _, mask = random_episodes()
    rewards = torch.tensor([1.0, 0.0, -1.0])
    shaped = token_rewards(rewards, kl, mask, 0.3)
    torch.testing.assert_close(shaped.sum(1), rewards - 0.3 * (kl * mask).sum(1))


def test_gae_matches_a_hand_worked_example():
    # gamma = 1, lambda = .5, r = (0, 0, 1), V = (.5, .4, .8), one row
    # delta = (.4 - .5, .8 - .4, 1 - .8) = (-.1, .4, .2)
    # A_3 = .2; A_2 = .4 + .5 * .2 = .5; A_1 = -.1 + .5 * .5 = .15
    advantages = gae(
        torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0.5, 0.4, 0.8]]), torch.ones(1, 3), 1.0, 0.5
    )
    torch.testing.assert_close(advantages, torch.tensor([[0.15, 0.5, 0.2]]))


@pytest.mark.parametrize("gamma", [1.0, 0.9])
@pytest.mark.parametrize("lam", [0.0, 0.95, 1.0])
def test_gae_equals_the_double_sum_of_its_definition(gamma, lam):
    rewards, values, mask = random_episodes()
    expected = torch.zeros(3, 5)
    for row in range(3):
        length = int(mask[row].sum())
        for t in range(length):
            for later in range(t, length):
                value_tp1 = values[row, later + 1] if later + 1 < length else 0.0
                delta = rewards[row, later] + gamma * value_tp1 - values[row, later]
                expected[row, t] += (gamma * lam) ** (later - t) * delta
    torch.testing.assert_close(gae(rewards, values, mask, gamma, lam), expected)


def test_with_lambda_one_and_no_discount_the_advantage_is_what_is_still_to_come_less_the_value():
    rewards, values, mask = random_episodes()
    to_come = (rewards * mask).flip(1).cumsum(1).flip(1)
    torch.testing.assert_close(gae(rewards, values, mask, 1.0, 1.0), (to_come - values) * mask)


def test_what_stands_on_the_padding_never_leaks():
    rewards, values, mask = random_episodes()
    clean = gae(rewards * mask, values * mask, mask, 0.9, 0.95)
    torch.testing.assert_close(gae(rewards, values, mask, 0.9, 0.95), clean, rtol=0, atol=0)
    assert (clean * (1 - mask)).abs().max() == 0


def test_inputs_are_left_as_they_were():
    rewards, values, mask = random_episodes()
    before = [x.clone() for x in (rewards, values, mask)]
    whiten(gae(token_rewards(rewards[:, 0], rewards, mask, 0.1), values, mask, 0.9, 0.9), mask)
    assert all(torch.equal(now, then) for now, then in zip((rewards, values, mask), before, strict=True))


def test_whitened_advantages_have_mean_zero_and_variance_one_over_real_tokens():
    x, _, mask = random_episodes()
    whitened = whiten(3.0 + 5.0 * x, mask)
    real = whitened[mask.bool()]
    assert real.mean().item() == pytest.approx(0.0, abs=1e-6)
    assert real.var(correction=0).item() == pytest.approx(1.0, abs=1e-5)
    assert (whitened * (1 - mask)).abs().max() == 0


def test_whitening_does_not_see_the_padding():
    x, garbage, mask = random_episodes()
    torch.testing.assert_close(whiten(torch.where(mask.bool(), x, garbage), mask), whiten(x * mask, mask))


@pytest.mark.parametrize("values", [[[4.0]], [[4.0, 4.0, 4.0]]])
def test_one_token_or_no_variance_whitens_to_zero(values):
    x = torch.tensor(values)
    assert torch.equal(whiten(x, torch.ones_like(x)), torch.zeros_like(x))


def test_a_mean_over_nothing_is_nan():
    assert math.isnan(masked_mean(torch.ones(2, 2), torch.zeros(2, 2)))


def test_a_masked_mean_counts_real_tokens_alone():
    # (1 + 2 + 6) / 3 = 3
    x = torch.tensor([[1.0, 2.0, 100.0], [6.0, 100.0, 100.0]])
    assert masked_mean(x, torch.tensor([[1, 1, 0], [1, 0, 0]])).item() == 3.0


@pytest.mark.parametrize("estimator", [kl_k1, kl_k3])
def test_kl_estimators_have_the_exact_kl_as_their_mean(estimator):
    logits, ref_logits = torch.randn(2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p, q = logits.log_softmax(0), ref_logits.log_softmax(0)
    exact = torch.nn.functional.kl_div(q, p, reduction="sum", log_target=True)
    # The expectation over tokens drawn from p, by enumeration.
    torch.testing.assert_close((p.exp() * estimator(p, q)).sum(), exact)


def test_k3_is_never_negative_and_k1_may_be():
    p, q = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    assert kl_k3(p, q).min() >= 0
    assert kl_k1(p, q).min() < 0


def test_kl_estimators_are_exactly_zero_for_equal_policies():
    p = torch.randn(10, generator=torch.Generator().manual_seed(0))
    assert kl_k1(p, p).abs().max() == 0
    assert kl_k3(p, p).abs().max() == 0


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (6.0, 0.1),  # on target
        (6.6, 0.1 * (1 + 0.1 * 100 / 1000)),  # error .1
        (60.0, 0.1 * (1 + 0.2 * 100 / 1000)),  # error 9, clipped to .2
        (0.0, 0.1 * (1 - 0.2 * 100 / 1000)),  # error -1, clipped to -.2
    ],
)
def test_adaptive_beta_moves_by_the_clipped_relative_error(kl, expected):
    assert adapted_kl_coef(0.1, kl, target=6.0, episodes=100, horizon=1000) == pytest.approx(expected)


def test_explained_variance_is_one_for_a_perfect_critic_and_zero_for_a_constant_one():
    _, returns, mask = random_episodes()
    garbage = torch.where(mask.bool(), returns, 99.0)
    assert explained_variance(garbage, returns, mask).item() == pytest.approx(1.0)
    assert explained_variance(torch.full_like(returns, 3.0), returns, mask).item() == pytest.approx(
        0.0, abs=1e-6
    )
