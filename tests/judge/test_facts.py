import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.facts import read_facts, read_sentences


def facts(text: str) -> list[str]:
    return [fact.text for fact in read_facts(text)]


def test_abbreviations_initials_and_decimals_end_no_sentence() -> None:
    text = "Dr. Lee of the U.S. Army paid 3.5 million to J. R. R. Tolkien. It was No. 5."
    assert [sentence.text for sentence in read_sentences(text)] == [text[:-14], "It was No. 5."]


def test_list_items_open_with_what_introduced_them() -> None:
    text = "Why? Two reasons:\n1. It is big.\n2) It is old.\n\nIt is in Peru."
    assert facts(text) == ["Two reasons: It is big.", "Two reasons: It is old.", "It is in Peru."]
    assert [text[fact.start : fact.end] for fact in read_facts(text)][:2] == ["It is big.", "It is old."]


def test_a_line_broken_to_fit_a_page_goes_on_and_a_short_one_ends() -> None:
    text = "This line is as long as a page is wide, so that its sentence\ngoes on.\nLima\nOslo"
    assert facts(text) == [text[:70].replace("\n", " ").strip(), "Lima", "Oslo"]


def test_questions_and_pleasantries_are_no_facts_unless_there_is_nothing_else() -> None:
    assert facts("Sure! Great question. The **capital** is Lima. Anything else?") == ["The capital is Lima."]
    assert facts("Who's Afraid of Virginia Woolf?") == ["Who's Afraid of Virginia Woolf?"]


def test_what_is_said_twice_counts_once() -> None:
    assert facts("It is Lima. It is lima! It is Oslo.") == ["It is Lima.", "It is Oslo."]


@pytest.mark.parametrize("text", ["", " \n", "...", "🙂🙂"])
def test_a_text_without_a_word_has_no_facts(text: str) -> None:
    assert facts(text) == []


def test_a_fact_too_long_to_be_checked_is_cut_and_nothing_is_lost() -> None:
    text = "one two three four, five six seven eight nine ten"
    pieces = read_facts(text, fits=lambda fact: len(fact) <= 20)
    assert [piece.text for piece in pieces] == ["one two three four,", "five six seven", "eight nine ten"]
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("aB1é.,;:-!?*\n\t \"'()🙂"), max_size=80))
def test_every_fact_lies_inside_its_text_and_fits(text: str) -> None:
    for fact in read_facts(text, fits=lambda fact: len(fact) <= 10):
        assert 0 <= fact.start <= fact.end <= len(text)
        assert len(fact.text) <= 10


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_facts_or_none(text: str) -> None:
    read_facts(text)
