"""A judge as low-rank adapters and an output head: of the model that they stand on, nothing is kept.

Loaded by itself, a judge's adapters are merged into their base, and it is an encoder as any other. On a model
that is in memory with adapters of its own (a policy in training), they are put beside those, and each pass
switches to them and back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer
from torch import Tensor

from judge.backbone import Backbone
from judge.engine import Forward
from judge.errors import BackboneError, JudgeError
from judge.model import new_encoder, quiet_adapters

ADAPTER_FILE: str = SAFETENSORS_WEIGHTS_NAME
LORA_ALPHA_PER_RANK = 2
"""What the adapters' output is multiplied by, whatever their rank."""
ADAPTER = "judge"
"""What the judge's adapters are called on a model that has others."""
_IN_BASE = "base_model.model."
"""How peft begins the name of a weight that lies in the base."""


@dataclass(frozen=True, slots=True)
class Host:
    """A model in memory that a judge can be put on.

    Attributes:
        model: a causal language model as it was loaded from `backbone`, with adapters.
        backbone: where it came from.
        bf16: whether a judge's matrix products are in bfloat16, whatever its weights are in.
    """

    model: PeftModel
    backbone: Backbone
    bf16: bool = False


def lora_config(rank: int, task_type: str) -> LoraConfig:
    """Adapters on every linear layer but the output head, for a task by peft's name."""
    return LoraConfig(
        r=rank, lora_alpha=LORA_ALPHA_PER_RANK * rank, target_modules="all-linear", task_type=task_type
    )


def add_adapters(encoder: CrossEncoder, rank: int, seed: int) -> None:
    """Freeze an encoder but for its output head and fresh adapters on every other linear layer."""
    with quiet_adapters(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        encoder[0].model = get_peft_model(encoder.model, lora_config(rank, "SEQ_CLS"))


def save_adapters(encoder: CrossEncoder, directory: Path, backbone: Backbone) -> None:
    """Write adapters and head in peft's own format."""
    model: PeftModel = encoder.model
    (config,) = model.peft_config.values()
    config.base_model_name_or_path = backbone.source
    model.save_pretrained(directory, save_embedding_layers=False)


def merge_adapters(encoder: CrossEncoder, directory: Path) -> None:
    """Add what `save_adapters` wrote to the weights of its base, for good.

    Raises:
        JudgeError: it cannot be read.
    """
    read_weights(directory / ADAPTER_FILE)
    with quiet_adapters():
        encoder[0].model = PeftModel.from_pretrained(encoder.model, directory).merge_and_unload()


def put_on(host: Host, directory: Path, description: Mapping[str, Any]) -> CrossEncoder:
    """What `save_adapters` wrote, on a model that stays as it is but for them; they are frozen.

    Args:
        host: has no other judge on it.
        directory: of the judge.
        description: of its encoder, as `judge.storage.save_encoder` gave it.

    Raises:
        BackboneError: the model has another base.
        JudgeError: the adapters cannot be read, or do not fit it.
    """
    if host.backbone.sha256 != description["backbone"]["sha256"]:
        raise BackboneError(
            f"expected a model whose base has SHA-256 {description['backbone']['sha256']}, which {directory} "
            f"was trained on, {host.backbone.source} has {host.backbone.sha256}"
        )
    tensors = read_weights(directory / ADAPTER_FILE)
    adapters = {name: tensor for name, tensor in tensors.items() if ".lora_" in name}
    head = {name.removeprefix(_IN_BASE): tensors[name] for name in tensors.keys() - adapters.keys()}
    config = LoraConfig.from_pretrained(directory)
    config.modules_to_save = None  # the head, which is no part of a language model
    trained = _trained(host.model)
    with quiet_adapters(), torch.random.fork_rng(devices=[]):
        host.model.add_adapter(ADAPTER, config)
        loaded = set_peft_model_state_dict(host.model, adapters, adapter_name=ADAPTER)
    for name, parameter in host.model.named_parameters():
        parameter.requires_grad_(name in trained)
    encoder = new_encoder(
        host.backbone.directory,
        max_tokens=description["max_tokens"],
        device=str(host.model.device),
        body=host.model.get_base_model().base_model,
    )
    rest = encoder.model.load_state_dict(head, strict=False)
    prefix = f"{encoder.model.base_model_prefix}."
    missing = [name for name in loaded.missing_keys if f".{ADAPTER}." in name]
    missing += [name for name in rest.missing_keys if not name.startswith(prefix)]
    unknown = [*loaded.unexpected_keys, *rest.unexpected_keys]
    if missing or unknown:
        raise JudgeError(
            f"expected adapters for {type(host.model.get_base_model()).__name__} in {directory}, found "
            f"{len(unknown)} weights that it has no place for and none for {len(missing)} of its own"
        )
    return encoder


def pass_on(host: Host, encoder: CrossEncoder) -> Forward:
    """A pass of the judge that `put_on` gave."""
    products = torch.autocast(host.model.device.type, torch.bfloat16, enabled=host.bf16)

    def forward(features: Mapping[str, Tensor]) -> Tensor:
        # What a layer may keep from pass to pass must be fit for training, so no inference mode.
        with switched_to(host.model, ADAPTER), torch.inference_mode(False), torch.no_grad(), products:
            logits: Tensor = encoder.model(**features, use_cache=False).logits
        return logits.float().cpu()

    return forward


@contextmanager
def switched_to(model: PeftModel, adapter: str) -> Iterator[None]:
    """Only these adapters count; afterwards the earlier ones do, and the same weights are trained."""
    active, trained = model.active_adapter, _trained(model)
    model.set_adapter(adapter, inference_mode=True)
    try:
        yield
    finally:
        model.set_adapter(active)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in trained)


def _trained(model: PeftModel) -> frozenset[str]:
    return frozenset(name for name, parameter in model.named_parameters() if parameter.requires_grad)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a judge's file, by name.

    Raises:
        JudgeError: it cannot be read.
    """
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise JudgeError(f"cannot read the weights {path}: {error}; is the judge directory whole?") from error
    return tensors


class AdapterTrainer(CrossEncoderTrainer):
    """Goes on from adapters; sentence-transformers would look in the base for how many outputs they have."""

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        set_peft_model_state_dict(self.model.model, read_weights(Path(checkpoint_path) / ADAPTER_FILE))
