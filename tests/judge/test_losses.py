from math import log

import torch

from judge.losses import masked_binary_cross_entropy

NAN = float("nan")


def test_absent_labels_take_no_part() -> None:
    logits = torch.tensor([[0.0, 5.0], [9.0, 0.0]])
    labels = torch.tensor([[1.0, NAN], [NAN, 0.0]])
    # both labelled logits are 0: -log(1/2) each, whatever stands at the others
    torch.testing.assert_close(masked_binary_cross_entropy(logits, labels), torch.tensor(log(2.0)))


def test_an_absent_label_sends_no_gradient() -> None:
    logits = torch.tensor([[0.0, 5.0]], requires_grad=True)
    masked_binary_cross_entropy(logits, torch.tensor([[1.0, NAN]])).backward()
    # d/dx -log sigmoid(x) at 0 is -1/2
    assert logits.grad is not None
    assert logits.grad.tolist() == [[-0.5, 0.0]]


def test_a_soft_label_is_a_target_between() -> None:
    loss = masked_binary_cross_entropy(torch.tensor([[0.0]]), torch.tensor([[0.25]]))
    torch.testing.assert_close(loss, torch.tensor(log(2.0)))  # at p = 1/2 every target costs log 2
    best = masked_binary_cross_entropy(torch.tensor([[log(0.25 / 0.75)]]), torch.tensor([[0.25]]))
    torch.testing.assert_close(best, torch.tensor(-(0.25 * log(0.25) + 0.75 * log(0.75))))


def test_a_batch_without_any_label_is_nan() -> None:
    assert masked_binary_cross_entropy(torch.zeros(2, 2), torch.full((2, 2), NAN)).isnan()
