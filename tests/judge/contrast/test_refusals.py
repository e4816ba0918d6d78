import re
from random import Random

import pytest

from judge.contrast import refusals
from judge.contrast.abstentions import ANSWERING, DECLINING

DRAWS = 300


def texts(form):
    """Every question and text that one form gives, over many draws."""
    return {form("Who wrote Emma?", "Jane Austen", Random(seed)) for seed in range(DRAWS)}


def test_refusals_are_long_and_hardly_two_are_alike():
    refused = [text for _, text in texts(refusals.long_refusal)]
    assert len(set(refused)) > 0.9 * DRAWS
    assert sorted(len(text.split()) for text in refused)[DRAWS // 2] > 20


@pytest.mark.parametrize("form", ["long_refusal", "complied", "warned", "disclaimed", "refuted"])
def test_no_slot_is_left_open(form):
    assert not [text for _, text in texts((DECLINING | ANSWERING)[form]) if re.search(r"[{}]", text)]


@pytest.mark.parametrize("form", ["complied", "warned", "disclaimed"])
def test_an_answer_speaks_to_the_asker_of_what_was_asked(form):
    for asked, text in texts(ANSWERING[form]):
        about = next(topic for topic in refusals.TOPICS if topic[0] in asked)
        said = text.lower()
        assert about[1] in said or about[2] in said or about[0].replace("my ", "your ")[:12] in said
        assert "your" in said or " my " not in said


def test_a_refusal_may_answer_any_question():
    asked = {question for question, _ in texts(refusals.long_refusal)}
    assert "Who wrote Emma?" in asked
    assert len(asked) > 50


def test_a_myth_is_denied_by_its_claim():
    for asked, text in texts(refusals.refuted):
        assert dict(refusals.MYTHS)[asked] in text


def test_words_of_declining_in_no_order_decline_nothing():
    garbled = {text for _, text in texts(refusals.garbled)}
    assert len(garbled) > 40
    assert not garbled & {"i do not know", "i don't know", "do not know", "don't know", "i am not sure"}
    assert not [text for text in garbled if text.startswith("i do not know") or "i don't know" in text]
