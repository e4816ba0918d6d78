"""The encoder on disk: whole, as 8-bit differences from its backbone, or as adapters of it."""

from pathlib import Path
from typing import Any

from peft import PeftModel
from safetensors.torch import save_file
from sentence_transformers import CrossEncoder

from judge.backbone import WEIGHTS_FILE, Backbone, find_backbone
from judge.delta import pack, unpack
from judge.lora import ADAPTER_FILE, merge_adapters, read_weights, save_adapters
from judge.model import new_encoder

DELTA_FILE = "delta.safetensors"


def save_encoder(
    model: CrossEncoder, directory: Path, backbone: Backbone, *, seed: int, as_delta: bool
) -> dict[str, Any]:
    """Write the weights and return what `open_encoder` must be told of them.

    Args:
        model: trained from `backbone`, its outputs drawn with `seed`; of one with adapters, these alone are
            written, and its outputs.
        as_delta: store 8-bit differences from the backbone instead of the whole model.
    """
    window = model.max_seq_length
    if isinstance(model.model, PeftModel):
        weights = ADAPTER_FILE
        save_adapters(model, directory, backbone)
    elif as_delta:
        weights = DELTA_FILE
        start = new_encoder(backbone.directory, max_tokens=window, seed=seed, device="cpu")
        save_file(pack(model.model.state_dict(), start.model.state_dict()), directory / DELTA_FILE)
    else:
        weights = WEIGHTS_FILE
        model.save_pretrained(str(directory), create_model_card=False)
    source = {"source": backbone.source, "sha256": backbone.sha256}
    return {"backbone": source, "max_tokens": window, "seed": seed, "weights": weights}


def open_encoder(
    directory: Path, description: dict[str, Any], *, backbone: str | None = None, device: str | None = None
) -> tuple[CrossEncoder, Backbone]:
    """Load what `save_encoder` wrote, and say what it stands on.

    Raises:
        BackboneError: the encoder that differences or adapters start from cannot be found, or is another one.
        JudgeError: they cannot be read.
    """
    window, seed = description["max_tokens"], description["seed"]
    if description["weights"] == WEIGHTS_FILE:
        return new_encoder(directory, max_tokens=window, device=device), find_backbone(str(directory))
    source, sha256 = description["backbone"]["source"], description["backbone"]["sha256"]
    start = find_backbone(backbone or source, expected_sha256=sha256)
    model = new_encoder(start.directory, max_tokens=window, seed=seed, device=device)
    if description["weights"] == ADAPTER_FILE:
        merge_adapters(model, directory)
        return model, start
    base = {name: weight.cpu() for name, weight in model.model.state_dict().items()}
    model.model.load_state_dict(unpack(read_weights(directory / DELTA_FILE), base))
    return model, start
