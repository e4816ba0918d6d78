"""Published encoders, by tiny ones with random weights."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from judge.errors import BackboneError, JudgeError
from judge.pairwise import Pair
from judge.published import cosine, cross_encoder, entailment_index

PAIRS = [Pair("who?", "bob", "it was bob"), Pair("who?", "bob", "ann"), Pair("", "bob", "bob")]


@pytest.fixture(scope="module")
def classifier(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory):
    """A directory with a cross-encoder over the given classes."""

    def make(labels: list[str]) -> Path:
        directory = tmp_path_factory.mktemp("classifier")
        config = BertConfig.from_pretrained(tiny_backbone)
        config.id2label = dict(enumerate(labels))
        config.num_labels = len(labels)
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(directory)
        AutoTokenizer.from_pretrained(tiny_backbone).save_pretrained(directory)
        return directory

    return make


def logits(directory: Path, first: str, second: str) -> torch.Tensor:
    """By transformers alone."""
    model = BertForSequenceClassification.from_pretrained(directory).eval()
    tokens = AutoTokenizer.from_pretrained(directory)(first, second, return_tensors="pt")
    with torch.no_grad():
        return model(**tokens).logits[0]


def test_one_logit_is_similarity_of_reference_and_completion(classifier):
    directory = classifier(["similarity"])
    measured = cross_encoder(str(directory), device="cpu")(PAIRS)
    assert measured[0] == pytest.approx(
        torch.sigmoid(logits(directory, "bob", "it was bob")).item(), abs=1e-5
    )


@pytest.mark.parametrize(
    ("labels", "entailment"), [(["contradiction", "ENTAILMENT", "neutral"], 1), (["entailment", "other"], 0)]
)
def test_of_classes_entailment_counts_with_the_completion_as_premise(
    classifier, labels: list[str], entailment: int
):
    directory = classifier(labels)
    measured = cross_encoder(str(directory), device="cpu")(PAIRS)
    classes = torch.softmax(logits(directory, "who? it was bob", "who? bob"), 0)
    assert measured[0] == pytest.approx(classes[entailment].item(), abs=1e-5)


def test_classes_without_entailment_are_refused(classifier):
    with pytest.raises(JudgeError, match=r"one of whose classes is 'entailment', .* has LABEL_0, LABEL_1"):
        cross_encoder(str(classifier(["LABEL_0", "LABEL_1"])), device="cpu")
    with pytest.raises(JudgeError):
        entailment_index({0: "entailment", 1: "Entailment"}, "twice")


def test_cosine_is_one_for_equal_texts_and_symmetric(tiny_backbone: Path):
    measured = cosine(str(tiny_backbone), device="cpu")([*PAIRS, Pair("", "ann", "bob")])
    assert measured[2] == pytest.approx(1.0, abs=1e-5)
    assert measured[1] == pytest.approx(measured[3], abs=1e-5)
    assert -1.0 <= measured[1] < 0.9999


def test_weights_that_are_pickled_are_refused(tiny_backbone: Path, tmp_path: Path):
    directory = tmp_path / "pickled"
    shutil.copytree(tiny_backbone, directory)
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    with pytest.raises(BackboneError, match="only safetensors weights are read"):
        cosine(str(directory), device="cpu")
