import pytest

from judge.contrast.aliases import answered, canonical, is_clean, same_thing, tidy, unfolded


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Red Lion", "The Red Lion"),
        ("Cézanne", "Cezanne"),
        ("Off-piste", "offpiste"),
        ("Grover Cleveland", "Grover Clevland"),
        ("Gottlieb Daimler", "Gottlieb Wilhelm Daimler"),
        ("Caroline Lucas", "Dr Caroline Lucas"),
        ("BBC", "British Broadcasting Corporation"),
    ],
)
def test_spellings_initials_and_fuller_names_are_the_same_thing(name, other):
    assert same_thing(name, other)
    assert same_thing(other, name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Blood", "Blood oxygen"),
        ("2015", "2016"),
        ("Henry VII", "Henry VIII 2"),
        ("Mars", "Bars"),
        ("Eusebio", "Ruth Malosso"),
        ("", "Rome"),
    ],
)
def test_what_is_only_related_is_not_the_same_thing(name, other):
    assert not same_thing(name, other)


def test_the_canonical_name_is_the_one_the_others_agree_on():
    assert canonical(["KE-110", "Nairobi Province", "Nairobi, Kenya", "NAIROBI", "Nairobi"]) == "Nairobi"


def test_a_list_that_does_not_agree_has_no_canonical_name():
    assert canonical(["Jacqui Dixon", "Sammy Rogers", "Barry Grant"]) is None


@pytest.mark.parametrize("name", ["Mercury (disambiguation)", "List of kings", "🐄", "", "x" * 61])
def test_page_titles_and_signs_are_not_clean(name):
    assert not is_clean(name)


def test_tokenized_text_is_put_together():
    assert tidy("July 16 , 2017") == "July 16, 2017"
    assert tidy("Kareem Abdul - Jabbar did n't") == "Kareem Abdul-Jabbar didn't"


def test_a_list_written_as_one_string_is_taken_apart():
    assert unfolded(["['Perry White', Great Caesar's ghost]"]) == ["Perry White", "Great Caesar's ghost"]


def test_a_question_without_a_short_sure_answer_is_left_out():
    assert answered("Who?", ["one two three four five six seven eight nine"], "g") is None
    assert answered("Who ?", ["Bob", "bob"], "g").names == ("Bob", "bob")
