"""A tiny encoder and a tiny causal language model on disk, and judges of both, made in-process."""

import csv
import string
from pathlib import Path

import pytest
import torch
from tiny import byte_causal_lm_tokenizer, tiny_llama
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from judge.backbone import find_backbone
from judge.calibrate import ABSTENTION_INPUTS, EQUIVALENCE_INPUTS, SUPPORT_INPUTS, Calibration, Combiner
from judge.config import TrainJudgeConfig
from judge.model import new_encoder
from judge.scorer import save_judge
from judge.train import train
from judge.verdict import Thresholds

LETTERS = string.ascii_lowercase + string.digits + ":|.,?'-"


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with config, safetensors weights and tokenizer of a BERT of some 20,000 parameters."""
    directory = tmp_path_factory.mktemp("backbone")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = special + list(LETTERS) + [f"##{letter}" for letter in LETTERS]
    tokenizer = Tokenizer(
        models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=128,
        **{f"{name}_token": token for name, token in names.items()},
    ).save_pretrained(directory)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=128,
    )  # fmt: skip
    BertForSequenceClassification(config).bert.save_pretrained(directory)
    return directory


def lexical_combiner(name: str, *, weight: float, bias: float) -> Combiner:
    """A combiner that looks at one of its inputs alone: p = sigmoid(weight * input + bias)."""
    weights = tuple((weight if other == name else 0.0,) for other in EQUIVALENCE_INPUTS)
    ones, zeros = (1.0,) * len(EQUIVALENCE_INPUTS), (0.0,) * len(EQUIVALENCE_INPUTS)
    return Combiner(EQUIVALENCE_INPUTS, zeros, ones, (weights,), ((bias,),))


@pytest.fixture(scope="session")
def tiny_judge(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge directory: the tiny encoder, right where `reference_contained` is 1, never an abstention."""
    directory = tmp_path_factory.mktemp("judge")
    calibration = Calibration(
        equivalence=lexical_combiner("reference_contained", weight=8.0, bias=-4.0),
        support=Combiner(SUPPORT_INPUTS, (0.0,), (1.0,), (((1.0,),),), ((0.0,),)),
        abstention=Combiner(ABSTENTION_INPUTS, (0.0,), (1.0,), (((0.0,),),), ((-4.0,),)),
        thresholds=Thresholds(equivalence=0.5, abstention=0.5),
    )
    model = new_encoder(tiny_backbone, max_tokens=64, seed=0, device="cpu")
    save_judge(
        model, calibration, directory, backbone=find_backbone(str(tiny_backbone)), seed=0, as_delta=True
    )
    return directory


COLOURS = ("red", "blue")


@pytest.fixture(scope="session")
def tiny_causal_lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of random weights that reads bytes."""
    directory = tmp_path_factory.mktemp("causal_lm")
    tokenizer = byte_causal_lm_tokenizer()
    tiny_llama(len(tokenizer), positions=128).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def colour_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Answers and claims that are red and right or blue and wrong, and abstentions, as CSV."""
    directory = tmp_path_factory.mktemp("colours")
    tables = {
        "pairs.csv": [
            {"question": f"colour of {i}", "reference": "red", "candidate": name, "label": int(name == "red")}
            for i in range(24)
            for name in COLOURS
        ],
        "claims.csv": [
            {"text_a": f"{i} is red", "text_b": f"{i} is {name}", "label": int(name == "red")}
            for i in range(24)
            for name in COLOURS
        ],
        "declined.csv": [
            {"question": f"colour of {i}", "text": text, "label": int(text not in COLOURS)}
            for i in range(24)
            for text in (*COLOURS, "I don't know")
        ],
    }
    for name, rows in tables.items():
        with (directory / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return [str(directory / name) for name in tables]


@pytest.fixture(scope="session")
def lora_judge(
    tiny_causal_lm: Path, colour_files: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Adapters of that Llama, trained to tell red from blue and both from an abstention."""
    config = TrainJudgeConfig(
        output_dir=str(tmp_path_factory.mktemp("lora_judge")), train_files=colour_files,
        backbone=str(tiny_causal_lm), lora_rank=4, max_steps=40, batch_size=16, learning_rate=1e-2,
        max_tokens=64, held_out_share=0.3, combiner_hidden=0, device="cpu", bf16=False,
        eval_steps=20,
    )  # fmt: skip
    return train(config)
