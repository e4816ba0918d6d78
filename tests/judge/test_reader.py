import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer, BertConfig, BertForQuestionAnswering, PreTrainedTokenizerBase

from judge.backbone import find_backbone
from judge.errors import JudgeError
from judge.reader import READER_FILE, ExtractiveReader, Reading, best_spans, chunk_pairs


class FindsZ(torch.nn.Module):
    """A model that is sure of every token 'z', and of no answer a little."""

    device = torch.device("cpu")

    def __init__(self, letter: int):
        super().__init__()
        self.letter = letter

    def forward(self, input_ids: Tensor, **_: Tensor) -> SimpleNamespace:
        logits = 8.0 * (input_ids == self.letter)
        logits[:, 0] = 1.0
        return SimpleNamespace(start_logits=logits, end_logits=logits)


@pytest.fixture(scope="module")
def tokenizer(tiny_backbone: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(tiny_backbone)


def reader_of_z(tokenizer: PreTrainedTokenizerBase, **settings: float) -> ExtractiveReader:
    model = FindsZ(tokenizer.convert_tokens_to_ids("z"))
    return ExtractiveReader(model, tokenizer, max_tokens=64, **settings)


def test_the_best_span_is_the_highest_sum_of_start_and_end_in_order() -> None:
    start = torch.tensor([[0.0, 1.0, 5.0, 2.0]])
    end = torch.tensor([[0.0, 9.0, 1.0, 4.0]])
    # tokens 1 to 3: (1,1) 1+9=10, (1,2) 2, (1,3) 5, (2,2) 6, (2,3) 9, (3,3) 6; (2,1) would run backwards
    readable = torch.tensor([[False, True, True, True]])
    first, last, score = best_spans(start, end, readable)
    assert (first.item(), last.item(), score.item()) == (1, 1, 10.0)
    # without token 1 the best is (2,3)
    first, last, score = best_spans(start, end, torch.tensor([[False, False, True, True]]))
    assert (first.item(), last.item(), score.item()) == (2, 3, 9.0)


def test_a_span_is_at_most_32_tokens_long() -> None:
    start, end = torch.zeros(1, 50), torch.zeros(1, 50)
    start[0, 0] = end[0, 40] = 3.0
    first, last, score = best_spans(start, end, torch.ones(1, 50, dtype=torch.bool))
    assert last.item() - first.item() < 32
    assert score.item() == 3.0  # one of the two, not both


def test_an_answer_is_read_from_the_text_and_never_from_the_question(tokenizer) -> None:
    reader = reader_of_z(tokenizer)
    found, missing = reader.read(questions=["who is z", "who is z"], texts=["a b z c", "a b c"])
    assert found.answer == "z"
    assert found.margin == pytest.approx(16.0 - 2.0)  # 8 + 8 against 1 + 1
    assert missing.answer is None
    assert missing.margin == pytest.approx(-2.0)


def test_the_margin_asked_for_decides_between_answer_and_none(tokenizer) -> None:
    (reading,) = reader_of_z(tokenizer, no_answer_margin=14.5).read(questions=["who"], texts=["a z"])
    assert reading == Reading("z", pytest.approx(-0.5))
    assert reading.answer is None


def test_a_text_past_the_window_is_read_to_its_end(tokenizer) -> None:
    (reading,) = reader_of_z(tokenizer).read(questions=["who"], texts=["x " * 400 + "z y"])
    assert reading.answer == "z"


def test_readings_come_in_the_order_of_the_questions(tokenizer) -> None:
    texts = ["x " * 100 + "z", "a", "z", "", "x " * 30]
    reader = reader_of_z(tokenizer)
    together = reader.read(questions=["who"] * 5, texts=texts)
    assert together == [reader.read(questions=["who"], texts=[text])[0] for text in texts]
    assert [reading.answer for reading in together] == ["z", None, "z", None, None]


def test_no_questions_give_no_readings(tokenizer) -> None:
    assert reader_of_z(tokenizer).read(questions=[], texts=[]) == []


def test_a_question_past_the_window_is_cut_with_a_warning(tokenizer, caplog) -> None:
    with caplog.at_level("WARNING", logger="judge.reader"):
        (reading,) = reader_of_z(tokenizer).read(questions=["q " * 200], texts=["a z"])
    assert reading.answer == "z"
    assert "cut to 48 tokens" in caplog.text  # three quarters of 64


def test_every_letter_of_a_long_text_is_in_some_chunk(tokenizer) -> None:
    text = " ".join("abcdefghij"[i % 10] for i in range(150))
    chunks = chunk_pairs(tokenizer, ["who"], [text], max_tokens=64)
    covered = {
        place
        for offsets, segments in zip(chunks["offset_mapping"], chunks["segment"], strict=True)
        for (start, end), segment in zip(offsets, segments, strict=True)
        if segment == 1
        for place in range(start, end)
    }
    assert covered == {place for place, letter in enumerate(text) if letter != " "}
    assert set(chunks["owner"]) == {0}


def test_any_question_answering_model_can_be_named(tiny_backbone: Path, tmp_path: Path) -> None:
    config = BertConfig.from_pretrained(tiny_backbone)
    BertForQuestionAnswering(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_backbone).save_pretrained(tmp_path)
    reader = ExtractiveReader.from_pretrained(tmp_path, device="cpu")
    assert reader.max_tokens == 128  # what the tokenizer says; the model has as many positions
    (reading,) = reader.read(questions=["who"], texts=["a b c"])
    assert reading.span in "a b c"
    assert reader.tokenizer("a [SEP] b")["input_ids"].count(reader.tokenizer.sep_token_id) == 1


def test_an_encoder_that_was_never_taught_to_answer_is_refused(tiny_backbone: Path) -> None:
    with pytest.raises(JudgeError, match=r"lacks qa_outputs.bias, qa_outputs.weight; name another"):
        ExtractiveReader.from_pretrained(tiny_backbone)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="expected an extractive question-answering model"):
        ExtractiveReader.from_pretrained(tmp_path)


def test_a_reader_of_another_encoder_is_refused(tiny_backbone: Path, tmp_path: Path) -> None:
    backbone = find_backbone(str(tiny_backbone))
    content = {"backbone": {"source": backbone.source, "sha256": "0" * 64}}
    (tmp_path / READER_FILE).write_text(json.dumps(content))
    with pytest.raises(Exception, match="expected encoder weights with SHA-256"):
        ExtractiveReader.from_pretrained(tmp_path)
