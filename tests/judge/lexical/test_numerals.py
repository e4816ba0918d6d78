import pytest

from judge.lexical.numerals import in_figures


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
        ("a quarter", "0.25"),
        ("a third of it", "0.333333 of it"),
        ("a third party", "a 3 party"),
        ("3 quarter", "0.75"),
        ("two and a half", "2.5"),
        ("3 and a half million", "3500000"),
        ("half a million", "500000"),
        ("a quarter of a million", "250000"),
        ("two dozen", "24"),
        ("minus five", "-5"),
        ("ten minus five", "10 minus 5"),
        ("one in four", "0.25"),
        ("1 out of every 10", "0.1"),
        ("one in a million", "0.000001"),
        ("three in five day", "3 in 5 day"),
        ("won 3 in 1998", "won 3 in 1998"),
        ("one second", "1 seconds"),
        ("30 second ad", "30 seconds ad"),
        ("in 1998 second", "in 1998 2"),
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


def test_a_number_that_is_said_without_end_is_cut_into_numbers() -> None:
    assert len(in_figures(["hundred"] * 200)) == 14  # 13 of fifteen, 10^30 each, and the rest
    assert in_figures(["million"] * 200) == ["200000000"]
