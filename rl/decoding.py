"""Logits of each next token, in two ways: with a cache that grows, and in fixed slots by a compiled step.

Both say the same, up to the order of sums. Nothing is chosen here, and no gradient kept.

B prompts, P prompt tokens (left-padded), V vocabulary; of a cache, S slots, K heads of width D.
"""

from collections.abc import Callable
from functools import cache
from textwrap import shorten
from types import FunctionType
from typing import Any, Protocol

import torch
from peft import PeftModel
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedModel, StaticCache
from transformers.cache_utils import StaticLayer, StaticSlidingWindowLayer

from judge.errors import ConfigError
from rl.policy import positions

SLOTS = 128
"""A cache has a multiple of so many, so that prompts of about one length need one compilation."""
LONGEST_REASON = 250
"""Characters of what a compiler says."""


class Decoder(Protocol):
    """Reads a batch of prompts, then a token of each at a time."""

    def begin(self, tokens: Tensor, mask: Tensor, new_tokens: int) -> Tensor:
        """Logits [B, V] of the first token after prompts that end in the last column.

        Args:
            tokens, mask: [B, P].
            new_tokens: the most that may follow.
        """
        ...

    def go_on(self, chosen: Tensor) -> Tensor:
        """Logits [B, V] of the token after those [B] that were chosen; of no use in rows that have ended."""
        ...


class Growing:
    """A cache as long as what was read: no memory for what is not said, and a new shape at every token."""

    def __init__(self, model: PreTrainedModel | PeftModel) -> None:
        self.model = model

    def begin(self, tokens: Tensor, mask: Tensor, new_tokens: int) -> Tensor:
        """Logits [B, V] after prompts [B, P], which fill a new cache."""
        self.cache = DynamicCache(config=self.model.config)
        self.mask, self.positions = mask, positions(mask)
        self.one = torch.ones_like(mask[:, :1])
        return _logits(self.model, tokens, self.mask, self.positions, self.cache)

    def go_on(self, chosen: Tensor) -> Tensor:
        """Logits [B, V] after the tokens [B] that were chosen; the cache is one token longer."""
        # Rows that have ended go on unmasked: nothing reads them, and a mask of ones costs nothing.
        self.mask = torch.cat([self.mask, self.one], dim=1)
        self.positions = self.positions[:, -1:] + 1
        return _logits(self.model, chosen.unsqueeze(1), self.mask, self.positions, self.cache)


class Compiled:
    """Slots for all that may be said, kept between rollouts, and a step that torch compiles once for them.

    On CUDA the step is one CUDA graph instead of some ten kernels a layer that Python starts one by one.

    Args:
        model: a causal LM, adapters in place.
        backend: torch's compiler.

    Raises:
        ConfigError: transformers does not compile this family, or it keeps more than keys and values.
    """

    def __init__(
        self, model: PreTrainedModel | PeftModel, *, backend: str | Callable[..., Any] = "inductor"
    ) -> None:
        self.model = model.get_base_model() if isinstance(model, PeftModel) else model
        layers = StaticCache(config=self.model.config, max_cache_len=SLOTS).layers
        if not self.model._can_compile_fullgraph or not all(
            type(layer) in (StaticLayer, StaticSlidingWindowLayer) for layer in layers
        ):
            raise ConfigError(
                f"transformers does not compile {type(self.model).__name__} with a cache of fixed size; turn "
                "torch_compile off"
            )
        self.layers = len(layers)
        self.cache: Cache | None = None
        self.shape = (0, 0)  # rows and slots
        mode = "reduce-overhead" if self.model.device.type == "cuda" else None
        # Of one code object torch keeps a few compilations, whoever asked for them: this decoder has its own.
        step = FunctionType(_logits.__code__.replace(), globals())
        self.step: Any = torch.compile(step, backend=backend, mode=mode, dynamic=False)

    def begin(self, tokens: Tensor, mask: Tensor, new_tokens: int) -> Tensor:
        """Logits [B, V] after prompts [B, P]; new slots are made where there are too few for them."""
        rows, slots = len(tokens), -(-(tokens.shape[1] + new_tokens) // SLOTS) * SLOTS
        if self.cache is None or rows != self.shape[0] or slots > self.shape[1]:
            self.shape = rows, slots
            # Layers with a window have slots for everything too, and their masks hide what is outside.
            self.cache = Cache(layers=[Slots(slots) for _ in range(self.layers)])
        self.cache.reset()
        # Slots that are yet to be filled are after every token that is read, which hides them.
        self.mask = torch.nn.functional.pad(mask, (0, self.shape[1] - mask.shape[1]), value=1)
        self.positions = positions(mask)
        return _logits(self.model, tokens, self.mask, self.positions, self.cache)

    def go_on(self, chosen: Tensor) -> Tensor:
        """Logits [B, V] after the tokens [B] that were chosen; on CUDA the next call writes over them."""
        self.positions = self.positions[:, -1:] + 1
        if chosen.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        logits: Tensor = self.step(self.model, chosen.unsqueeze(1), self.mask, self.positions, self.cache)
        return logits


@cache
def check_compiler(device: torch.device) -> None:
    """See that torch can compile, by a function of one line; it does so when one is first called.

    Raises:
        ConfigError: it cannot.
    """
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(1, device=device))
    except Exception as error:  # of torch, Triton or the compiler: there is no narrower one
        wanted = "Triton and a C compiler" if device.type == "cuda" else "a C++ compiler, such as g++"
        raise ConfigError(
            f"torch_compile wants {wanted}, torch cannot compile for {device.type}: "
            f"{shorten(str(error), LONGEST_REASON)}; install it, or turn torch_compile off"
        ) from error


class Slots(StaticLayer):
    """transformers' layer, for keys that come in another precision than values.

    In mixed precision they leave the rotary embedding in float32, and attention would round them anyway.
    """

    def update(self, key_states: Tensor, value_states: Tensor, *args: object, **rest: object) -> Any:
        """Keys and values of all slots, with these in the next ones.

        Args:
            key_states, value_states: [B, K, L, D], of L tokens.
            args, rest: what else the model's attention passes on.

        Returns:
            Both, each [B, K, S, D] in the precision of the values.
        """
        return super().update(key_states.to(value_states.dtype), value_states, *args, **rest)


def _logits(
    model: PreTrainedModel | PeftModel, tokens: Tensor, mask: Tensor, positions: Tensor, cache: Cache
) -> Tensor:
    """Logits [B, V] after the last of L tokens, whose keys and values are added to the cache.

    Args:
        tokens, positions: [B, L].
        mask: 1 on real tokens, of the cache and these: [B, tokens so far] or [B, S].
    """
    logits: Tensor = model(
        input_ids=tokens, attention_mask=mask, position_ids=positions, past_key_values=cache,
        use_cache=True, logits_to_keep=1,
    ).logits[:, -1]  # fmt: skip
    return logits
