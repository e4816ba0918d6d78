from pathlib import Path

import pytest
import torch

from judge.backbone import find_backbone
from judge.errors import JudgeError
from judge.model import encode_pairs, new_encoder
from judge.storage import DELTA_FILE, open_encoder, save_encoder

PAIRS = [("ab", "cd"), ("who wrote it", "it was bob"), ("x", "a much longer text than the others are")]


@pytest.mark.parametrize("as_delta", [True, False])
def test_a_saved_encoder_gives_the_same_logits(tiny_backbone: Path, tmp_path: Path, as_delta: bool) -> None:
    model = new_encoder(tiny_backbone, max_tokens=64, seed=3, device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.model.parameters():
            weight += 0.01 * torch.randn(weight.shape, generator=generator)
    description = save_encoder(model, tmp_path, find_backbone(str(tiny_backbone)), seed=3, as_delta=as_delta)
    again, _ = open_encoder(tmp_path, description, device="cpu")
    torch.testing.assert_close(
        *(encode_pairs(encoder, PAIRS) for encoder in (again, model)), atol=3e-2, rtol=0
    )
    assert again.max_seq_length == 64
    assert not list(tmp_path.glob("*.bin"))


def test_differences_that_cannot_be_read_are_said_to_be(tiny_backbone: Path, tmp_path: Path) -> None:
    model = new_encoder(tiny_backbone, max_tokens=64, device="cpu")
    description = save_encoder(model, tmp_path, find_backbone(str(tiny_backbone)), seed=0, as_delta=True)
    (tmp_path / DELTA_FILE).write_bytes(b"cut off")
    with pytest.raises(JudgeError, match="is the judge directory whole"):
        open_encoder(tmp_path, description, device="cpu")
