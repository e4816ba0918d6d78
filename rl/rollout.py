"""Prompts -> completions, sampled token by token with a key-value cache. Nothing is scored or trained here.

Sampling is from softmax(logits / temperature) and from nothing else: a truncated distribution (top-k, top-p)
would not be the one whose log-probs PPO trains. Masks come from lengths, never from comparing ids with the
pad id, so a tokenizer whose pad is its EOS works, and a prompt that contains EOS is not cut.

B prompts, P prompt tokens (left-padded), T response tokens (right-padded).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch
from jinja2 import TemplateError
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import pad
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from judge.errors import ConfigError, DataError
from judge.records import Prompt, Turn
from rl.decoding import Decoder, Growing
from rl.policy import Episodes, mixed_precision
from rl.processes import Processes

DEFAULT_BATCH_SIZE = 256
CUDA_LOOK_EVERY = 8
"""Tokens between two looks at whether all have ended: each makes Python wait for the device."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What was sampled, as tensors for the policy and as texts for the judge."""

    episodes: Episodes
    completions: list[str]  # [B], special tokens left out
    truncated: list[bool]  # [B], True where no EOS came within max_new_tokens
    logprobs: Tensor | None = None  # [B, T] float32 nats, 0 on padding, by what sampled it if not the policy


class Sampler(Protocol):
    """Answers prompts as the policy would."""

    def __call__(self, prompts: Sequence[Prompt], *, generator: torch.Generator) -> Rollout:
        """A completion of each prompt, in order; all that is drawn comes from the generator."""
        ...


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Ids that end a completion, and the id that fills the space after it."""

    eos: tuple[int, ...]
    pad: int


def special_tokens(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase) -> SpecialTokens:
    """Every EOS that the generation config, the model config and the tokenizer name; pad, or else an EOS."""
    named = (
        model.generation_config.eos_token_id,
        model.config.get_text_config().to_dict().get("eos_token_id"),
        tokenizer.eos_token_id,
    )
    eos: set[int] = set()
    for ids in named:
        eos |= {ids} if isinstance(ids, int) else set(ids or ())
    if not eos:
        raise ConfigError(
            "neither tokenizer nor model names an EOS token, so no completion could end; "
            "set tokenizer.eos_token"
        )
    pad = tokenizer.pad_token_id
    return SpecialTokens(tuple(sorted(eos)), min(eos) if pad is None else pad)


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    *,
    model: PreTrainedModel | PeftModel,
    max_new_tokens: int,
    chat_template: bool = False,
) -> list[list[int]]:
    """Ids of each prompt, refused if there are none or if prompt and completion exceed the window.

    Args:
        chat_template: render each prompt, text as a user message, followed by what opens the model's turn.

    Raises:
        ConfigError: a prompt is a chat, or is to become one, and there is no template to render it.
        DataError: a prompt is refused, or not to the template's taste.
    """
    encoded: list[list[int]]
    if chat_template:
        if tokenizer.chat_template is None:
            raise ConfigError(
                "expected a tokenizer with a chat template, got one without; turn chat_template off, or take "
                "a model that was tuned to chat"
            )
        chats = [messages_of(prompt) for prompt in prompts]
        try:
            encoded = tokenizer.apply_chat_template(chats, add_generation_prompt=True)["input_ids"]
        except TemplateError as error:  # such as a system message, where a model has none
            raise DataError(f"the tokenizer's chat template refuses a prompt: {error}") from error
    else:
        texts = [prompt for prompt in prompts if isinstance(prompt, str)]
        if len(texts) < len(prompts):
            raise ConfigError(
                "prompts that are lists of messages need chat_template, which is off; turn it on"
            )
        encoded = tokenizer(texts)["input_ids"]
    window = window_of(model)
    for prompt, ids in zip(prompts, encoded, strict=True):
        question = messages_of(prompt)[-1]["content"]
        if not ids:
            raise DataError(f"prompt {question!r} has no tokens; a policy needs at least one to go on from")
        if window is not None and len(ids) + max_new_tokens > window:
            raise DataError(
                f"prompt {question[:60]!r} has {len(ids)} tokens, which with max_new_tokens={max_new_tokens} "
                f"exceeds the model's window of {window}; shorten the prompt or lower max_new_tokens"
            )
    return encoded


def messages_of(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as chat templates take it; text is what a user says."""
    turns = [Turn("user", prompt)] if isinstance(prompt, str) else prompt
    return [turn._asdict() for turn in turns]


def window_of(model: PreTrainedModel | PeftModel) -> int | None:
    """The most tokens that the model can read; None where its config does not say."""
    # Through the attribute, as GPT-2 and others keep the window under another name.
    window: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return window


def generate(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    greedy: bool = False,
    chat_template: bool = False,
    bf16: bool = False,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> list[str]:
    """One completion per prompt, in order, batch by batch.

    Args:
        bf16: whether matrix products are in bfloat16.
        chat_template: ask each prompt as a user message.
        generator: on the model's device; None uses torch's own state.
        greedy: take the likeliest token instead of sampling.
    """
    completions: list[str] = []
    for start in range(0, len(prompts), batch_size):
        batch = prompts[start : start + batch_size]
        completions += sample(
            model, tokenizer, batch, max_new_tokens=max_new_tokens, temperature=temperature,
            generator=generator, greedy=greedy, chat_template=chat_template, bf16=bf16,
        ).completions  # fmt: skip
    return completions


@torch.no_grad()
def sample(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    greedy: bool = False,
    chat_template: bool = False,
    bf16: bool = False,
    decoder: Decoder | None = None,
) -> Rollout:
    """One batch of completions with the tensors that PPO trains on.

    Args:
        decoder: of the same model, by default one whose cache grows; what else there is, as in `generate`.
    """
    if not temperature > 0.0:
        raise ConfigError(f"temperature must be above 0, got {temperature}; greedy takes the likeliest token")
    if model.training:
        raise ConfigError(
            "the model is in training mode, so dropout would blur what it says; call model.eval()"
        )
    special = special_tokens(model, tokenizer)
    encoded = encode_prompts(
        tokenizer, prompts, model=model, max_new_tokens=max_new_tokens, chat_template=chat_template
    )
    tokens, mask = (x.to(model.device) for x in left_pad(encoded, special.pad))
    choose = partial(_choose, temperature=temperature, generator=generator, greedy=greedy)
    with mixed_precision(model.device, bf16):
        episodes, running = _continued(
            decoder or Growing(model), tokens, mask, special, max_new_tokens, choose
        )
    return Rollout(episodes, texts_of(tokenizer, episodes, special), running.tolist())


def _continued(
    decoder: Decoder,
    tokens: Tensor,
    mask: Tensor,
    special: SpecialTokens,
    max_new_tokens: int,
    choose: Callable[[Tensor], Tensor],
) -> tuple[Episodes, Tensor]:
    """Prompts with what follows them, and [B] whether that was cut before its end.

    Args:
        decoder: of the model.
        tokens, mask: [B, P], of prompts that end in the last column.
        choose: one id per row of [B, V] float32 logits.
    """
    eos = torch.tensor(special.eos, device=tokens.device)
    running = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
    look_every = CUDA_LOOK_EVERY if tokens.device.type == "cuda" else 1
    logits = decoder.begin(tokens, mask, max_new_tokens)
    sampled: list[Tensor] = []
    real: list[Tensor] = []
    while True:
        choice = choose(logits.float()).where(running, special.pad)
        sampled.append(choice)
        real.append(running)
        running = running & ~torch.isin(choice, eos)
        if len(sampled) == max_new_tokens or (len(sampled) % look_every == 0 and not running.any()):
            break
        logits = decoder.go_on(choice)
    response, response_mask = torch.stack(sampled, dim=1), torch.stack(real, dim=1)
    said = int(response_mask.any(0).sum())  # fewer columns where one has looked too late
    response, response_mask = response[:, :said], response_mask[:, :said].long()
    episodes = Episodes(
        torch.cat([tokens, response], dim=1), torch.cat([mask, response_mask], dim=1), response_mask
    )
    return episodes, running


def gathered(rollout: Rollout, processes: Processes) -> Rollout:
    """What all processes sampled, the first one's before the second's, on the device of each."""
    if processes.count == 1:
        return rollout
    whole = joined(processes.gathered([_on(torch.device("cpu"), rollout)]))
    return _on(rollout.episodes.tokens.device, whole)


def joined(rollouts: Sequence[Rollout]) -> Rollout:
    """Several rollouts as one, padded to the longest prompt and the longest response among them."""
    length = max(each.episodes.response_mask.shape[1] for each in rollouts)
    prompt = max(each.episodes.tokens.shape[1] - each.episodes.response_mask.shape[1] for each in rollouts)
    padded: list[Episodes] = []
    for episodes in (each.episodes for each in rollouts):
        right = length - episodes.response_mask.shape[1]
        around = (prompt + length - right - episodes.tokens.shape[1], right)
        # Any id will do where the masks are 0.
        tokens, mask = pad(episodes.tokens, around), pad(episodes.attention_mask, around)
        padded.append(Episodes(tokens, mask, pad(episodes.response_mask, (0, right))))
    logprobs = [
        pad(each.logprobs, (0, length - each.logprobs.shape[1]))
        for each in rollouts
        if each.logprobs is not None
    ]
    return Rollout(
        Episodes(*(torch.cat(parts) for parts in zip(*padded, strict=True))),
        [text for each in rollouts for text in each.completions],
        [cut for each in rollouts for cut in each.truncated],
        torch.cat(logprobs) if logprobs else None,
    )


def left_pad(encoded: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids and mask, each [B, P], with every prompt ending in the last column."""
    longest = max(map(len, encoded))
    tokens = torch.tensor([[pad] * (longest - len(ids)) + list(ids) for ids in encoded])
    mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in encoded])
    return tokens, mask


def _on(device: torch.device, rollout: Rollout) -> Rollout:
    logprobs = None if rollout.logprobs is None else rollout.logprobs.to(device)
    return replace(rollout, episodes=Episodes(*(x.to(device) for x in rollout.episodes)), logprobs=logprobs)


def _choose(logits: Tensor, temperature: float, generator: torch.Generator | None, greedy: bool) -> Tensor:
    """One id per row of [B, V] float32 logits."""
    if greedy:
        return logits.argmax(-1)
    # Inverse of the cumulative distribution: one random number a row, where torch.multinomial draws V.
    # Float64, so that rare tokens of a large vocabulary keep their share; cumsum's own cast takes three times
    # as long on a CPU.
    cumulative = torch.softmax(logits / temperature, dim=-1).double().cumsum(-1)
    uniform = torch.rand(len(logits), 1, dtype=torch.float64, device=logits.device, generator=generator)
    choice = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)
    return choice.squeeze(1).clamp(max=logits.shape[1] - 1)


def texts_of(tokenizer: PreTrainedTokenizerBase, episodes: Episodes, special: SpecialTokens) -> list[str]:
    """What was said in each episode, special tokens left out."""
    lengths = episodes.response_mask.sum(1).tolist()
    response = episodes.tokens[:, -episodes.response_mask.shape[1] :].tolist()
    spoken = [
        [token for token in row[:length] if token not in special.eos]
        for row, length in zip(response, lengths, strict=True)
    ]
    return [text.strip() for text in tokenizer.batch_decode(spoken, skip_special_tokens=True)]
