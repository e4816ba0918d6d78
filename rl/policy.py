"""The policy with its value head, its frozen reference, and the log-probs of given tokens.

One pass through the backbone serves log-probs and values; the language-model head is applied to response
positions alone, in chunks, so that full-vocabulary logits of a large rollout never exist. Nothing is sampled
here.

B episodes, P prompt tokens (left-padded), T response tokens (right-padded), N real response tokens,
H hidden size, V vocabulary.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple, Protocol

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from judge.errors import ConfigError

# Logits computed at once: 64 MiB in float32.
CHUNK_LOGITS = 2**24
# And on a CPU: just under 32 MiB. Above that, the C library takes each block from the system anew, page by
# page, which takes time of the order of the products.
CPU_CHUNK_LOGITS = 2**23 - 2**10
# Logits kept for the backward pass: 256 MiB. Where there are more, they are computed again there.
KEPT_LOGITS = 2**26
# In bfloat16 on a CPU, attention over at most so many tokens is left to plain products, which torch does in
# float32: the backward pass of its fused kernel takes several times as long there.
PLAIN_ATTENTION = 128
# How far the head may be from the model's own logits before the model is refused, relative to their size.
PROBE_TOLERANCE = 2e-2


class Episodes(NamedTuple):
    """Prompts and what was sampled after them."""

    tokens: Tensor  # [B, P + T] ids; padding on the left of prompts and on the right of responses
    attention_mask: Tensor  # [B, P + T], 1 on real tokens
    response_mask: Tensor  # [B, T], 1 on real response tokens, the final EOS included

    def rows(self, index: Tensor) -> "Episodes":
        """Some episodes, [n] of them, without the columns in which none of them has a token."""
        length = self.response_mask.shape[1]
        mask, response_mask = self.attention_mask[index], self.response_mask[index]
        left = int((mask.cumsum(1) == 0).sum(1).min())
        right = length - int(response_mask.sum(1).max())
        kept = slice(left, mask.shape[1] - right)
        return Episodes(self.tokens[index, kept], mask[:, kept], response_mask[:, : length - right])


class TokenOutputs(NamedTuple):
    """What the policy says of each response token; 0 on padding."""

    logprobs: Tensor  # [B, T] float32 nats
    values: Tensor  # [B, T] float32, expected return before the token is chosen


def mixed_precision(device: torch.device, bf16: bool) -> torch.autocast:
    """Matrix products and attention in bfloat16, if that is wanted; weights and all else stay as they are.

    A weight is cast once for the whole of such a region if it is trained, and for each product if it is
    frozen: one region should hold all that is done with the same weights, and frozen ones be bfloat16.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


def positions(attention_mask: Tensor) -> Tensor:
    """Position of each real token counted from its row's first; 0 on left padding. [B, L]."""
    return (attention_mask.cumsum(1) - 1).clamp(min=0)


class CausalLM:
    """A Hugging Face causal LM seen as backbone and head: tokens -> hidden states -> log-probs.

    Adapters are left in place. A family whose logits are more than `head(hidden)` is read from its config
    (scales of Cohere, Granite and Falcon-H1, soft cap of Gemma), and every model is checked once against
    its own logits, so that an unknown family is refused rather than trained on wrong log-probs.

    Args:
        model: in eval mode.
        temperature: of every log-prob.
        bf16: whether matrix products are in bfloat16; from the logits on all is float32.
        gradient_checkpointing: whether a layer keeps its input alone, and is run again in the backward pass.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        temperature: float,
        *,
        bf16: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        if isinstance(model, PeftModel) and model.active_peft_config.is_prompt_learning:
            raise ConfigError(
                f"expected adapters inside the layers, such as LoRA, got {model.active_peft_config.peft_type}"
            )
        self.model = model.get_base_model() if isinstance(model, PeftModel) else model
        self.head = self.model.get_output_embeddings()
        if self.head is None:
            raise ConfigError(f"expected a causal LM with an output head, got {type(self.model).__name__}")
        self.vocabulary: int = self.head.weight.shape[0]
        self.temperature = temperature
        self.bf16 = bf16
        self.run_again = layers_of(self.model) if gradient_checkpointing else []
        self.transform = _logit_transform(self.model.config.get_text_config().to_dict())
        self._check_head()

    def hidden_states(self, episodes: Episodes) -> Tensor:
        """States from which each response token is predicted, [B, T, H]."""
        length = episodes.response_mask.shape[1]
        # No token is predicted from the last column, so it is never computed.
        mask = episodes.attention_mask[:, :-1]
        with mixed_precision(mask.device, self.bf16), self._attention(mask), self._checkpointing(mask):
            output = self.model.base_model(
                input_ids=episodes.tokens[:, :-1],
                attention_mask=mask,
                position_ids=positions(mask),
                use_cache=False,
            )
        hidden: Tensor = output.last_hidden_state[:, -length:]
        return hidden

    def token_logprobs(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """log softmax(logits / temperature) at `targets`, [N] float32, with exact gradient.

        The head is called once, however many chunks it is applied in: what gathers its weights around a call,
        as ZeRO 3 does, does so equally often in all processes.

        Args:
            hidden: [N, H].
            targets: [N] ids.
        """
        with mixed_precision(hidden.device, self.bf16), _calls_by(self._in_chunks, [self.head]):
            logprobs: Tensor = self.head(hidden, targets)
        return logprobs

    def _in_chunks(self, head: Callable[[Tensor], Tensor], hidden: Tensor, targets: Tensor) -> Tensor:
        at_once = CPU_CHUNK_LOGITS if hidden.device.type == "cpu" else CHUNK_LOGITS
        rows = max(1, at_once // self.vocabulary)
        logprobs_of = partial(self._chunk_logprobs, head)
        if len(targets) * self.vocabulary > KEPT_LOGITS:
            # A chunk's logits are freed as soon as its log-probs are known.
            logprobs_of = partial(checkpoint, logprobs_of, use_reentrant=False, preserve_rng_state=False)
        chunks = zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
        return torch.cat([logprobs_of(h, t) for h, t in chunks])

    def _chunk_logprobs(self, head: Callable[[Tensor], Tensor], hidden: Tensor, targets: Tensor) -> Tensor:
        logits = self.transform(head(hidden).float())
        if self.temperature != 1.0:
            logits = logits / self.temperature
        return -nn.functional.cross_entropy(logits, targets, reduction="none")

    def _attention(self, mask: Tensor) -> AbstractContextManager[None]:
        """What chooses the kernel of attention over [B, L] tokens: torch, but where it chooses badly."""
        plain = self.bf16 and mask.device.type == "cpu" and mask.shape[1] <= PLAIN_ATTENTION
        return sdpa_kernel(SDPBackend.MATH) if plain else nullcontext()

    def _checkpointing(self, mask: Tensor) -> AbstractContextManager[None]:
        """Have layers run again in the backward pass of what is computed here.

        transformers' own switch works in training mode alone, where some layers drop out by themselves.
        """
        run_again = partial(
            checkpoint,
            use_reentrant=False,
            preserve_rng_state=False,
            context_fn=lambda: (nullcontext(), self._attention(mask)),
        )
        return _calls_by(run_again, self.run_again if torch.is_grad_enabled() else [])

    @torch.no_grad()
    def _check_head(self) -> None:
        probe = torch.zeros(1, 2, dtype=torch.long, device=self.model.device)
        probe[0, 1] = 1
        expected = self.model(input_ids=probe, use_cache=False).logits.float()
        hidden = self.model.base_model(input_ids=probe, use_cache=False).last_hidden_state
        got = self.transform(self.head(hidden).float())
        if (got - expected).abs().max() > PROBE_TOLERANCE * expected.abs().max():
            raise ConfigError(
                f"{type(self.model).__name__} does not compute its logits as head(last hidden state) with "
                "the scales its config names; use a model family that does (Llama, Qwen, Gemma, GPT-2, ...)"
            )


@contextmanager
def _calls_by(run: Callable[..., Any], modules: Sequence[nn.Module]) -> Iterator[None]:
    """Have calls of modules go to `run(forward, ...)`; hooks are called around it, once for each call."""
    wrapped = [vars(module).get("forward") for module in modules]  # by accelerate, where it is
    for module in modules:
        module.forward = partial(run, module.forward)
    try:
        yield
    finally:
        for module, forward in zip(modules, wrapped, strict=True):
            if forward is None:
                del module.forward  # the class's own shows again: what was compiled for it stays valid
            else:
                module.forward = forward


def layers_of(model: PreTrainedModel | PeftModel) -> list[nn.Module]:
    """What a backward pass can run again.

    Raises:
        ConfigError: there is nothing.
    """
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        raise ConfigError(
            f"{type(model).__name__} has no layers that transformers would run again in the backward pass; "
            "turn gradient_checkpointing off, and save memory by micro_batch_size"
        )
    return layers


class Policy(nn.Module):
    """A causal LM and a value head on its last hidden state: one forward gives both.

    Dropout stays off throughout: sampling and training see the same distribution.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        temperature: float = 1.0,
        *,
        bf16: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.model = model.eval()
        self.causal_lm = CausalLM(
            model, temperature, bf16=bf16, gradient_checkpointing=gradient_checkpointing
        )
        width = self.causal_lm.head.weight.shape[1]
        self.value_head = nn.Linear(width, 1, dtype=torch.float32, device=model.device)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)

    @property
    def device(self) -> torch.device:
        """Where the value head, and with it the model, lives."""
        return self.value_head.weight.device

    @property
    def shares_base(self) -> bool:
        """Whether a judge's adapters are on the base too: which count is a state of the model, so that it and
        the judge must not be passed through at the same time."""
        return isinstance(self.model, PeftModel) and len(self.model.peft_config) > 1

    def forward(self, episodes: Episodes) -> TokenOutputs:
        """Log-prob and value of every response token."""
        real = episodes.response_mask.bool()
        hidden = self.causal_lm.hidden_states(episodes)[real]
        logprobs = self.causal_lm.token_logprobs(hidden, _targets(episodes)[real])
        values = self.value_head(hidden.float()).squeeze(-1)
        return TokenOutputs(_spread(logprobs, real), _spread(values, real))


class Reference(Protocol):
    """What the policy is held close to."""

    policy: Policy  # through which it passes

    def logprobs(self, episodes: Episodes) -> Tensor:
        """[B, T] float32 nats; 0 on padding."""
        ...


class FrozenCopy:
    """A copy of the policy as it is now."""

    def __init__(self, policy: Policy) -> None:
        self.policy = copy.deepcopy(policy).requires_grad_(False)

    @torch.no_grad()
    def logprobs(self, episodes: Episodes) -> Tensor:
        """[B, T] float32 nats; 0 on padding."""
        logprobs: Tensor = self.policy(episodes).logprobs
        return logprobs


class AdapterOff:
    """The policy's own base with its adapters switched off: no second copy of the weights."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @torch.no_grad()
    def logprobs(self, episodes: Episodes) -> Tensor:
        """[B, T] float32 nats; 0 on padding."""
        with self.policy.model.disable_adapter():
            logprobs: Tensor = self.policy(episodes).logprobs
        return logprobs


def reference_of(policy: Policy) -> Reference:
    """The policy as it stands, frozen: its base under the adapters if it has any, else a copy.

    Adapters must be fresh: the reference of a trained adapter is the base, not the adapter.
    """
    if isinstance(policy.model, PeftModel):
        return AdapterOff(policy)
    return FrozenCopy(policy)


def _targets(episodes: Episodes) -> Tensor:
    return episodes.tokens[:, -episodes.response_mask.shape[1] :]


def _spread(x: Tensor, real: Tensor) -> Tensor:
    """[N] values onto the [B, T] positions where `real` is true; 0 elsewhere."""
    return torch.zeros(real.shape, dtype=x.dtype, device=x.device).masked_scatter(real, x)


def _logit_transform(config: dict[str, object]) -> Callable[[Tensor], Tensor]:
    """What the family does to `head(hidden)`, as its config names it."""

    def number(name: str) -> float | None:
        value = config.get(name)
        return float(value) if isinstance(value, int | float) else None

    scale = (number("logit_scale") or 1.0) * (number("lm_head_multiplier") or 1.0)
    scale /= number("logits_scaling") or 1.0
    cap = number("final_logit_softcapping")

    def transform(logits: Tensor) -> Tensor:
        if scale != 1.0:
            logits = logits * scale
        return logits if cap is None else cap * torch.tanh(logits / cap)

    return transform
