"""A causal LM and its tokenizer: from a directory or the Hub to memory, and back to a directory.

Of a model, only safetensors weights are read, and code that comes with it is never run.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

import torch
from peft import PeftModel, get_peft_model
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from judge.errors import ConfigError
from judge.hub import connected, look_for
from judge.lora import lora_config
from judge.model import quiet_adapters
from judge.outputs import writing
from rl.config import Dtype

logger = logging.getLogger(__name__)

_LONGEST_REASON = 250  # characters; transformers explains itself in paragraphs


def find_device(name: str | None) -> str:
    """A device that tensors can be put on; CUDA before the CPU where none is named."""
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        raise ConfigError(
            f"cannot use device {name!r}: {error}; pass --device cpu, or leave it out"
        ) from error
    return name


def load_model(
    source: str, *, dtype: Dtype = Dtype.FLOAT32, lora_rank: int = 0, device: str = "cpu", seed: int = 0
) -> tuple[PreTrainedModel | PeftModel, PreTrainedTokenizerBase]:
    """A model, with fresh adapters if any are wanted, and its tokenizer.

    Args:
        source: a directory or a Hub id.
        dtype: of the weights; adapters are float32 always.
        lora_rank: 0 for no adapters.
        device: where the model goes.
        seed: of the adapters' first weights.

    Raises:
        ConfigError: they cannot be found, fetched or read, or do not go together.
    """
    if (Path(source) / "adapter_config.json").is_file():
        raise ConfigError(
            f"expected a whole model, {source} holds adapters; merge them into their base first "
            "(peft: merge_and_unload, then save_pretrained)"
        )
    with _refusing("tokenizer", source), connected():
        look_for(source)
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    with _refusing("model", source), connected():
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=str(dtype), use_safetensors=True, trust_remote_code=False
        )
    embeddings = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > embeddings:
        raise ConfigError(
            f"the tokenizer of {source} has {len(tokenizer)} tokens, its model {embeddings}; "
            "call model.resize_token_embeddings(len(tokenizer)) and save it again"
        )
    if lora_rank:
        model = with_adapters(model, lora_rank, seed)
    elif dtype == Dtype.BFLOAT16:
        logger.warning(
            "bfloat16 weights do not move by less than about 1/256 of their size, so small steps are lost; "
            "set lora_rank, whose adapters stay in float32, or dtype float32"
        )
    return model.to(device), tokenizer


def with_adapters(model: PreTrainedModel, rank: int, seed: int) -> PeftModel:
    """LoRA on every linear layer but the output head; says at first what the model says.

    Raises:
        ConfigError: it has no such layers.
    """
    torch.manual_seed(seed)  # adapters are drawn from torch's own state
    try:
        with quiet_adapters():
            return get_peft_model(model, lora_config(rank, "CAUSAL_LM"))
    except ValueError as error:
        raise ConfigError(
            f"expected linear layers to put adapters on, {type(model).__name__} has none that peft finds "
            f"({error}); leave lora_rank out"
        ) from error


def save_model(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    directory: Path,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Weights as safetensors, the adapters' alone if there are any, and the tokenizer.

    Args:
        weights: the model's state dict, for a model that holds a part of each weight alone.

    Raises:
        DataError: they cannot be written.
    """
    with writing(directory, "make room, and run the same command again"):
        if isinstance(model, PeftModel):
            # Embeddings are not trained; left to find that out by itself, peft asks the Hub.
            own = [model.active_adapter]  # a judge's may be beside them
            model.save_pretrained(
                directory, state_dict=weights, save_embedding_layers=False, selected_adapters=own
            )
        else:
            model.save_pretrained(directory, state_dict=weights)
        tokenizer.save_pretrained(directory)


@contextmanager
def _refusing(part: str, source: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        reason = shorten(str(error), _LONGEST_REASON)
        raise ConfigError(
            f"cannot load the {part} of {source!r}: expected a directory, or a Hub id, with config.json, "
            f"safetensors weights and a tokenizer, and no code of its own; got: {reason}"
        ) from error
