import pytest

from judge.lexical.numerals import days_first, in_figures


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("zero", "0"),
        ("twenty one", "21"),
        ("nineteen eighty four", "1984"),
        ("twenty twenty", "2020"),
        ("nineteen hundred", "1900"),
        ("two hundred and five thousand and six", "205006"),
        ("fifteen thousand three hundred and two", "15302"),
        ("two million , three hundred thousand , and one", "2300001"),
        ("3.5 million", "3500000"),
        ("twenty third", "23"),
        ("two thirds", "0.666667"),
        ("half", "0.5"),
        ("one two three", "1 2 3"),
        ("five and six", "5 and 6"),
        ("ten , twenty , thirty", "10 , 20 , 30"),
        ("3 million and 4 billion", "3000000 and 4000000000"),
        ("zero five", "0 5"),
        ("louis xiii", "louis 13"),
        ("no number here", "no number here"),
    ],
)
def test_number_words_become_figures(said: str, figures: str) -> None:
    assert in_figures(said.split()) == figures.split()


@pytest.mark.parametrize("date", ["july 4 1776", "4 july 1776", "4 jul 1776", "4 of july 1776"])
def test_days_stand_before_months_written_in_full(date: str) -> None:
    assert [word for word in days_first(date.split()) if word != ","] == ["4", "july", "1776"]


def test_a_month_name_without_a_number_is_left_as_it_is() -> None:
    words = ["it", "may", "rain", "in", "mar", "del", "plata"]
    assert days_first(words) == words
