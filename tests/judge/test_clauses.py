import time

import pytest

from judge.clauses import is_bare, parts_of


def texts(sentence: str) -> list[str]:
    return [part.text for part in parts_of(sentence)]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Lima is in Peru; Oslo is in Norway.", ["Lima is in Peru", "Oslo is in Norway."]),
        ("She studied law but he studied art.", ["She studied law", "he studied art."]),
        ("In 1990, Ann left Rome and moved to Oslo.", ["In 1990, Ann left Rome", "Ann moved to Oslo."]),
        ("He was born in Rome and educated in Oslo.", ["He was born in Rome", "He was educated in Oslo."]),
        ("It was signed in 1990 and ended the war.", ["It was signed in 1990", "It ended the war."]),
    ],
)
def test_a_coordinated_clause_becomes_a_statement_of_its_own(sentence: str, parts: list[str]) -> None:
    assert texts(sentence) == parts


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Ann, Bob and Cid were there.", ["Ann was there.", "Bob was there.", "Cid was there."]),
        (
            "It is made of tin, zinc, and copper.",
            ["It is made of tin.", "It is made of zinc.", "It is made of copper."],
        ),
        ("red, white, blue", ["red", "white", "blue"]),
        (
            "She met Ann Lee, Bob Roe & Cid in Rome.",
            ["She met Ann Lee in Rome.", "She met Bob Roe in Rome.", "She met Cid in Rome."],
        ),
    ],
)
def test_each_item_of_a_list_keeps_what_stands_around_the_list(sentence: str, parts: list[str]) -> None:
    assert texts(sentence) == parts


@pytest.mark.parametrize(
    "sentence",
    [
        "It was founded and led by Ann.",
        "Bob said that Ann left and Cid stayed.",
        "If it rains and Ann left, Bob stayed.",
        "It was red, white or blue.",
        "It lies between Rome, Oslo and Lima.",
        "It exports tin, zinc and copper.",  # an unknown verb: where the list begins cannot be told
        "London, England",
        "1,200,300",
        "Trinidad and Tobago",
    ],
)
def test_what_cannot_be_cut_for_certain_stays_whole(sentence: str) -> None:
    assert texts(sentence) == [sentence]


def test_a_part_keeps_the_characters_that_are_its_own() -> None:
    sentence = "Ann won gold, silver and bronze and moved to Oslo."
    owned = [sentence[part.start : part.end] for part in parts_of(sentence)]
    assert owned == ["gold", "silver", "bronze", "moved to Oslo."]


@pytest.mark.parametrize(("text", "bare"), [("Lima, Peru", True), ("Ann won.", False), ("x " * 11, False)])
def test_a_few_words_without_a_verb_are_bare(text: str, bare: bool) -> None:
    assert is_bare(text) is bare


@pytest.mark.parametrize("unit", ["A ", "A, ", "a and ", "was and was ", "1,", "the a "])
def test_no_text_takes_long(unit: str) -> None:
    started = time.process_time()
    parts_of(unit * 20_000)
    parts_of((unit * 600)[:600])
    assert time.process_time() - started < 2.0
