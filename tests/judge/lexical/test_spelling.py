import pytest

from judge.lexical.spelling import SLIP, is_acronym, likeness, one_slip_apart


@pytest.mark.parametrize("slip", ["moscoww", "mosow", "moscaw", "mocsow", "moscow"])
def test_one_letter_added_dropped_changed_or_swapped_is_one_slip(slip: str) -> None:
    assert one_slip_apart("moscow", slip)
    assert one_slip_apart(slip, "moscow")


@pytest.mark.parametrize("other", ["mosc", "cosmow", "mascaw", ""])
def test_more_than_one_slip_is_told_apart(other: str) -> None:
    assert not one_slip_apart("moscow", other)


def test_likeness_is_the_squared_share_of_letter_pairs() -> None:
    # magnetic: ma ag gn ne et ti ic; magnetism: ma ag gn ne et ti is sm; 6 shared: (2 * 6 / (7 + 8))^2 = 0.64
    assert likeness("magnetic", frozenset({"magnetism", "of"})) == pytest.approx(0.64)


def test_likeness_is_one_for_the_word_itself_and_none_for_short_words_and_numbers() -> None:
    assert likeness("rome", frozenset({"rome"})) == 1.0
    assert likeness("moscow", frozenset({"moskow"})) == SLIP
    assert likeness("cat", frozenset({"car"})) == 0.0
    assert likeness("1912", frozenset({"1913"})) == 0.0


def test_an_acronym_spells_the_initials_of_names_in_a_row() -> None:
    names = ["The", "United", "Kingdom"]
    assert is_acronym("UK", names)
    assert is_acronym("U.K.", names)
    assert not is_acronym("uk", names)
    assert not is_acronym("KU", names)
    assert not is_acronym("T", names)
