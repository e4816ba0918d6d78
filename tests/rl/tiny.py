"""Tiny models, tokenizers by word and by byte, and toy judges, built in-process."""

from collections.abc import Callable, Sequence

import torch
from tokenizers import Tokenizer, decoders, processors
from tokenizers.models import BPE, WordLevel
from tokenizers.pre_tokenizers import ByteLevel, WhitespaceSplit
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from judge.records import Record, Score, Verdict

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"


def word_tokenizer(*words: str, pad: str | None = PAD, eos: str | None = EOS) -> PreTrainedTokenizerFast:
    """pad 0, eos 1, unknown 2, then one id per word."""
    ids = {word: index for index, word in enumerate((PAD, EOS, UNKNOWN, *words))}
    tokenizer = Tokenizer(WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=UNKNOWN, pad_token=pad, eos_token=eos
    )


def byte_tokenizer(**names: str) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer without merges; <pad> 0, <unk> 1, <s> 2, </s> 3, <mask> 4.

    Args:
        names: what special tokens are for besides those that RoBERTa and ModernBERT have: eos_token, ...
    """
    special = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
    ids = {token: index for index, token in enumerate([*special, *sorted(ByteLevel.alphabet())])}
    tokenizer = Tokenizer(BPE(ids, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_input_names=["input_ids", "attention_mask"], pad_token="<pad>",
        unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>", **names,
    )  # fmt: skip


def byte_causal_lm_tokenizer() -> PreTrainedTokenizerFast:
    """The same as a causal language model has it: BOS in front, nothing behind, no tokens for pairs."""
    tokenizer = byte_tokenizer(bos_token="<s>", eos_token="</s>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 2)]
    )
    return tokenizer


def tiny_llama(
    vocabulary: int, *, seed: int = 0, width: int = 32, layers: int = 2, positions: int = 64
) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
            num_attention_heads=2, max_position_embeddings=positions, initializer_range=0.2,
            bos_token_id=None, eos_token_id=1, pad_token_id=0,
        )
    ).eval()  # fmt: skip


def bigram_llama(table: Sequence[Sequence[float]]) -> LlamaForCausalLM:
    """A Llama without layers whose next token depends on the last one alone: p(v | u) = table[u][v].

    Embeddings are one-hot, which RMS norm scales to the root of their width; the head undoes the scale.
    """
    size, width = len(table), 4 * len(table)
    model = tiny_llama(size, width=width, layers=0)
    log_odds = torch.tensor(table).log().clamp(min=-1e4)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(size, width))
        model.lm_head.weight.zero_()[:, :size] = log_odds.T / width**0.5
    model.model.norm.variance_epsilon = 0.0
    return model


class FunctionJudge:
    """Gives each record the verdict that a function gives it; None leaves it unscored."""

    def __init__(self, verdict: Callable[[Record], Verdict | None]) -> None:
        self.verdict = verdict
        self.seen: list[Record] = []

    def score(self, records: Sequence[Record]) -> list[Score | None]:
        self.seen += records
        return [score_of(self.verdict(record)) for record in records]


def score_of(verdict: Verdict | None) -> Score | None:
    """A score that is certain of its verdict."""
    if verdict is None:
        return None
    return Score(float(verdict is Verdict.CORRECT), float(verdict is Verdict.ABSTAIN), verdict)
