from pathlib import Path

import pytest
import torch

from judge.model import encode_pairs, new_encoder
from judge.pairs import TASKS, Task


@pytest.fixture(scope="module")
def model(tiny_backbone: Path):
    return new_encoder(tiny_backbone, max_tokens=64, device="cpu")


PAIRS = [
    ("ab", "cd"),
    ("who wrote it", "it was bob"),
    ("x", "a much longer text than the others are"),
    ("ab", "cd"),
]


def test_batching_changes_nothing(model) -> None:
    together = encode_pairs(model, PAIRS, batch_tokens=4096)
    alone = torch.cat([encode_pairs(model, [pair]) for pair in PAIRS])
    torch.testing.assert_close(together, alone, atol=2e-2, rtol=0)  # bfloat16 products where they are fast
    assert torch.equal(together[0], together[3])


def test_order_changes_nothing(model) -> None:
    forth = encode_pairs(model, PAIRS)
    back = encode_pairs(model, PAIRS[::-1])
    torch.testing.assert_close(forth, back.flip(0), atol=2e-2, rtol=0)


def test_a_first_segment_of_unknown_words_is_cut_to_the_window_too(model) -> None:
    """Cut as tokens and written out again, each unknown one would become the five letters of its name."""
    assert torch.isfinite(encode_pairs(model, [("🪅 " * 500, "it was bob")])).all()


def test_half_a_surrogate_pair_is_read_as_a_question_mark(model) -> None:
    odd = encode_pairs(model, [("who \ud83d", "it was \udc00 bob")])
    assert torch.equal(odd, encode_pairs(model, [("who ?", "it was ? bob")]))


def test_no_pairs_give_no_logits(model) -> None:
    assert encode_pairs(model, []).shape == (0, len(TASKS))


def test_a_text_past_the_window_is_read_in_chunks_to_its_end(model) -> None:
    short = encode_pairs(model, [("who", "a b c d")])
    # 400 letters of filling do not fit 64 tokens; what counts is the best chunk, so the maximum over all
    long = encode_pairs(model, [("who", "x " * 400 + "a b c d")])
    cut = encode_pairs(model, [("who", "x " * 400)])
    assert short.shape == long.shape
    others = [i for i, task in enumerate(TASKS) if task is not Task.ABSTENTION]
    assert (long[:, others] >= cut[:, others] - 2e-2).all()
    assert not torch.equal(long[:, others], cut[:, others])


def test_abstention_is_read_from_the_opening(model) -> None:
    abstention = TASKS.index(Task.ABSTENTION)
    opening = "i do not know " * 30
    one = encode_pairs(model, [("who", opening + "a b c")])
    other = encode_pairs(model, [("who", opening + "z z z z z z")])
    torch.testing.assert_close(one[:, abstention], other[:, abstention], atol=2e-2, rtol=0)


def test_a_reference_past_the_window_is_cut_with_a_warning(model, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", logger="judge.model"):
        logits = encode_pairs(model, [("r " * 300, "a b c")])
    assert logits.isfinite().all()
    assert "1 references were cut to 48 tokens" in caplog.text  # three quarters of 64


def test_special_tokens_in_a_text_are_read_as_letters(model) -> None:
    ids = model.tokenizer("a [SEP] b")["input_ids"]
    separator = model.tokenizer.sep_token_id
    assert ids.count(separator) == 1  # the one at the end


def test_the_best_chunk_counts_for_each_output(model) -> None:
    text = " ".join("abcdefghij"[i % 10] for i in range(150))
    whole = encode_pairs(model, [("who", text)])
    tokens = model.tokenizer(
        ["who"], [text], truncation="only_second", max_length=64, stride=8, return_overflowing_tokens=True
    )
    chunks = len(tokens["input_ids"])
    # 64 - [CLS] w ##h ##o [SEP] [SEP] = 58 letters a chunk, 50 new ones each: 58 + 2 * 50 >= 150
    assert chunks == 3
    assert whole.isfinite().all()
