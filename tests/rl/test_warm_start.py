import pytest
import torch
from tiny import tiny_llama, word_tokenizer

from judge.errors import DataError
from rl.rollout import generate
from rl.warm_start import IGNORED, Encoded, Example, SupervisedConfig, encode, fit, pack, rate_at

WORDS = word_tokenizer("a", "b", "c", "d")


def test_a_model_learns_its_examples_and_to_stop() -> None:
    model = tiny_llama(7)
    examples = [Example("a b", "c"), Example("b a", "d d")]
    losses: list[float] = []
    config = SupervisedConfig(steps=60, batch_examples=2, learning_rate=1e-2, warmup_steps=5)
    fit(model, WORDS, examples, config, lambda _, loss: losses.append(loss))
    assert losses[-1] < 0.1 < losses[0]
    assert generate(model, WORDS, ["a b", "b a"], max_new_tokens=6, greedy=True) == ["c", "d d"]
    assert not model.training


def test_the_loss_is_on_the_completion_and_its_end_alone() -> None:
    ((ids, labels),) = encode(WORDS, [Example("a b", "c")], 8)
    assert ids == [3, 4, 5, WORDS.eos_token_id]
    assert labels == [IGNORED, IGNORED, 5, WORDS.eos_token_id]


def test_without_a_prompt_all_but_the_first_token_is_learned() -> None:
    ((ids, labels),) = encode(WORDS, [Example("", "a b")], 8)
    assert labels == [IGNORED, *ids[1:]]


def test_packing_keeps_every_example_whole_and_restarts_positions() -> None:
    examples = [
        Encoded([3, 4, 1], [IGNORED, 4, 1]),
        Encoded([5, 1], [IGNORED, 1]),
        Encoded([3, 4, 5, 1], [IGNORED] * 4),
    ]
    rows = pack(examples, row_tokens=6)
    assert rows.tokens.tolist() == [[3, 4, 1, 5, 1, 0], [3, 4, 5, 1, 0, 0]]
    assert rows.positions.tolist() == [[0, 1, 2, 0, 1, 0], [0, 1, 2, 3, 0, 1]]


def test_a_packed_example_does_not_see_its_neighbours() -> None:
    model = tiny_llama(7)
    rows = pack([Encoded([3, 4], [IGNORED, 4]), Encoded([5, 6, 3], [IGNORED, 6, 3])], row_tokens=5)
    with torch.no_grad():
        together = model(input_ids=rows.tokens, position_ids=rows.positions, use_cache=False).logits[0, 2:]
        alone = model(input_ids=torch.tensor([[5, 6, 3]]), use_cache=False).logits[0]
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_an_example_longer_than_a_row_is_refused() -> None:
    with pytest.raises(DataError, match="an example has 4 tokens, a row 3; raise row_tokens"):
        encode(WORDS, [Example("a b", "c")], 3)


def test_no_examples_are_refused() -> None:
    with pytest.raises(DataError, match="expected at least one"):
        encode(WORDS, [], 8)


def test_the_rate_rises_and_falls() -> None:
    config = SupervisedConfig(steps=100, warmup_steps=10)
    rates = [rate_at(step, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)  # (0 + 1) / 10
    assert max(rates) == rates[9] == pytest.approx(0.91)  # the decay is at 1 - 9 / 100 when the rise ends
    assert rates[-1] == pytest.approx(0.02)  # 1 - 99 / 100 = .01 is below the floor
