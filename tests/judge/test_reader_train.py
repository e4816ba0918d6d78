import gzip
import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from judge.config import TrainReaderConfig
from judge.errors import DataError
from judge.reader import ExtractiveReader, Reading
from judge.reader_examples import Example
from judge.reader_train import as_dataset, choose_margin, measure, train

ANSWERED = Example("who ?", "it was bob here", 7, 10, "pairs/asked")
SILENT = Example("who ?", "it was so", 0, 0, "pairs/elsewhere")


def test_the_answer_is_marked_by_its_first_and_last_token(tiny_backbone: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    answered, silent = as_dataset([ANSWERED, SILENT], tokenizer, max_tokens=64)
    marked = answered["input_ids"][answered["start_positions"] : answered["end_positions"] + 1]
    assert tokenizer.convert_ids_to_tokens(marked) == ["b", "##o", "##b"]
    assert (silent["start_positions"], silent["end_positions"]) == (0, 0)


def test_a_chunk_without_the_answer_has_none(tiny_backbone: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    text = "x " * 80 + "bob"
    rows = as_dataset([Example("who", text, len(text) - 3, len(text), "s")], tokenizer, max_tokens=64)
    places = list(zip(rows["start_positions"], rows["end_positions"], strict=True))
    assert len(places) > 1
    assert set(places[:-1]) == {(0, 0)}
    assert places[-1] != (0, 0)


def test_the_margin_is_the_one_that_tells_answers_from_none_best() -> None:
    examples = [ANSWERED, ANSWERED, SILENT, SILENT]
    readings = [Reading("bob", 5.0), Reading("bob", 3.0), Reading("so", 2.0), Reading("it", -4.0)]
    margin = choose_margin(examples, readings)
    # Both answers lie above 2, both silences at or below it.
    assert 2.0 <= margin < 3.0


def test_measures_are_hand_worked() -> None:
    examples = [ANSWERED, ANSWERED, ANSWERED, SILENT, SILENT]
    spans = ["Bob", "bob here", "bob", "it", "it"]
    readings = [
        Reading(span, margin) for span, margin in zip(spans, [1.0, 1.0, -1.0, 1.0, -1.0], strict=True)
    ]
    figures = measure(examples, readings, margin=0.0)["all"]
    assert figures["exact_match"] == pytest.approx(1 / 3)
    # F1 1, then precision 1/2 and recall 1 give 2/3, then 0 for the answer that was not given
    assert figures["token_f1"] == pytest.approx((1 + 2 / 3) / 3)
    assert figures["no_answer_accuracy"] == 0.5
    assert figures["rows"] == 5


@pytest.mark.parametrize("held_out", [[], [ANSWERED], [SILENT]])
def test_exercises_that_no_margin_can_be_chosen_on_are_refused_before_training(
    held_out: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("judge.reader_train.read_examples", lambda config: ([ANSWERED], held_out))
    with pytest.raises(DataError, match="expected held-out exercises with an answer and without"):
        train(TrainReaderConfig(output_dir=str(tmp_path)))


def test_a_trained_reader_is_read_back_as_it_was(tiny_backbone: Path, tmp_path: Path) -> None:
    names = ["Ann", "Bob", "Eve", "Joe", "Tim", "Kim", "Pam", "Ron"]
    rows = [
        {"text_a": f"{name} wrote the red book.", "text_b": f"the red book was by {name} of old.", "label": 1}
        for name in names
        for _ in range(4)
    ]
    with gzip.open(tmp_path / "pairs.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    config = TrainReaderConfig(
        output_dir=str(tmp_path / "reader"), train_files=["pairs.jsonl.gz"], data_dir=str(tmp_path),
        backbone=str(tiny_backbone), max_steps=2, batch_size=4, max_tokens=64, lora_rank=2,
        held_out_share=0.4, device="cpu",
    )  # fmt: skip
    directory = train(config)
    reader = ExtractiveReader.from_pretrained(directory, device="cpu")
    again = ExtractiveReader.from_pretrained(directory, device="cpu")
    question = {"questions": ["____ wrote the red book."], "texts": ["the red book was by Ann of old."]}
    assert reader.read(**question) == again.read(**question)
    metrics = json.loads((directory / "metrics.json").read_text())
    assert metrics["all"]["rows"] > 0
    adapter = json.loads((directory / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == str(tiny_backbone)
    assert not list(directory.glob("*.bin"))
