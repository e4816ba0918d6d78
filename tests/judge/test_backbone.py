import hashlib
import shutil
from pathlib import Path

import pytest
from transformers import AutoModel

from judge.backbone import MINILM, MINILM_SHA256, find_backbone
from judge.errors import BackboneError


def test_the_wheel_brings_minilm_with_its_published_digest() -> None:
    assert find_backbone(MINILM).sha256 == MINILM_SHA256


def test_a_directory_is_taken_as_it_is(tiny_backbone: Path) -> None:
    backbone = find_backbone(str(tiny_backbone))
    assert backbone.directory == tiny_backbone
    assert len(backbone.sha256) == 64


def test_other_weights_than_the_expected_are_refused(tiny_backbone: Path) -> None:
    with pytest.raises(BackboneError, match=f"expected encoder weights with SHA-256 {MINILM_SHA256}"):
        find_backbone(str(tiny_backbone), expected_sha256=MINILM_SHA256)


def test_one_flipped_bit_is_noticed(tiny_backbone: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_backbone, copy)
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BackboneError):
        find_backbone(str(copy), expected_sha256=find_backbone(str(tiny_backbone)).sha256)


def test_a_directory_without_safetensors_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(BackboneError, match=r"found \['pytorch_model.bin'\]; only safetensors"):
        find_backbone(str(tmp_path))


def test_a_name_that_is_no_directory_and_no_hub_id_is_refused() -> None:
    with pytest.raises(BackboneError, match="got 'no/such/place'"):
        find_backbone("no/such/place")


def test_weights_in_several_files_are_known_by_all_of_them(tiny_backbone: Path, tmp_path: Path) -> None:
    sharded = tmp_path / "sharded"
    AutoModel.from_pretrained(tiny_backbone).save_pretrained(sharded, max_shard_size="20KB")
    parts = sorted(sharded.glob("*.safetensors"))
    assert len(parts) > 1
    digest = find_backbone(str(sharded)).sha256
    assert digest == hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
    parts[-1].write_bytes(parts[-1].read_bytes()[:-1])
    with pytest.raises(BackboneError):
        find_backbone(str(sharded), expected_sha256=digest)
