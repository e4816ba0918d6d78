from pathlib import Path

import pytest
import torch
from tokenizers import decoders
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase, T5Config, T5ForConditionalGeneration

from judge.errors import ConfigError, JudgeError
from judge.question_generator import QuestionGenerator, check_template, show
from judge.spans import find_spans

FACT = "Ada was born in London."


class Says(torch.nn.Module):
    """A model that writes one text always, or what it was shown."""

    device = torch.device("cpu")

    def __init__(self, ids: list[int] | None = None):
        super().__init__()
        self.ids = ids

    def generate(self, input_ids: Tensor, attention_mask: Tensor, **_: object) -> Tensor:
        return input_ids if self.ids is None else torch.tensor([self.ids] * len(input_ids))


@pytest.fixture(scope="module")
def tokenizer(tiny_backbone: Path) -> PreTrainedTokenizerBase:
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    tokenizer.backend_tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def test_the_model_is_shown_the_answer_in_its_sentence() -> None:
    span = find_spans(FACT)[-1]
    assert show("generate question: {highlighted}", FACT, span) == (
        "generate question: Ada was born in <hl> London <hl>."
    )
    assert (
        show("answer: {answer} context: {fact}", FACT, span)
        == "answer: London context: Ada was born in London."
    )


@pytest.mark.parametrize("template", ["ask: {fact}", "ask", "{highlighted} {other}", "{}"])
def test_a_template_that_does_not_say_what_is_asked_for_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match=r"expected \{answer\} or \{highlighted\}"):
        check_template(template)


def test_questions_come_by_fact_in_the_order_of_their_answers(tokenizer) -> None:
    generator = QuestionGenerator(Says(tokenizer("who wrote the great book")["input_ids"]), tokenizer)
    asked = generator.ask(["Bob met Eve.", "It is so.", FACT])
    assert [[(q.text, q.answer) for q in questions] for questions in asked] == [
        [("who wrote the great book", "Bob"), ("who wrote the great book", "Eve")],
        [],
        [("who wrote the great book", "Ada"), ("who wrote the great book", "London")],
    ]


def test_a_question_that_gives_its_answer_away_is_dropped(tokenizer) -> None:
    assert QuestionGenerator(Says(), tokenizer).ask([FACT]) == [[]]


def test_what_is_written_comes_in_the_order_of_what_was_shown(tokenizer) -> None:
    generator = QuestionGenerator(Says(), tokenizer, template="{answer}", batch_tokens=16)
    facts = ["the green red and blue house is of bob", "to ann"]
    parts = [(i, fact, span) for i, fact in enumerate(facts) for span in find_spans(fact)]
    assert generator._write(parts) == [fact[span.start : span.end] for _, fact, span in parts]


def test_any_sequence_to_sequence_model_can_be_named(tokenizer, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=3,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    generator = QuestionGenerator.from_pretrained(str(tmp_path), device="cpu")
    again = QuestionGenerator.from_pretrained(str(tmp_path), device="cpu")
    assert generator.ask([FACT, ""]) == again.ask([FACT, ""])


def test_what_writes_no_text_is_refused(tiny_backbone: Path) -> None:
    with pytest.raises(JudgeError, match="expected a sequence-to-sequence model"):
        QuestionGenerator.from_pretrained(str(tiny_backbone))
