from math import log

import pytest
import torch

from rl.losses import is_clipped, policy_loss, sampled_entropy, value_loss


def row(*values: float) -> torch.Tensor:
    return torch.tensor([values])


def test_policy_loss_matches_hand_worked_ratios():
    # r = 1.5, .5, 1.1 with eps = .2: clipped to 1.2, .8, 1.1
    # A = 1: -min(1.5, 1.2) = -1.2; A = 1: -min(.5, .8) = -.5; A = -2: -min(-2.2, -2.2) = 2.2
    logprobs = row(log(1.5), log(0.5), log(1.1))
    loss = policy_loss(logprobs, torch.zeros(1, 3), row(1.0, 1.0, -2.0), 0.2)
    torch.testing.assert_close(loss, row(-1.2, -0.5, 2.2))


def test_at_ratio_one_the_policy_gradient_is_advantage_times_gradient_of_logprob():
    logits = torch.tensor([0.3, -0.2, 0.5], requires_grad=True)
    logprob = torch.log_softmax(logits, 0)[1]
    (expected,) = torch.autograd.grad(-1.7 * logprob, logits, retain_graph=True)
    (got,) = torch.autograd.grad(policy_loss(logprob, logprob.detach(), torch.tensor(1.7), 0.2), logits)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize(
    ("ratio", "advantage", "moves"),
    [
        (1.3, 1.0, False),  # good and already likelier: leave it
        (1.3, -1.0, True),  # bad and likelier: pull it back
        (0.7, 1.0, True),  # good and less likely: pull it back
        (0.7, -1.0, False),  # bad and already less likely: leave it
        (1.1, 1.0, True),
        (0.9, -1.0, True),
    ],
)
def test_clipping_zeroes_the_gradient_only_on_the_right_side(ratio, advantage, moves):
    logprobs = row(log(ratio)).requires_grad_()
    loss = policy_loss(logprobs, torch.zeros(1, 1), row(advantage), 0.2)
    (gradient,) = torch.autograd.grad(loss.sum(), logprobs)
    assert gradient.item() == pytest.approx(-ratio * advantage if moves else 0.0)
    assert is_clipped(logprobs.detach(), torch.zeros(1, 1), row(advantage), 0.2).item() == float(not moves)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "moves"),
    [
        (2.5, -1.0, 2.5, True),  # below c = 3 as without it
        (4.0, -1.0, 3.0, False),  # max(-4, -3) = -3
        (4.0, 1.0, -1.2, False),  # good tokens are clipped as before
        (0.5, -1.0, 0.8, False),
    ],
)
def test_a_dual_clip_lets_go_of_a_bad_token_that_has_become_far_likelier(ratio, advantage, loss, moves):
    logprobs = row(log(ratio)).requires_grad_()
    settings = torch.zeros(1, 1), row(advantage), 0.2, 3.0
    got = policy_loss(logprobs, *settings)
    (gradient,) = torch.autograd.grad(got.sum(), logprobs)
    assert got.item() == pytest.approx(loss)
    assert (gradient.item() != 0.0) is moves
    assert is_clipped(logprobs.detach(), *settings).item() == float(not moves)


def test_value_loss_takes_the_worse_of_clipped_and_unclipped():
    # V_old = 0, eps = .2
    # V = .5, R = 1: clipped .2; max(.25, .64) / 2 = .32
    # V = .5, R = 0: clipped .2; max(.25, .04) / 2 = .125
    # V = .1, R = 1: not clipped; .81 / 2 = .405
    loss = value_loss(row(0.5, 0.5, 0.1), torch.zeros(1, 3), row(1.0, 0.0, 1.0), 0.2)
    torch.testing.assert_close(loss, row(0.32, 0.125, 0.405))


def test_a_value_clipped_towards_its_return_has_no_gradient():
    values = row(0.5).requires_grad_()
    (gradient,) = torch.autograd.grad(value_loss(values, row(0.0), row(1.0), 0.2).sum(), values)
    assert gradient.item() == 0.0


def test_the_sampled_entropy_matches_hand_worked_values_and_has_the_entropy_as_its_mean():
    # p = .5, .25, .25 and p_old = .25, .25, .5: r = 2, 1, .5; -r ln p = 2 ln 2, 2 ln 2, ln 2
    p, p_old = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.25, 0.5])
    estimate = sampled_entropy(p.log(), p_old.log())
    torch.testing.assert_close(estimate, torch.tensor([2.0, 2.0, 1.0]) * log(2))
    # .25 * 2 + .25 * 2 + .5 * 1 = 1.5 = -sum p log2 p, in units of ln 2
    assert (p_old * estimate).sum().item() == pytest.approx(1.5 * log(2))


def test_the_mean_gradient_of_the_sampled_entropy_is_that_of_the_entropy():
    logits = torch.tensor([0.3, -0.2, 1.5], requires_grad=True)
    p_old = torch.tensor([0.2, 0.5, 0.3])
    logprobs = torch.log_softmax(logits, 0)
    (expected,) = torch.autograd.grad(-(logprobs.exp() * logprobs).sum(), logits, retain_graph=True)
    (got,) = torch.autograd.grad((p_old * sampled_entropy(logprobs, p_old.log())).sum(), logits)
    torch.testing.assert_close(got, expected)
    assert expected.abs().max() > 0.1
