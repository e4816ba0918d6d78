from math import log

import pytest
import torch

from rl.losses import is_clipped, policy_loss, value_loss


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
