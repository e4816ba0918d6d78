import pytest

from rl.adapters.messages import answer_of, question_of, references_of, rendered_answer, rendered_question

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "Capital of Peru?"},
]


def test_text_is_taken_as_it_stands():
    assert question_of("Capital of Peru? ") == "Capital of Peru? "
    assert answer_of("Lima") == "Lima"


def test_of_a_chat_the_last_turn_of_each_side_counts():
    assert question_of(CHAT) == "Capital of Peru?"
    assert answer_of([*CHAT, {"role": "assistant", "content": "Lima"}]) == "Lima"


def test_parts_that_are_not_text_are_left_out():
    parts = [{"type": "image"}, {"type": "text", "text": "Which "}, {"type": "text", "text": "city?"}]
    assert question_of([{"role": "user", "content": parts}]) == "Which city?"


@pytest.mark.parametrize("completion", [[], [{"role": "tool", "content": "x"}]])
def test_an_assistant_that_says_nothing_gives_an_empty_answer(completion):
    assert answer_of(completion) == ""


def test_a_message_that_only_calls_tools_is_empty():
    assert answer_of([{"role": "assistant", "content": None}]) == ""


@pytest.mark.parametrize(
    ("cell", "references"),
    [("Lima", ("Lima",)), (["Lima", "Ciudad"], ("Lima", "Ciudad")), (None, ()), ("  ", ()), ([], ())],
)
def test_a_cell_holds_one_answer_or_several_or_none(cell, references):
    assert references_of(cell) == references


TEMPLATES = {
    "chatml": (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nCapital of Peru?<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "llama": (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nCapital of Peru?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "gemma": "<bos><start_of_turn>user\nCapital of Peru?<end_of_turn>\n<start_of_turn>model\n",
    "mistral": "<s>[INST] Capital of Peru? [/INST]",
    "none": "Capital of Peru?",
}


@pytest.mark.parametrize("prompt", TEMPLATES.values(), ids=TEMPLATES)
def test_the_question_is_read_out_of_a_rendered_prompt(prompt):
    assert rendered_question(prompt) == "Capital of Peru?"


def test_a_plain_question_may_begin_with_the_name_of_a_role():
    assert rendered_question("user\nof what?") == "user\nof what?"
    assert rendered_question("<s>users of what?") == "users of what?"


@pytest.mark.parametrize("end", ["<|im_end|>", "<|eot_id|>", "</s>", "<eos>", "<end_of_turn>\n", ""])
def test_special_tokens_are_no_part_of_an_answer(end):
    assert rendered_answer(f"Lima, a < b{end}") == "Lima, a < b"
