import pytest

from judge.lexical.words import read_words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Beatles", "beatles"),
        ("Beyoncé’s", "beyonce"),
        ("Łódź", "Lodz"),
        ("U.S.", "US"),
        ("J. K. Rowling", "J.K. Rowling"),
        ("J R R Tolkien", "J.R.R. Tolkien"),
        ("Harry Connick Jnr.", "Harry Connick, Junior"),
        ("David & Victoria", "David and Victoria"),
        ("one thousand, nine hundred and thirty-six", "1936"),
        ("nineteen thirty-six", "1936"),
        ("1.2 million", "1,200,000"),
        ("£50m", "50 million pounds"),
        ("$1.5bn", "1.5 billion dollars"),
        ("90%", "ninety percent"),
        ("three quarters", "3/4"),
        ("World War II", "World War Two"),
        ("the 20th century", "twentieth century"),
        ("July 4, 1776", "the 4th of July 1776"),
        ("1912-04-12", "April 12th, 1912"),
        ("25.12.1991", "December 25, 1991"),
        ("Nov. 9, 1989", "9 November 1989"),
        ("US$3.5bn", "3.5 billion dollars"),
        ("45k", "45,000"),
        ("2½", "2.5"),
        ("2 1/2", "two and a half"),
        ("fifty per cent", "50%"),
        ("isn't", "not"),
        ("colours", "color"),
    ],
)
def test_spellings_of_one_answer_have_one_normal_form(one: str, other: str) -> None:
    assert read_words(one).words == read_words(other).words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("19", "1999"),
        ("5", "-5"),
        ("1930s", "1930"),
        ("9/11", "0.9"),
        ("between twenty and thirty", "between 2030"),
        ("five seconds", "5 2"),
        ("thirty, forty", "3040"),
        ("Marie Curie", "Curie Marie"),
        ("C++", "C"),
        ("C#", "C++"),
    ],
)
def test_different_answers_have_different_normal_forms(one: str, other: str) -> None:
    assert read_words(one).words != read_words(other).words


def test_articles_stay_where_there_is_nothing_else() -> None:
    assert read_words("The The").words == ("the", "the")


def test_chinese_characters_are_words_each() -> None:
    assert read_words("北京市").words == ("北", "京", "市")


def test_clauses_end_at_full_stops_but_not_after_initials_and_list_numbers() -> None:
    text = read_words("1. J. Smith met Dr. Jones. He left!")
    assert [text.words[end - 1] for end in text.clause_ends] == ["jone", "left"]


def test_a_run_of_words_is_a_substring_of_the_joined_words() -> None:
    assert read_words("York").joined in read_words("New York, New York").joined
    assert read_words("art").joined not in read_words("a party").joined
