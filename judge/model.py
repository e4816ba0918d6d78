"""The network: one encoder that reads a pair of texts and gives four logits, one for each `Task`.

A sentence-transformers `CrossEncoder`; every encoder that has a sequence-classification form will do. Its
weights are kept whole, or as 8-bit differences from the backbone they were trained from (`judge.delta`).
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
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from torch import Tensor
from transformers import PreTrainedConfig
from transformers.utils import logging as transformers_logging

from judge.backbone import WEIGHTS_FILE, Backbone, find_backbone
from judge.delta import pack, unpack
from judge.errors import BackboneError, ConfigError, JudgeError
from judge.pairs import TASKS, Task

DELTA_FILE = "delta.safetensors"
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
) -> CrossEncoder:
    """An encoder with fresh task outputs, ready to train, in float32 whatever it is stored in.

    Special tokens typed into a text ('[SEP]') are read as text: no answer can forge the pair's boundary.

    Args:
        directory: config, safetensors weights and tokenizer of the backbone.
        max_tokens: window of a pair; `encode_pairs` cuts longer texts into chunks.
        seed: of the fresh outputs.
        device: cpu, cuda, ...; the best there is by default.
        attention: transformers' name of the implementation; its own choice for this encoder by default.

    Raises:
        BackboneError: it is no encoder that transformers can classify with, or lacks that attention.
        ConfigError: it has fewer positions than `max_tokens`.
    """
    try:
        with quiet_loading(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # the caller's own random state stays as it is
            model = CrossEncoder(
                str(directory),
                num_labels=len(TASKS),
                max_length=max_tokens,
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={
                    "use_safetensors": True,
                    "attn_implementation": attention,
                    "dtype": torch.float32,
                },
            )
    except ValueError as error:
        raise BackboneError(
            f"expected an encoder in {directory} that can be loaded with attention={attention}: {error}"
        ) from error
    positions = max_positions(model.config)
    if max_tokens > positions:
        raise ConfigError(f"max_tokens must be at most {positions:g} for {directory}, got {max_tokens}")
    model.tokenizer.split_special_tokens = True
    return model


def max_positions(config: PreTrainedConfig) -> float:
    """The longest input that an encoder has positions for."""
    positions = config.to_dict().get("max_position_embeddings", math.inf)
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


def save_encoder(
    model: CrossEncoder, directory: Path, backbone: Backbone, *, seed: int, as_delta: bool
) -> dict[str, Any]:
    """Write the weights and return what `open_encoder` must be told of them.

    Args:
        model: trained from `backbone`, its outputs drawn with `seed`.
        as_delta: store 8-bit differences from the backbone instead of the whole model.
    """
    window = model.max_seq_length
    if as_delta:
        start = new_encoder(backbone.directory, max_tokens=window, seed=seed, device="cpu")
        save_file(pack(model.model.state_dict(), start.model.state_dict()), directory / DELTA_FILE)
    else:
        model.save_pretrained(str(directory), create_model_card=False)
    source = {"source": backbone.source, "sha256": backbone.sha256}
    return {
        "backbone": source,
        "max_tokens": window,
        "seed": seed,
        "weights": DELTA_FILE if as_delta else WEIGHTS_FILE,
    }


def open_encoder(
    directory: Path, description: dict[str, Any], *, backbone: str | None = None, device: str | None = None
) -> tuple[CrossEncoder, Backbone]:
    """Load what `save_encoder` wrote, and say what it stands on.

    Raises:
        BackboneError: the encoder that the differences start from cannot be found, or is another one.
        JudgeError: the differences cannot be read.
    """
    window, seed = description["max_tokens"], description["seed"]
    if description["weights"] == WEIGHTS_FILE:
        return new_encoder(directory, max_tokens=window, device=device), find_backbone(str(directory))
    source, sha256 = description["backbone"]["source"], description["backbone"]["sha256"]
    start = find_backbone(backbone or source, expected_sha256=sha256)
    model = new_encoder(start.directory, max_tokens=window, seed=seed, device=device)
    base = {name: weight.cpu() for name, weight in model.model.state_dict().items()}
    try:
        delta = load_file(directory / DELTA_FILE)
    except (OSError, SafetensorError) as error:
        raise JudgeError(
            f"cannot read the weights {directory / DELTA_FILE}: {error}; is the judge directory whole?"
        ) from error
    model.model.load_state_dict(unpack(delta, base))
    return model, start


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
    model.eval()
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
