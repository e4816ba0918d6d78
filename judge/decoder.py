"""A causal language model as the judge's encoder: how its tokenizer puts a pair before it.

Such a tokenizer would run the two segments together, and what the model says of a pair is read from its last
token. So a pair is written as [BOS] first EOS second EOS: the last token has seen all of it.
"""

from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedConfig, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from judge.errors import BackboneError


def is_decoder_only(config: PreTrainedConfig) -> bool:
    """Whether tokens of this family see those before them alone: it has a causal form and no masked one."""
    family = config.model_type
    return (
        family in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
        and family not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
        and not config.is_encoder_decoder
    )


def write_pairs(tokenizer: PreTrainedTokenizerFast) -> None:
    """Have a tokenizer write pairs with a boundary and an end, and pad them on the right.

    Special tokens must already be read as text (`split_special_tokens`). BOS stands in front where the
    tokenizer puts it there by itself.

    Raises:
        BackboneError: there is no EOS, or it can be typed, so that an answer could forge the boundary.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise BackboneError(
            "expected a tokenizer with an EOS token, which ends each segment of a pair, "
            f"{tokenizer.name_or_path} has none"
        )
    if end in tokenizer(tokenizer.eos_token, add_special_tokens=False)["input_ids"]:
        raise BackboneError(
            f"expected a tokenizer that reads a typed {tokenizer.eos_token!r} as text, for "
            f"{tokenizer.name_or_path} it is EOS: an answer could forge the boundary of its pair"
        )
    special = [{"id": "END", "ids": [end], "tokens": [tokenizer.eos_token]}]
    front = ""
    if tokenizer.bos_token_id in tokenizer("")["input_ids"]:
        special.append({"id": "BEGIN", "ids": [tokenizer.bos_token_id], "tokens": [tokenizer.bos_token]})
        front = "BEGIN "
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{front}$A END", pair=f"{front}$A END $B END", special_tokens=special
    )
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id in (None, end):
        # Any other will do: no real token sees it, and the classifiers read the last token that is not it.
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(int(end == 0))
