"""The network: one encoder that reads a pair of texts and gives four logits, one for each `Task`.

A sentence-transformers `CrossEncoder`; every encoder that has a sequence-classification form will do, and
every causal language model that has one. `judge.storage` keeps it on disk.
"""

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer
from torch import Tensor
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from judge.decoder import is_decoder_only, write_pairs
from judge.errors import BackboneError, ConfigError
from judge.pairs import TASKS, Task

CHUNK_OVERLAP = 64
"""Tokens that neighbouring chunks of a long text share, so that no fact is cut in two."""
_ABSTENTION = TASKS.index(Task.ABSTENTION)
_POSITIONS_AFTER_PADDING = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "roberta-prelayernorm"}
"""Model types whose first token has the position after the padding token's index."""

logger = logging.getLogger(__name__)


def new_encoder(
    directory: Path,
    *,
    max_tokens: int,
    seed: int = 0,
    device: str | None = None,
    attention: str | None = None,
    body: PreTrainedModel | None = None,
) -> CrossEncoder:
    """An encoder with fresh task outputs, ready to train, in float32 whatever it is stored in.

    Special tokens typed into a text ('[SEP]') are read as text: no answer can forge the pair's boundary.

    Args:
        directory: config, safetensors weights and tokenizer of the backbone.
        max_tokens: window of a pair; `encode_pairs` cuts longer texts into chunks.
        seed: of the fresh outputs.
        device: cpu, cuda, ...; the best there is by default.
        attention: transformers' name of the implementation; its own choice for this encoder by default.
        body: the layers of a causal language model, where they are in memory: none are loaded, and its
            outputs are as `torch.empty` leaves them, on its device and in its dtype.

    Raises:
        BackboneError: it is no encoder that transformers can classify with, or lacks that attention.
        ConfigError: it has fewer positions than `max_tokens`.
    """
    weights = {"use_safetensors": True, "attn_implementation": attention, "dtype": torch.float32}
    local: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    try:
        with quiet_loading(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # the caller's own random state stays as it is
            if is_decoder_only(AutoConfig.from_pretrained(directory, **local)):
                network = _decoder(directory, weights, local, max_tokens, body)
                model = CrossEncoder(modules=[network], device=device)
            else:
                model = CrossEncoder(
                    str(directory), num_labels=len(TASKS), max_length=max_tokens, device=device,
                    model_kwargs=weights, **local,
                )  # fmt: skip
    except ValueError as error:
        raise BackboneError(
            f"expected an encoder in {directory} that can be loaded with attention={attention}: {error}"
        ) from error
    positions = max_positions(model.config)
    if max_tokens > positions:
        raise ConfigError(f"max_tokens must be at most {positions:g} for {directory}, got {max_tokens}")
    model.tokenizer.split_special_tokens = True
    if is_decoder_only(model.config):
        write_pairs(model.tokenizer)
        model.config.get_text_config().pad_token_id = model.tokenizer.pad_token_id
    return model


def _decoder(
    directory: Path,
    weights: Mapping[str, Any],
    local: Mapping[str, Any],
    max_tokens: int,
    body: PreTrainedModel | None,
) -> Transformer:
    """A causal language model with task outputs; by itself, CrossEncoder asks it for the logits of "yes" and
    "no"."""
    network = Transformer(
        str(directory),
        transformer_task="sequence-classification",
        model_kwargs={**weights, **local} | ({} if body is None else {"device_map": "meta"}),
        processor_kwargs={**local, "model_max_length": max_tokens},
        config_kwargs={**local, "num_labels": len(TASKS)},
    )
    if body is not None:
        _put_in(network.model, body)
    return network


def _put_in(classifier: PreTrainedModel, body: PreTrainedModel) -> None:
    """Give a classifier without weights the body of another model, and its outputs room."""
    setattr(classifier, classifier.base_model_prefix, body)
    for part in classifier.children():
        if part is not body:
            part.to_empty(device=body.device).to(body.dtype)


def max_positions(config: PreTrainedConfig) -> float:
    """The longest input that an encoder has positions for."""
    # Through the attribute, as GPT-2 and others keep them under another name.
    positions = getattr(config.get_text_config(), "max_position_embeddings", math.inf)
    if config.model_type in _POSITIONS_AFTER_PADDING:
        return float(positions - config.pad_token_id - 1)
    return float(positions)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without the libraries' reports that the outputs are new, which is as it should be."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    sentence_transformers = logging.getLogger("sentence_transformers")
    level = sentence_transformers.level
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    sentence_transformers.setLevel(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        sentence_transformers.setLevel(level)
        if bars:
            transformers_logging.enable_progress_bar()


@contextmanager
def quiet_adapters() -> Iterator[None]:
    """Without the warning that peft asks after checkpointing by the name that transformers gave up."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are faster than float32 here: on a GPU that has them, or a CPU with AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_amx_tile_supported())


@torch.inference_mode()
def encode_pairs(
    model: CrossEncoder,
    pairs: Sequence[tuple[str, str]],
    *,
    batch_tokens: int = 4096,
    forward: Callable[[Mapping[str, Tensor]], Tensor] | None = None,
) -> Tensor:
    """Logits of each pair, in order.

    A second segment that does not fit the window is read in overlapping chunks, and the best chunk counts;
    but whether a text declines to answer is read from its opening. A first segment may take three quarters of
    the window; what is longer is cut, with a warning.

    Args:
        pairs: N pairs of segments.
        batch_tokens: tokens a batch, padding included.
        forward: `judge.engine.Forward` to run instead of `model`, as it is trained: in mixed precision.

    Returns:
        (N, tasks) float32 on the CPU.
    """
    forward = forward or partial(_mixed_precision, model)
    logits = torch.full((len(pairs), len(TASKS)), -torch.inf)
    if not pairs:
        return logits
    encodings, owners = _tokenize(model, pairs)
    first_chunk = torch.full((len(pairs),), -1)
    chunk_logits = torch.empty(len(owners), len(TASKS))
    for batch in length_batches([len(ids) for ids in encodings["input_ids"]], batch_tokens):
        features = model.tokenizer.pad(
            {name: [values[i] for i in batch] for name, values in encodings.items()}, return_tensors="pt"
        ).to(model.device)
        chunk_logits[batch] = forward(features)
    for chunk, owner in reversed(list(enumerate(owners))):
        first_chunk[owner] = chunk
    owner_index = torch.tensor(owners).unsqueeze(1).expand(-1, len(TASKS))
    logits.scatter_reduce_(0, owner_index, chunk_logits, reduce="amax")
    logits[:, _ABSTENTION] = chunk_logits[first_chunk, _ABSTENTION]
    return logits


def _mixed_precision(model: CrossEncoder, features: Mapping[str, Tensor]) -> Tensor:
    model.eval()
    with torch.autocast(model.device.type, torch.bfloat16, enabled=fast_bfloat16(model.device)):
        logits: Tensor = model.model(**features).logits
    return logits.float().cpu()


def first_segment_fits(model: CrossEncoder, text: str) -> bool:
    """Whether `encode_pairs` reads a first segment whole."""
    longest = _longest_first(model)
    return (
        surely_fits(text, longest)
        or len(model.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) <= longest
    )


def surely_fits(text: str, tokens: int) -> bool:
    """Whether a text is so short that it need not be counted: a token is a byte or more, but for a blank that
    some tokenizers put before the first."""
    return len(text.encode("utf-8", "replace")) < tokens


def _longest_first(model: CrossEncoder) -> int:
    """Tokens of the window that a first segment may take: three quarters."""
    return int(model.max_seq_length) * 3 // 4


def _tokenize(
    model: CrossEncoder, pairs: Sequence[tuple[str, str]]
) -> tuple[dict[str, list[list[int]]], list[int]]:
    """Token ids of every chunk of every pair, and the index of the pair that each chunk belongs to."""
    tokenizer = model.tokenizer
    window = model.max_seq_length
    longest_first = _longest_first(model)
    first, second = ([_encodable(text) for text in texts] for texts in zip(*pairs, strict=True))
    cut = 0
    for i, text in enumerate(first):
        if surely_fits(text, longest_first):
            continue
        spans = tokenizer(text, add_special_tokens=False, verbose=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        if len(spans) > longest_first:
            first[i] = text[: spans[longest_first - 1][1]]
            cut += 1
    if cut:
        logger.warning(
            "%d references were cut to %d tokens; split them into shorter ones", cut, longest_first
        )
    encodings = tokenizer(
        first,
        second,
        truncation="only_second",
        max_length=window,
        stride=min(CHUNK_OVERLAP, window // 8),
        return_overflowing_tokens=True,
    )
    owners = encodings.pop("overflow_to_sample_mapping")
    return dict(encodings), owners


def _encodable(text: str) -> str:
    """The text with a question mark for every half of a surrogate pair, which no tokenizer reads."""
    return text.encode("utf-8", "replace").decode("utf-8")


def length_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Indices in batches of like length, each at most `batch_tokens` when padded (or one text alone)."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[index] * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
