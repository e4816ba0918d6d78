"""Supervised training of a small causal LM: on a corpus, on answers, or on answers and abstentions.

A warm start makes "i do not know" sayable: a policy that never samples it is never rewarded for it. One
visible loop over packed rows: most of a short padded batch is padding, and packing in TRL's `SFTTrainer`
needs flash attention. Examples are TRL's prompt-completion rows.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from judge.errors import DataError

IGNORED = -100  # label of a token without loss, as torch and transformers have it
FINAL_RATE = 0.02  # of the peak learning rate, where the linear decay ends
OPEN_ROWS = 8  # rows that an example may still go into while packing


class Example(NamedTuple):
    """A text to learn; the loss is on the completion and its end (without a prompt, on all but the first)."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class SupervisedConfig:
    """One run of supervised training.

    Attributes:
        steps: optimizer steps.
        batch_examples: examples a step, on average: rows are packed, and a step takes whole rows.
        learning_rate: peak of a linear warm-up and decay.
        warmup_steps: steps of the warm-up.
        weight_decay: of AdamW.
        row_tokens: length of a packed row; a longer example is refused.
        max_grad_norm: gradients are scaled down to this L2 norm.
        seed: of the order of examples.
    """

    steps: int
    batch_examples: int = 64
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    weight_decay: float = 0.1
    row_tokens: int = 48
    max_grad_norm: float = 1.0
    seed: int = 0


class Encoded(NamedTuple):
    """Token ids of an example with its end, and their labels."""

    ids: list[int]
    labels: list[int]


class Rows(NamedTuple):
    """Examples packed end to end. Positions restart with each, which keeps attention within it."""

    tokens: Tensor  # [R, L] ids
    positions: Tensor  # [R, L], from 0 in each example
    labels: Tensor  # [R, L], `IGNORED` on prompts, first tokens and padding


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    config: SupervisedConfig,
    on_step: Callable[[int, float], None] | None = None,
) -> None:
    """Train `model` in place to continue each prompt with its completion and an end of sequence.

    Args:
        model: a causal LM on the CPU or a GPU.
        tokenizer: the model's own.
        examples: at least one.
        config: the run.
        on_step: called after each step with its number, from 0, and its loss in nats a token.

    Raises:
        DataError: there is no example, or one is longer than a row.
    """
    encoded = encode(tokenizer, examples, config.row_tokens)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, config))
    model.train()
    for step, rows in enumerate(islice(batches(encoded, config), config.steps)):
        logits = model(
            input_ids=rows.tokens.to(model.device),
            position_ids=rows.positions.to(model.device),
            use_cache=False,
        ).logits
        targets = rows.labels[:, 1:].flatten().to(model.device)
        loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), targets, ignore_index=IGNORED)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        schedule.step()
        if on_step is not None:
            on_step(step, loss.item())
    model.eval()


def rate_at(step: int, config: SupervisedConfig) -> float:
    """Share of the peak learning rate at a step counted from 0, in (0, 1]."""
    left = 1.0 - step / config.steps
    return min((step + 1) / config.warmup_steps, 1.0) * max(left, FINAL_RATE)


def encode(tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], row_tokens: int) -> list[Encoded]:
    """Token ids and labels of each example, its end included."""
    if not examples:
        raise DataError("no examples to learn from; expected at least one")
    prompts = tokenizer([example.prompt for example in examples])["input_ids"]
    completions = tokenizer([example.completion for example in examples], add_special_tokens=False)[
        "input_ids"
    ]
    encoded = []
    for prompt, completion in zip(prompts, completions, strict=True):
        ids = [*prompt, *completion, tokenizer.eos_token_id]
        if len(ids) > row_tokens:
            raise DataError(f"an example has {len(ids)} tokens, a row {row_tokens}; raise row_tokens")
        untrained = max(len(prompt), 1)  # nothing comes before the first token to predict it from
        encoded.append(Encoded(ids, [IGNORED] * untrained + ids[untrained:]))
    return encoded


def batches(encoded: Sequence[Encoded], config: SupervisedConfig) -> Iterator[Rows]:
    """Endless batches of packed rows, in a new order in each pass over the examples."""
    rng = random.Random(config.seed)
    order = list(range(len(encoded)))
    while True:
        rng.shuffle(order)
        rows = pack([encoded[index] for index in order], config.row_tokens)
        size = max(1, round(config.batch_examples * len(rows.tokens) / len(encoded)))
        for start in range(0, len(rows.tokens), size):
            yield Rows(*(part[start : start + size] for part in rows))


def pack(encoded: Sequence[Encoded], row_tokens: int) -> Rows:
    """Fill rows first-fit in the order given; only the last few rows begun stay open."""
    rows: list[list[Encoded]] = []
    room: list[int] = []
    for example in encoded:
        length = len(example.ids)
        open_rows = range(max(len(rows) - OPEN_ROWS, 0), len(rows))
        row = next((row for row in open_rows if room[row] >= length), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(row_tokens)
        rows[row].append(example)
        room[row] -= length
    filled = [[*row, _padding(left)] for row, left in zip(rows, room, strict=True)]
    return Rows(
        torch.tensor([[token for example in row for token in example.ids] for row in filled]),
        torch.tensor([[place for example in row for place in range(len(example.ids))] for row in filled]),
        torch.tensor([[label for example in row for label in example.labels] for row in filled]),
    )


def _padding(length: int) -> Encoded:
    """An example that nothing is learned from and, having positions of its own, nothing attends to."""
    return Encoded([0] * length, [IGNORED] * length)
