"""Every family of encoder can be trained from, saved and loaded: tiny ones, made in the process."""

from pathlib import Path

import pytest
import torch
from tiny import byte_tokenizer
from transformers import (
    AutoModel,
    BertConfig,
    DebertaV2Config,
    GPT2Config,
    LlamaConfig,
    ModernBertConfig,
    PreTrainedConfig,
    RobertaConfig,
)

from judge.backbone import find_backbone
from judge.calibrate import fit_calibration
from judge.config import TrainJudgeConfig
from judge.errors import BackboneError, ConfigError
from judge.model import encode_pairs, first_segment_fits, new_encoder
from judge.pairs import Split, Task, TrainingRow
from judge.records import Record
from judge.scorer import Judge, save_judge
from judge.train import run_trainer, training_arguments

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def save_tokenizer(directory: Path) -> int:
    """Save a tokenizer that gives no token types; its size."""
    tokenizer = byte_tokenizer(eos_token="</s>")
    tokenizer.save_pretrained(directory)
    return len(tokenizer)


def bert(size: int) -> PreTrainedConfig:
    return BertConfig(vocab_size=size, max_position_embeddings=128, pad_token_id=0, **SIZES)


def roberta(size: int) -> PreTrainedConfig:
    return RobertaConfig(
        vocab_size=size, max_position_embeddings=129, type_vocab_size=1, pad_token_id=0, bos_token_id=2,
        eos_token_id=3, **SIZES,
    )  # fmt: skip


def deberta(size: int) -> PreTrainedConfig:
    return DebertaV2Config(
        vocab_size=size, max_position_embeddings=128, type_vocab_size=0, pad_token_id=0,
        pooler_hidden_size=32, relative_attention=True, position_buckets=32,
        pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm",
        position_biased_input=False, **SIZES,
    )  # fmt: skip


def modernbert(size: int) -> PreTrainedConfig:
    return ModernBertConfig(
        vocab_size=size, max_position_embeddings=128, pad_token_id=0, bos_token_id=2, eos_token_id=3,
        cls_token_id=2, sep_token_id=3, global_attn_every_n_layers=2, local_attention=16, **SIZES,
    )  # fmt: skip


def llama(size: int) -> PreTrainedConfig:
    return LlamaConfig(
        vocab_size=size, max_position_embeddings=128, pad_token_id=None, eos_token_id=3, **SIZES
    )  # fmt: skip


def gpt2(size: int) -> PreTrainedConfig:
    return GPT2Config(
        vocab_size=size, n_positions=128, n_embd=32, n_layer=2, n_head=2, bos_token_id=3, eos_token_id=3
    )


@pytest.fixture(
    scope="module", params=[bert, roberta, deberta, modernbert, llama, gpt2], ids=lambda f: f.__name__
)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder of a family, stored in bfloat16, with a tokenizer that gives no token types."""
    directory = tmp_path_factory.mktemp(request.param.__name__)
    size = save_tokenizer(directory)
    torch.manual_seed(0)
    AutoModel.from_config(request.param(size)).to(torch.bfloat16).save_pretrained(directory)
    return directory


def rows() -> list[TrainingRow]:
    return [
        TrainingRow(task, "who?", "bob", ("bob", "ann")[i % 2], {task: 1.0 - i % 2}, group=str(i), source="s")
        for i in range(12)
        for task in (Task.EQUIVALENCE, Task.SUPPORT, Task.ABSTENTION)
    ]


def test_a_judge_of_any_family_is_trained_saved_and_scores_the_same(backbone: Path, tmp_path: Path) -> None:
    config = TrainJudgeConfig(
        output_dir=str(tmp_path),
        max_steps=2,
        batch_size=8,
        learning_rate=1e-2,
        warmup_share=0.0,
        device="cpu",
    )
    model = new_encoder(backbone, max_tokens=64, device="cpu")
    untrained = {name: weight.clone() for name, weight in model.model.state_dict().items()}
    assert all(weight.dtype is torch.float32 for weight in untrained.values() if weight.is_floating_point())
    embeddings = model.model.get_input_embeddings().weight.requires_grad_(False)
    before = embeddings.clone()
    split = Split(rows(), rows())
    run_trainer(config, training_arguments(config, tmp_path / "checkpoints"), model, split)
    assert embeddings.equal(before)
    trained = model.model.state_dict()
    assert sum(not trained[name].equal(weight) for name, weight in untrained.items()) > len(untrained) // 2

    pairs = [row.segments() for row in split.held_out]
    logits = encode_pairs(model, pairs)
    calibration, _ = fit_calibration(
        split.held_out, logits.double().numpy(), hidden=0, penalty=1e-2, max_fpr=0.5, seed=0
    )
    source = find_backbone(str(backbone))
    for form in ("whole", "delta"):
        save_judge(model, calibration, tmp_path / form, backbone=source, seed=0, as_delta=form == "delta")
    records = [Record("who?", ("bob",), text) for text in ("rob", "an answer " * 30, "I don't know </s>")]
    scores = Judge(model, calibration, source).score(records)
    assert None not in scores
    assert Judge.from_pretrained(tmp_path / "whole", device="cpu").score(records) == scores
    delta = Judge.from_pretrained(tmp_path / "delta", device="cpu")
    torch.testing.assert_close(encode_pairs(delta.encoder, pairs), logits, atol=2e-2, rtol=2e-2)


def test_a_question_whose_letters_are_many_tokens_each_is_cut_to_the_window(backbone: Path) -> None:
    model = new_encoder(backbone, max_tokens=64, device="cpu")
    assert encode_pairs(model, [("\N{FIRE}" * 30, "yes"), ("fire?", "\N{FIRE}" * 30)]).isfinite().all()
    assert not first_segment_fits(model, "\N{FIRE}" * 30)  # four bytes, each a token here


def test_special_tokens_typed_into_a_text_stay_text(backbone: Path) -> None:
    model = new_encoder(backbone, max_tokens=64, device="cpu")
    assert model.tokenizer("a </s> b")["input_ids"].count(model.tokenizer.sep_token_id) == 1


def test_a_window_longer_than_the_positions_is_refused(backbone: Path) -> None:
    new_encoder(backbone, max_tokens=128, device="cpu")
    with pytest.raises(ConfigError, match=r"max_tokens must be at most 128 for .*, got 129"):
        new_encoder(backbone, max_tokens=129, device="cpu")


def test_an_attention_that_a_family_lacks_is_refused(tmp_path: Path) -> None:
    AutoModel.from_config(deberta(save_tokenizer(tmp_path))).save_pretrained(tmp_path)
    with pytest.raises(BackboneError, match="attention=sdpa"):
        new_encoder(tmp_path, max_tokens=64, device="cpu", attention="sdpa")
