"""Prompts -> completions, sampled token by token with a key-value cache. Nothing is scored or trained here.

Sampling is from softmax(logits / temperature) and from nothing else: a truncated distribution (top-k, top-p)
would not be the one whose log-probs PPO trains. Masks come from lengths, never from comparing ids with the
pad id, so a tokenizer whose pad is its EOS works, and a prompt that contains EOS is not cut.

B prompts, P prompt tokens (left-padded), T response tokens (right-padded).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from peft import PeftModel
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from judge.errors import ConfigError, DataError
from rl.policy import Episodes, positions

DEFAULT_BATCH_SIZE = 256


@dataclass(frozen=True, slots=True)
class Rollout:
    """What was sampled, as tensors for the policy and as texts for the judge."""

    episodes: Episodes
    completions: list[str]  # [B], special tokens left out
    truncated: list[bool]  # [B], True where no EOS came within max_new_tokens


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Ids that end a completion, and the id that fills the space after it."""

    eos: tuple[int, ...]
    pad: int


def special_tokens(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase) -> SpecialTokens:
    """Every EOS that the generation config, the model config and the tokenizer name; pad, or else an EOS."""
    named = (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id)
    eos: list[int] = []
    for ids in named:
        eos += [ids] if isinstance(ids, int) else ids or []
    if not eos:
        raise ConfigError(
            "no EOS token in tokenizer or model, so no completion could end; set tokenizer.eos_token"
        )
    pad = tokenizer.pad_token_id
    return SpecialTokens(tuple(sorted(set(eos))), eos[-1] if pad is None else pad)


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    model: PreTrainedModel | PeftModel,
    max_new_tokens: int,
) -> list[list[int]]:
    """Ids of each prompt, refused if there are none or if prompt and completion exceed the window."""
    encoded: list[list[int]] = tokenizer(list(prompts))["input_ids"]
    # Through the attribute, as GPT-2 and others keep the window under another name.
    window = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    for prompt, ids in zip(prompts, encoded, strict=True):
        if not ids:
            raise DataError(f"prompt {prompt!r} has no tokens; a policy needs at least one to go on from")
        if window is not None and len(ids) + max_new_tokens > window:
            raise DataError(
                f"prompt {prompt[:60]!r} has {len(ids)} tokens, which with max_new_tokens={max_new_tokens} "
                f"exceeds the model's window of {window}; shorten the prompt or lower max_new_tokens"
            )
    return encoded


def generate(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    greedy: bool = False,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> list[str]:
    """One completion per prompt, in order, batch by batch.

    Args:
        generator: on the model's device; None uses torch's own state.
        greedy: take the likeliest token instead of sampling.
    """
    completions: list[str] = []
    for start in range(0, len(prompts), batch_size):
        batch = prompts[start : start + batch_size]
        completions += sample(
            model, tokenizer, batch, max_new_tokens=max_new_tokens, temperature=temperature,
            generator=generator, greedy=greedy,
        ).completions  # fmt: skip
    return completions


@torch.no_grad()
def sample(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    greedy: bool = False,
) -> Rollout:
    """One batch of completions with the tensors that PPO trains on; arguments as in `generate`."""
    if temperature <= 0.0:
        raise ConfigError(
            f"temperature must be above 0, got {temperature}; use greedy for the likeliest token"
        )
    special = special_tokens(model, tokenizer)
    encoded = encode_prompts(tokenizer, prompts, model=model, max_new_tokens=max_new_tokens)
    tokens, mask = (x.to(model.device) for x in left_pad(encoded, special.pad))
    eos = torch.tensor(special.eos, device=model.device)
    running = torch.ones_like(mask[:, 0])
    response: list[Tensor] = []
    response_mask: list[Tensor] = []
    for logits in _decode(model, tokens, mask, response, response_mask):
        choice = _choose(logits.float(), temperature, generator, greedy)
        response.append(torch.where(running.bool(), choice, special.pad))
        response_mask.append(running)
        running = running * ~torch.isin(choice, eos)
        if len(response) == max_new_tokens or not running.any():
            break
    real = torch.stack(response_mask, dim=1)
    sampled = torch.stack(response, dim=1)
    episodes = Episodes(torch.cat([tokens, sampled], dim=1), torch.cat([mask, real], dim=1), real)
    return Rollout(episodes, _texts(tokenizer, sampled, real, special), running.bool().tolist())


def left_pad(encoded: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids and mask, each [B, P], with every prompt ending in the last column."""
    longest = max(map(len, encoded))
    tokens = torch.tensor([[pad] * (longest - len(ids)) + list(ids) for ids in encoded])
    mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in encoded])
    return tokens, mask


def _decode(
    model: PreTrainedModel | PeftModel,
    tokens: Tensor,
    mask: Tensor,
    response: list[Tensor],
    response_mask: list[Tensor],
) -> Iterator[Tensor]:
    """Logits of the next token, [B, V], each time the caller has appended the last one to `response`."""
    cache = DynamicCache(config=model.config)
    position = positions(mask)
    while True:
        yield model(
            input_ids=tokens, attention_mask=mask, position_ids=position, past_key_values=cache,
            use_cache=True, logits_to_keep=1,
        ).logits[:, -1]  # fmt: skip
        tokens = response[-1].unsqueeze(1)
        mask = torch.cat([mask, response_mask[-1].unsqueeze(1)], dim=1)
        position = position[:, -1:] + 1


def _choose(logits: Tensor, temperature: float, generator: torch.Generator | None, greedy: bool) -> Tensor:
    if greedy:
        return logits.argmax(-1)
    return torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator).squeeze(1)


def _texts(
    tokenizer: PreTrainedTokenizerBase, sampled: Tensor, real: Tensor, special: SpecialTokens
) -> list[str]:
    lengths = real.sum(1).tolist()
    spoken = [
        [token for token in row[:length] if token not in special.eos]
        for row, length in zip(sampled.tolist(), lengths, strict=True)
    ]
    return [text.strip() for text in tokenizer.batch_decode(spoken, skip_special_tokens=True)]
