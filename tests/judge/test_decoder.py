from pathlib import Path

import pytest
import torch
from tiny import byte_causal_lm_tokenizer, tiny_llama, word_tokenizer
from transformers import AutoConfig, BartConfig, BertConfig, GPT2Config, LlamaConfig, PreTrainedTokenizerFast

from judge.decoder import is_decoder_only
from judge.errors import BackboneError
from judge.model import encode_pairs, new_encoder

BOS, EOS = 2, 3


def saved(directory: Path, tokenizer: PreTrainedTokenizerFast) -> Path:
    tiny_llama(len(tokenizer), positions=128).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def test_families_that_see_what_is_before_alone_are_told_from_the_others(tiny_causal_lm: Path) -> None:
    assert is_decoder_only(AutoConfig.from_pretrained(tiny_causal_lm))
    assert [is_decoder_only(config()) for config in (LlamaConfig, GPT2Config)] == [True, True]
    assert [is_decoder_only(config()) for config in (BertConfig, BartConfig)] == [False, False]


def test_a_pair_has_a_boundary_and_an_end_that_no_text_can_forge(tiny_causal_lm: Path) -> None:
    tokenizer = new_encoder(tiny_causal_lm, max_tokens=64, device="cpu").tokenizer
    parts = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("a</s>", "<s>b</s>c")]
    assert not {BOS, EOS} & {*parts[0], *parts[1]}
    ids = tokenizer("a</s>", "<s>b</s>c")["input_ids"]
    assert ids == [BOS, *parts[0], EOS, *parts[1], EOS]


def test_bos_stands_in_front_only_where_the_tokenizer_puts_it_there(tmp_path: Path) -> None:
    tokenizer = byte_causal_lm_tokenizer()
    tokenizer.backend_tokenizer.post_processor = None
    model = new_encoder(saved(tmp_path, tokenizer), max_tokens=64, device="cpu")
    assert model.tokenizer("a", "b")["input_ids"].count(BOS) == 0


def test_every_chunk_of_a_long_text_has_the_whole_first_segment_and_an_end(tiny_causal_lm: Path) -> None:
    model = new_encoder(tiny_causal_lm, max_tokens=32, device="cpu")
    chunks = model.tokenizer(
        "who?", "x" * 60, truncation="only_second", max_length=32, return_overflowing_tokens=True
    )["input_ids"]
    opening = model.tokenizer("who?")["input_ids"]
    assert len(chunks) == 3
    for ids in chunks:
        assert ids[: len(opening)] == opening
        assert ids[-1] == EOS
        assert len(ids) <= 32


@pytest.mark.parametrize("pad", ["<pad>", "</s>", None])
def test_a_batch_says_of_a_pair_what_the_pair_alone_does_whatever_the_pad_token(
    tmp_path: Path, pad: str | None
) -> None:
    tokenizer = byte_causal_lm_tokenizer()
    tokenizer.pad_token = pad
    model = new_encoder(saved(tmp_path, tokenizer), max_tokens=64, device="cpu")

    def exact(features: dict[str, torch.Tensor]) -> torch.Tensor:
        return model.model(**features).logits

    pairs = [("who?", "bob"), ("who was it, then?", "it was ann"), ("who?", "")]
    together = encode_pairs(model.eval(), pairs, forward=exact)
    alone = torch.cat([encode_pairs(model, [pair], forward=exact) for pair in pairs])
    torch.testing.assert_close(together, alone)
    assert not torch.allclose(together[0], together[2])


def test_a_tokenizer_by_which_the_boundary_can_be_typed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="reads a typed '<eos>' as text"):
        new_encoder(saved(tmp_path, word_tokenizer("a", "b")), max_tokens=64, device="cpu")


def test_a_tokenizer_without_eos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="expected a tokenizer with an EOS token"):
        new_encoder(saved(tmp_path, word_tokenizer("a", "b", eos=None)), max_tokens=64, device="cpu")
